"""Invoices and their line items."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import OfSeller, Ownership, Reference, Table, Through, part_of
from app.db.write import update_row
from app.errors import NotFound
from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.catalogue.db.inventories import INVENTORIES
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId
from app.marketplace.catalogue.db.variants import VARIANTS
from app.marketplace.orders.db.addresses import ADDRESSES
from app.marketplace.orders.db.orders import ORDERS, OrderId
from app.marketplace.orders.domain.invoice import InvoiceStatus, InvoiceStatusFlag
from app.marketplace.orders.domain.order import DeliveryType, LineItemStatus, LineItemStatusFull, PricingModel
from app.marketplace.orders.domain.settlement import NOTHING, Split
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.metadata import METADATA

InvoiceId = NewType("InvoiceId", int)
LineItemId = NewType("LineItemId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    id: InvoiceId
    order_id: OrderId
    seller_id: SellerId
    delivery_type: DeliveryType
    status_flags: tuple[InvoiceStatusFlag, ...]
    status: InvoiceStatus
    buyer_first_name: str | None
    buyer_surname: str | None
    buyer_phone: str | None
    buyer_email_address: str | None
    buyer_message_to_seller: str | None
    paid_at: datetime | None
    remitted_at: datetime | None
    shipping_description: str
    payment_instrument_type: str | None
    is_external_tax_applied: bool
    tax_rate: float | None
    postage_tax_rate: float | None
    merchant_fee_cents: int | None
    merchant_fees_tax_rate: float | None
    merchant_fee_tax_total_cents: int | None
    total_cents: int
    adjustment_cents: int
    subtotal_cents: int
    tax_total_cents: int
    tax_shipping_cents: int
    shipping_cost_cents: int
    discount_cents: int
    commission_amount_cents: int | None
    commission_amount_tax_cents: int | None
    commission_tax_rate: float | None
    currency: str
    shipping_address_id: int | None
    buyer_billing_address_id: int | None
    order_purged_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    id: LineItemId
    invoice_id: InvoiceId
    advert_id: int | None
    variant_id: int | None
    advert_title: str | None
    advert_code: str | None
    brand_name: str | None
    variant_name: str | None
    variant_sku: str | None
    variant_barcode: str | None
    status: LineItemStatus
    status_full: LineItemStatusFull
    pricing_model: PricingModel
    quantity: int
    quantity_awaiting_dispatch: int
    quantity_returnable: int
    stock_quantity: int
    item_amount_cents: int
    total_cents: int
    subtotal_cents: int
    tax_total_cents: int
    discount_cents: int
    postage_cents: int
    commission_amount_cents: int | None
    commission_amount_tax_cents: int | None
    commission_rate: float | None
    commission_tax_rate: float | None
    postage_tax_rate: float | None
    merchant_fees_tax_rate: float | None
    wholesale_price_cents: int | None
    settled_cents: int
    settled_tax_cents: int
    settled_commission_cents: int
    settled_commission_tax_cents: int
    tax_rate: float | None
    currency: str
    image_id: int | None
    inventory_id: int | None
    created_at: datetime
    updated_at: datetime

    @property
    def amounts(self) -> Split:
        return Split(
            total_cents=self.total_cents,
            tax_cents=self.tax_total_cents,
            commission_cents=self.commission_amount_cents or 0,
            commission_tax_cents=self.commission_amount_tax_cents or 0,
        )

    @property
    def settled(self) -> Split:
        """Return what amendments have given back, at the item's own price."""
        return Split(
            total_cents=self.settled_cents,
            tax_cents=self.settled_tax_cents,
            commission_cents=self.settled_commission_cents,
            commission_tax_cents=self.settled_commission_tax_cents,
        )


INVOICES = Table(
    "invoices",
    Invoice,
    type_name="Invoice",
    seen_by=OfSeller(),
    keys={
        "order_id": part_of(ORDERS, passes_down=True),
        "seller_id": SELLERS,
        "shipping_address_id": ADDRESSES,
        "buyer_billing_address_id": ADDRESSES,
    },
    owns=(EXTERNAL_IDS, METADATA),
    is_subscribable=True,
    remembered_in="deleted_invoices",
)
LINE_ITEMS = Table(
    "line_items",
    LineItem,
    type_name="LineItem",
    seen_by=Through("invoice_id"),
    keys={
        "invoice_id": part_of(INVOICES),
        "advert_id": Reference(to=ADVERTS, is_enforced=False),
        "variant_id": Reference(to=VARIANTS, is_enforced=False),
        "image_id": IMAGES,
        "inventory_id": INVENTORIES,
    },
    owns=(EXTERNAL_IDS, METADATA, Ownership(IMAGES, is_part=False)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItemMove:
    """The changes of a line item's quantities, as differences, its new status, and the amounts that are settled."""

    awaiting_dispatch: int
    returnable: int
    status: LineItemStatus
    settled: Split = NOTHING


async def lock_invoice(conn: Connection, invoice_id: InvoiceId, *, seller_id: SellerId | None) -> Invoice:
    """Lock an invoice until the transaction ends, so that changes of one invoice run one by one.

    Its order is locked first, as an update of the order does: a change of an invoice is one of its order.

    Args:
        seller_id: The seller that must own it. None accepts any seller.

    Raises:
        NotFound: There is none, or it is another seller's. The field is `invoice_id`.
    """
    await conn.execute(
        "select from orders o where o.id = (select i.order_id from invoices i"
        " where i.id = $1 and ($2::bigint is null or i.seller_id = $2)) for no key update",
        invoice_id,
        seller_id,
    )
    record = await conn.fetchrow(
        f"select {INVOICES.select_list('i')} from invoices i"
        " where i.id = $1 and ($2::bigint is null or i.seller_id = $2) for no key update",
        invoice_id,
        seller_id,
    )
    if record is None:
        raise NotFound.at("invoice_id", "there is no such invoice")
    return INVOICES.from_record(record)


async def lock_order_invoices(conn: Connection, order_id: OrderId) -> list[Invoice]:
    """Lock all invoices of an order in key order."""
    records = await conn.fetch(
        f"select {INVOICES.select_list('i')} from invoices i where i.order_id = $1 order by i.id for no key update",
        order_id,
    )
    return INVOICES.rows(records)


async def lock_line_items(conn: Connection, invoice_id: InvoiceId) -> list[LineItem]:
    """Lock all line items of an invoice in key order."""
    records = await conn.fetch(
        f"select {LINE_ITEMS.select_list('l')} from line_items l where l.invoice_id = $1 order by l.id"
        " for no key update",
        invoice_id,
    )
    return LINE_ITEMS.rows(records)


async def move_line_items(conn: Connection, moves: Mapping[LineItemId, LineItemMove]) -> None:
    """Change the quantities, the status and the settled amounts of locked line items in one statement."""
    await conn.execute(
        "update line_items l set quantity_awaiting_dispatch = l.quantity_awaiting_dispatch + m.awaiting,"
        # An importer may have counted items that await dispatch as returnable, too.
        " quantity_returnable = least(l.quantity, l.quantity_returnable + m.returnable),"
        " status = m.status, settled_cents = l.settled_cents + m.cents,"
        " settled_tax_cents = l.settled_tax_cents + m.tax,"
        " settled_commission_cents = l.settled_commission_cents + m.commission,"
        " settled_commission_tax_cents = l.settled_commission_tax_cents + m.commission_tax, updated_at = now()"
        " from unnest($1::bigint[], $2::int[], $3::int[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[],"
        " $8::bigint[]) m(id, awaiting, returnable, status, cents, tax, commission, commission_tax) where l.id = m.id",
        [*moves],
        [move.awaiting_dispatch for move in moves.values()],
        [move.returnable for move in moves.values()],
        [move.status.value for move in moves.values()],
        [move.settled.total_cents for move in moves.values()],
        [move.settled.tax_cents for move in moves.values()],
        [move.settled.commission_cents for move in moves.values()],
        [move.settled.commission_tax_cents for move in moves.values()],
    )


async def touch_invoice(conn: Connection, invoice_id: InvoiceId) -> None:
    """Set `updated_at` of an invoice whose part has changed, and of its order: lists by that time find them.

    It records no change event: see app/capture.
    """
    await _touch_order(conn, invoice_id)
    await conn.execute("update invoices set updated_at = now() where id = $1", invoice_id)


async def update_invoice(conn: Connection, invoice_id: InvoiceId, values: Mapping[str, object]) -> Invoice:
    """Set columns of an invoice, its `updated_at`, and that of its order."""
    await _touch_order(conn, invoice_id)
    return await update_row(conn, INVOICES, invoice_id, values)


async def _touch_order(conn: Connection, invoice_id: InvoiceId) -> None:
    await conn.execute(
        "update orders set updated_at = now() where id = (select order_id from invoices where id = $1)"
        " and updated_at < now()",
        invoice_id,
    )


async def allocate_line_items(conn: Connection, order_id: OrderId) -> None:
    """Set the NEW line items of a paid order to ALLOCATED. Its invoices are locked."""
    await conn.execute(
        "update line_items l set status = 'ALLOCATED', updated_at = now() from invoices i"
        " where i.order_id = $1 and l.invoice_id = i.id and l.status = 'NEW'",
        order_id,
    )
