"""Shipments: sending items of an invoice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row, insert_rows
from app.kernel.problems import Problems, blank_problems, value_problems
from app.marketplace.catalogue.db.sellers import find_seller
from app.marketplace.orders.db.addresses import AddressId
from app.marketplace.orders.db.invoices import (
    Invoice,
    InvoiceId,
    LineItem,
    LineItemId,
    LineItemMove,
    lock_invoice,
    lock_line_items,
    move_line_items,
    touch_invoice,
    update_invoice,
)
from app.marketplace.orders.db.orders import get_order
from app.marketplace.orders.db.shipments import (
    SHIPMENTS,
    SHIPPED_ITEMS,
    Shipment,
    ShipmentCarrier,
    ShipmentCarrierId,
    find_carrier,
)
from app.marketplace.orders.domain.invoice import flags_after_shipping
from app.marketplace.orders.domain.shipment import PackedItem, shipping_problems, tracking_link


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShippedItem:
    line_item_id: LineItemId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShipment:
    """A new shipment. A `shipped_from_id` of None is the address of the invoice's seller, the only one there is."""

    invoice_id: InvoiceId
    dispatched_at: datetime
    postage_carrier_id: ShipmentCarrierId
    tracking_number: str
    shipped_items: Sequence[NewShippedItem]
    note: str | None = None
    shipped_from_id: AddressId | None = None


async def create_shipment(database: Database, viewer: Viewer, given: NewShipment) -> Shipment:
    """Send some or all of the items that await dispatch. For the operator and the invoice's seller.

    Raises:
        NotFound: There is no such invoice for this viewer.
        InvalidInput: Names everything that is wrong with the shipment.
    """
    problems = value_problems(given)
    problems.include(blank_problems({"tracking_number": given.tracking_number})).check()
    async with transaction(database, actor=viewer.actor) as conn:
        invoice = await lock_invoice(conn, given.invoice_id, seller_id=viewer.seller_id)
        line_items = await lock_line_items(conn, invoice.id)
        carrier = await find_carrier(conn, given.postage_carrier_id)
        problems = await _problems(conn, given, invoice, line_items)
        if carrier is None:
            problems.add("postage_carrier_id", "there is no such carrier")
        seller = await find_seller(conn, invoice.seller_id)
        address_id = None if seller is None else seller.address_id
        if given.shipped_from_id not in (None, address_id):
            problems.add("shipped_from_id", "is not the seller's address")
        problems.check()
        assert carrier is not None
        shipment = await _insert_shipment(conn, given, carrier, address_id)
        await _move_items(conn, given, invoice, line_items)
        return shipment


async def _problems(conn: Connection, given: NewShipment, invoice: Invoice, line_items: Sequence[LineItem]) -> Problems:
    return shipping_problems(
        flags=invoice.status_flags,
        delivery_type=invoice.delivery_type,
        ordered_at=(await get_order(conn, invoice.order_id)).created_at,
        dispatched_at=given.dispatched_at,
        now=await conn.fetchval("select now()"),
        awaiting={item.id: item.quantity_awaiting_dispatch for item in line_items},
        packed=[PackedItem(line_item_id=item.line_item_id, quantity=item.quantity) for item in given.shipped_items],
    )


async def _insert_shipment(
    conn: Connection, given: NewShipment, carrier: ShipmentCarrier, address_id: int | None
) -> Shipment:
    shipment = await insert_row(
        conn,
        SHIPMENTS,
        invoice_id=given.invoice_id,
        carrier_id=carrier.id,
        carrier=carrier.name,
        tracking_number=given.tracking_number,
        tracking_link=tracking_link(carrier.tracking_link_template, given.tracking_number),
        homepage_link=carrier.homepage_url,
        shipped_from_id=address_id,
        dispatched_at=given.dispatched_at,
        note=given.note,
    )
    items = [
        {"shipment_id": shipment.id, "line_item_id": item.line_item_id, "quantity": item.quantity}
        for item in given.shipped_items
    ]
    await insert_rows(conn, SHIPPED_ITEMS, items)
    return shipment


async def _move_items(conn: Connection, given: NewShipment, invoice: Invoice, line_items: Sequence[LineItem]) -> None:
    """Move the sent quantities from awaiting dispatch to returnable, and update the invoice's flags."""
    sent = dict.fromkeys((item.line_item_id for item in given.shipped_items), 0)
    for item in given.shipped_items:
        sent[item.line_item_id] += item.quantity
    statuses = {item.id: item.status for item in line_items}
    moves = {
        line_id: LineItemMove(awaiting_dispatch=-quantity, returnable=quantity, status=statuses[line_id])
        for line_id, quantity in sent.items()
    }
    await move_line_items(conn, moves)
    awaiting = [item.quantity_awaiting_dispatch - sent.get(item.id, 0) for item in line_items]
    flags = flags_after_shipping(invoice.status_flags, awaiting=awaiting)
    if flags != invoice.status_flags:
        await update_invoice(conn, invoice.id, {"status_flags": flags})
    else:
        await touch_invoice(conn, invoice.id)
