"""Orders: recording a purchase, which is split into one invoice per seller and delivery type."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row, insert_rows
from app.errors import Forbidden
from app.kernel.problems import MAX_ITEMS, Problems, value_problems
from app.marketplace.catalogue.db.sellers import SellerId, find_seller_ids
from app.marketplace.catalogue.db.variants import (
    OfferedVariant,
    VariantId,
    lock_offered_variants,
    take_from_stock,
)
from app.marketplace.catalogue.domain.stock import PurchaseLine, form_problems, purchase_problems, tax_rate_problems
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS, Invoice, LineItem
from app.marketplace.orders.db.orders import ORDERS, Order
from app.marketplace.orders.domain.adjustment import NewAdjustment, adjustment_form_problems
from app.marketplace.orders.domain.order import DeliveryType, LineItemStatus, OrderStatus
from app.marketplace.orders.domain.payment import flags_after_payment
from app.marketplace.orders.domain.purchase import (
    Part,
    Terms,
    order_amounts,
    promotion_problems,
    split,
    total_problems,
)
from app.marketplace.orders.services.addresses import NewAddress, address_problems, insert_address
from app.marketplace.orders.services.order_adjustments import insert_adjustments
from app.marketplace.orders.services.order_lines import copies_of, line_item_columns, offer_of
from app.marketplace.orders.services.payments import NewPaymentEvent, insert_payment_events, payment_problems
from app.marketplace.owned.services.owned import (
    KeptValue,
    external_id_problems,
    keep_external_ids,
    keep_metadata,
    metadata_problems,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLineItem:
    """A line of a purchase.

    Args:
        item_amount_cents: The price of one. None takes the variant's price.
        tax_rate: A fraction. None is no tax.
        adjustments: Adjustments of the line's own goods and postage.
    """

    variant_id: VariantId
    quantity: int
    delivery_type: DeliveryType = DeliveryType.BUY_ONLINE
    item_amount_cents: int | None = None
    tax_rate: float | None = None
    postage_cents: int = 0
    adjustments: Sequence[NewAdjustment] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvoice:
    """An invoice of a purchase. `tax_rate` is the rate of the shipping, and of each line without one.

    The delivery types of the lines are ignored.
    """

    seller_id: SellerId
    line_items: Sequence[NewLineItem]
    delivery_type: DeliveryType = DeliveryType.BUY_ONLINE
    shipping_description: str = ""
    shipping_cost_cents: int = 0
    tax_rate: float | None = None
    adjustments: Sequence[NewAdjustment] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    status: OrderStatus = OrderStatus.COMPLETE
    first_name: str | None = None
    surname: str | None = None
    phone: str | None = None
    email_address: str | None = None
    company_name: str | None = None
    billing_first_name: str | None = None
    billing_surname: str | None = None
    billing_phone: str | None = None
    billing_email_address: str | None = None
    billing_company_name: str | None = None
    is_gift: bool = False
    message_to_seller: str | None = None
    payment_instrument_type: str | None = None
    address: NewAddress | None = None
    billing_address: NewAddress | None = None
    payment_events: Sequence[NewPaymentEvent] = ()
    external_ids: Sequence[KeptValue] = ()
    metadata: Sequence[KeptValue] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPurchase:
    """A purchase with either lines, which are split into invoices, or invoices."""

    order: NewOrder
    line_items: Sequence[NewLineItem] | None = None
    invoices: Sequence[NewInvoice] | None = None


async def create_order(database: Database, viewer: Viewer, given: NewPurchase) -> Order:
    """Record a purchase and take its items from stock. For the operator.

    Raises:
        Forbidden: The viewer is not the operator.
        InvalidInput: Names every wrong line, including those that are not in stock.
    """
    if not viewer.is_operator:
        raise Forbidden("Orders can be created by the marketplace operator only.")
    value_problems(given).include(_form_problems(given)).check()
    wanted = _wanted(given)
    async with transaction(database, actor=viewer.actor) as conn:
        offered = await lock_offered_variants(conn, {VariantId(line.variant_id) for line in wanted})
        problems = await _seller_problems(conn, given.invoices or ())
        offers = {int(variant_id): offer_of(item) for variant_id, item in offered.items()}
        problems.include(purchase_problems(wanted, offers)).check()
        parts = split(wanted, offers, _terms(given))
        total_problems(parts).include(promotion_problems(parts)).check()
        order = await _insert_order(conn, given.order, parts, offers[wanted[0].variant_id].currency)
        invoices = await _insert_invoices(conn, order, parts)
        lines = await _insert_line_items(conn, order, invoices, parts, offered)
        await insert_adjustments(conn, invoices, lines, parts)
        await take_from_stock(conn, _quantities(wanted))
        return order


def _form_problems(given: NewPurchase) -> Problems:
    """List the problems that do not depend on the stock."""
    problems = payment_problems(given.order.payment_events, "order.payment_events")
    problems.include(address_problems(given.order.address, "order.address"))
    problems.include(address_problems(given.order.billing_address, "order.billing_address"))
    problems.include(external_id_problems(given.order.external_ids, "order.external_ids"))
    problems.include(metadata_problems(given.order.metadata, "order.metadata"))
    if (given.line_items is None) == (given.invoices is None):
        problems.add("line_items", "give either line items or invoices")
    if given.line_items is not None and not given.line_items:
        problems.add("line_items", "must not be empty")
    if given.invoices is not None and not given.invoices:
        problems.add("invoices", "must not be empty")
    seen = set()
    for index, invoice in enumerate(given.invoices or ()):
        path = f"invoices.{index}"
        if (key := (invoice.seller_id, invoice.delivery_type)) in seen:
            problems.add(path, "has the seller and delivery type of an invoice before: put their lines together")
        seen.add(key)
        if not invoice.line_items:
            problems.add(f"{path}.line_items", "must not be empty")
        if invoice.shipping_cost_cents < 0:
            problems.add(f"{path}.shipping_cost_cents", "must not be negative")
        problems.include(tax_rate_problems(path, invoice.tax_rate))
        problems.include(adjustment_form_problems(invoice.adjustments, path))
    wanted = _wanted(given)
    if len(wanted) > MAX_ITEMS:
        problems.add("invoices", f"an order must not have more than {MAX_ITEMS} lines")
    for line in wanted[:MAX_ITEMS]:
        problems.include(form_problems(line))
    return problems


def _wanted(given: NewPurchase) -> list[PurchaseLine]:
    """Return all lines of the purchase in the order of the input, each with its path there."""
    lines = [_line(f"line_items.{index}", line) for index, line in enumerate(given.line_items or ())]
    for number, invoice in enumerate(given.invoices or ()):
        for index, line in enumerate(invoice.line_items):
            lines.append(_line(f"invoices.{number}.line_items.{index}", line, invoice))
    return lines


def _line(path: str, line: NewLineItem, invoice: NewInvoice | None = None) -> PurchaseLine:
    rate = invoice.tax_rate if invoice is not None and line.tax_rate is None else line.tax_rate
    return PurchaseLine(
        path=path,
        variant_id=line.variant_id,
        quantity=line.quantity,
        delivery_type=line.delivery_type if invoice is None else invoice.delivery_type,
        item_amount_cents=line.item_amount_cents,
        tax_rate=rate,
        postage_cents=line.postage_cents,
        seller_id=None if invoice is None else invoice.seller_id,
        adjustments=line.adjustments,
    )


async def _seller_problems(conn: Connection, invoices: Sequence[NewInvoice]) -> Problems:
    known = await find_seller_ids(conn, {invoice.seller_id for invoice in invoices}) if invoices else set()
    return Problems(
        {
            f"invoices.{index}.seller_id": ["there is no such seller"]
            for index, invoice in enumerate(invoices)
            if invoice.seller_id not in known
        }
    )


def _terms(given: NewPurchase) -> dict[tuple[int, DeliveryType], Terms]:
    return {
        (invoice.seller_id, invoice.delivery_type): Terms(
            shipping_description=invoice.shipping_description,
            shipping_cost_cents=invoice.shipping_cost_cents,
            tax_rate=invoice.tax_rate,
            adjustments=invoice.adjustments,
            path=f"invoices.{index}",
        )
        for index, invoice in enumerate(given.invoices or ())
    }


def _quantities(wanted: Sequence[PurchaseLine]) -> dict[VariantId, int]:
    """Sum the quantities of each variant over all lines."""
    quantities: Counter[VariantId] = Counter()
    for line in wanted:
        quantities[VariantId(line.variant_id)] += line.quantity
    return dict(quantities)


async def _insert_order(conn: Connection, given: NewOrder, parts: Sequence[Part], currency: str) -> Order:
    apart = ("address", "billing_address", "payment_events", "external_ids", "metadata")
    details = {field.name: getattr(given, field.name) for field in fields(given) if field.name not in apart}
    order = await insert_row(
        conn,
        ORDERS,
        **details,
        **order_amounts(parts),
        address_id=await insert_address(conn, given.address),
        billing_address_id=await insert_address(conn, given.billing_address),
        token=secrets.token_urlsafe(16),
        currency=currency,
    )
    await insert_payment_events(conn, order, given.payment_events)
    await keep_external_ids(conn, ORDERS.type_name, order.id, given.external_ids)
    await keep_metadata(conn, ORDERS.type_name, order.id, given.metadata)
    return order


async def _insert_invoices(conn: Connection, order: Order, parts: Sequence[Part]) -> list[Invoice]:
    """Insert one invoice per part, in their order. The invoices of a complete order are paid."""
    is_paid = order.status is OrderStatus.COMPLETE
    buyer = {
        "order_id": order.id,
        "buyer_first_name": order.first_name,
        "buyer_surname": order.surname,
        "buyer_phone": order.phone,
        "buyer_email_address": order.email_address,
        "buyer_message_to_seller": order.message_to_seller,
        "shipping_address_id": order.address_id,
        "buyer_billing_address_id": order.billing_address_id,
        "status_flags": flags_after_payment((), order.status),
        "paid_at": order.created_at if is_paid else None,
        "currency": order.currency,
    }
    return await insert_rows(conn, INVOICES, [{**buyer, **_invoice(part)} for part in parts])


def _invoice(part: Part) -> dict[str, object]:
    return {
        "seller_id": part.seller_id,
        "delivery_type": part.delivery_type,
        "shipping_description": part.terms.shipping_description,
        **asdict(part.amounts),
    }


async def _insert_line_items(
    conn: Connection,
    order: Order,
    invoices: Sequence[Invoice],
    parts: Sequence[Part],
    offered: Mapping[VariantId, OfferedVariant],
) -> list[LineItem]:
    # One statement for all: one trigger call, one change event per invoice.
    is_paid = order.status is OrderStatus.COMPLETE
    status = LineItemStatus.ALLOCATED if is_paid else LineItemStatus.NEW
    common = {"status": status, "currency": order.currency}
    lines = [
        {
            **common,
            "invoice_id": invoice.id,
            **copies_of(item),
            **line_item_columns(line, is_from_stock=not item.variant.has_infinite_quantity),
        }
        for invoice, part in zip(invoices, parts, strict=True)
        for line in part.lines
        for item in [offered[VariantId(line.wanted.variant_id)]]
    ]
    return await insert_rows(conn, LINE_ITEMS, lines)
