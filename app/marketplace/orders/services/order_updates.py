"""Changes of placed orders: the buyer's details, and the state of the payment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import update_row
from app.errors import Conflict, Forbidden
from app.kernel.attributes import ABSENT, Absent, sent_values
from app.kernel.problems import Problems, value_problems
from app.marketplace.orders.db.invoices import (
    Invoice,
    allocate_line_items,
    lock_order_invoices,
    touch_invoice,
    update_invoice,
)
from app.marketplace.orders.db.orders import ORDERS, Order, OrderId, lock_order, lock_unpaid_order
from app.marketplace.orders.db.reservations import release_items, reserve_items
from app.marketplace.orders.domain.invoice import is_settled
from app.marketplace.orders.domain.order import OrderStatus
from app.marketplace.orders.domain.payment import flags_after_payment, move_conflict
from app.marketplace.orders.services.addresses import NewAddress, address_problems, insert_address
from app.marketplace.orders.services.payments import NewPaymentEvent, insert_payment_events, payment_problems
from app.marketplace.remittances.db.remittances import add_remittances, remove_remittances


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAttributes:
    """Attributes of an order. An absent one stays as it is, None clears it."""

    first_name: str | Absent | None = ABSENT
    surname: str | Absent | None = ABSENT
    phone: str | Absent | None = ABSENT
    email_address: str | Absent | None = ABSENT
    company_name: str | Absent | None = ABSENT
    billing_first_name: str | Absent | None = ABSENT
    billing_surname: str | Absent | None = ABSENT
    billing_phone: str | Absent | None = ABSENT
    billing_email_address: str | Absent | None = ABSENT
    billing_company_name: str | Absent | None = ABSENT
    is_gift: bool | Absent | None = ABSENT
    message_to_seller: str | Absent | None = ABSENT
    message_to_gift_recipient: str | Absent | None = ABSENT
    expected_delivery_date: datetime | Absent | None = ABSENT
    expected_delivery_slot: str | Absent | None = ABSENT
    payment_instrument_type: str | Absent | None = ABSENT
    address: NewAddress | Absent | None = ABSENT
    billing_address: NewAddress | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUpdate:
    """The input of `update_order`. A `status` of None leaves the status as it is."""

    order_id: OrderId
    status: OrderStatus | None = None
    attributes: OrderAttributes = OrderAttributes()
    payment_events: Sequence[NewPaymentEvent] = ()


#: The order's columns that each of its invoices copies, with the names of the copies.
_COPIES = {
    "first_name": "buyer_first_name",
    "surname": "buyer_surname",
    "phone": "buyer_phone",
    "email_address": "buyer_email_address",
    "message_to_seller": "buyer_message_to_seller",
    "payment_instrument_type": "payment_instrument_type",
    "address_id": "shipping_address_id",
    "billing_address_id": "buyer_billing_address_id",
}


async def update_order(database: Database, viewer: Viewer, change: OrderUpdate) -> Order:
    """Change an order and the copies on its invoices. For the operator. Equal values are not written.

    Raises:
        Forbidden: The viewer is not the operator.
        NotFound: There is no such order.
        Conflict: The present status can't be followed by the new one, or an item of an abandoned order was sold since.
        InvalidInput: Names every wrong attribute.
    """
    if not viewer.is_operator:
        raise Forbidden("Orders can be changed by the marketplace operator only.")
    value_problems(change).include(_problems(change)).check()
    async with transaction(database, actor=viewer.actor) as conn:
        before = await lock_order(conn, change.order_id)
        status = before.status if change.status is None else change.status
        if (conflict := move_conflict(before.status, status)) is not None:
            raise Conflict(f"The order {conflict}.", fields={"status": [conflict]})
        wanted = {**await _columns(conn, change.attributes), "status": status}
        differing = {name: value for name, value in wanted.items() if value != getattr(before, name)}
        await insert_payment_events(conn, before, change.payment_events)
        if not differing and not change.payment_events:
            return before
        return await _change(conn, before, differing)


async def abandon_order(database: Database, *, after_s: float) -> OrderId | None:
    """Abandon the order that has waited longest for its payment, which gives its items back to the stock.

    Orders whose payment is in progress or under review are left: the payment service has the next word.

    Args:
        after_s: Seconds since the last change of the order.

    Returns:
        The order. None if none has waited that long.
    """
    async with transaction(database) as conn:
        before = await lock_unpaid_order(conn, after_s=after_s)
        if before is None:
            return None
        await _change(conn, before, {"status": OrderStatus.ABANDONED})
        return before.id


async def _change(conn: Connection, before: Order, differing: Mapping[str, Any]) -> Order:
    # With new payment events alone, this sets `updated_at`.
    order = await update_row(conn, ORDERS, before.id, differing)
    for invoice in await lock_order_invoices(conn, order.id):
        await _follow(conn, order, invoice, differing)
    if order.status is not before.status:
        await _remit(conn, order)
    if order.status is OrderStatus.COMPLETE and before.status is not OrderStatus.COMPLETE:
        await allocate_line_items(conn, order.id)
    if order.status is not before.status and OrderStatus.ABANDONED in (order.status, before.status):
        await _move_stock(conn, order)
    return order


async def _remit(conn: Connection, order: Order) -> None:
    """Add the remittances of the order's paid invoices, and remove those of the others. Raises Conflict."""
    invoices = await lock_order_invoices(conn, order.id)
    await add_remittances(conn, [invoice.id for invoice in invoices])
    unpaid = [invoice.id for invoice in invoices if invoice.paid_at is None]
    if unpaid and not await remove_remittances(conn, unpaid):
        message = "can't be unpaid again: what its sellers get has been released. Refund it instead"
        raise Conflict(f"The order {message}.", fields={"status": [message]})


async def _move_stock(conn: Connection, order: Order) -> None:
    """Give the items of an abandoned order back, or take those of a resumed one again. Raises Conflict."""
    if order.status is OrderStatus.ABANDONED:
        await release_items(conn, order.id)
    elif sold_out := await reserve_items(conn, order.id):
        message = f"can't be resumed: no longer in stock are {', '.join(sold_out)}"
        raise Conflict(f"The order {message}.", fields={"order_id": [message]})


def _problems(change: OrderUpdate) -> Problems:
    problems = payment_problems(change.payment_events, "payment_events")
    if change.attributes.is_gift is None:
        problems.add("attributes.is_gift", "can't be null")
    for name in ("address", "billing_address"):
        if isinstance(address := getattr(change.attributes, name), NewAddress):
            problems.include(address_problems(address, f"attributes.{name}"))
    return problems


async def _columns(conn: Connection, attributes: OrderAttributes) -> dict[str, Any]:
    """Return the given columns. An address is inserted as a new row, because others may share the old one."""
    sent = sent_values(attributes)
    for name in ("address", "billing_address"):
        if name in sent:
            sent[f"{name}_id"] = await insert_address(conn, sent.pop(name))
    return sent


async def _follow(conn: Connection, order: Order, invoice: Invoice, changed: Mapping[str, Any]) -> None:
    """Update an invoice's copies of its order. A cancelled or refunded invoice keeps its flags."""
    values: dict[str, Any] = {copy: changed[name] for name, copy in _COPIES.items() if name in changed}
    if "status" in changed and not is_settled(invoice.status_flags):
        values["status_flags"] = flags_after_payment(invoice.status_flags, order.status)
        values["paid_at"] = _paid_at(order, invoice)
    if differing := {name: value for name, value in values.items() if value != getattr(invoice, name)}:
        await update_invoice(conn, invoice.id, differing)
    else:
        await touch_invoice(conn, invoice.id)


def _paid_at(order: Order, invoice: Invoice) -> datetime | None:
    """Return the time since when the invoice is paid. A review does not change it."""
    if order.status is OrderStatus.COMPLETE:
        return invoice.paid_at or order.updated_at
    return invoice.paid_at if order.status is OrderStatus.PENDING_REVIEW else None
