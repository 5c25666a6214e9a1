"""Orders: the items that a buyer bought at once, from one or several sellers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import OperatorOnly, Table
from app.db.write import lock_row
from app.errors import NotFound
from app.marketplace.orders.db.addresses import ADDRESSES
from app.marketplace.orders.domain.order import OrderStatus
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.metadata import METADATA

OrderId = NewType("OrderId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    id: OrderId
    token: str
    status: OrderStatus
    first_name: str | None
    surname: str | None
    phone: str | None
    email_address: str | None
    company_name: str | None
    billing_first_name: str | None
    billing_surname: str | None
    billing_phone: str | None
    billing_email_address: str | None
    billing_company_name: str | None
    is_gift: bool
    message_to_seller: str | None
    message_to_gift_recipient: str | None
    expected_delivery_date: datetime | None
    expected_delivery_slot: str | None
    payment_instrument_type: str | None
    total_cents: int
    subtotal_cents: int
    tax_total_cents: int
    shipping_cost_cents: int
    discount_cents: int
    currency: str
    address_id: int | None
    billing_address_id: int | None
    purged_at: datetime | None
    created_at: datetime
    updated_at: datetime


ORDERS = Table(
    "orders",
    Order,
    type_name="Order",
    seen_by=OperatorOnly("An order"),
    keys={"address_id": ADDRESSES, "billing_address_id": ADDRESSES},
    owns=(EXTERNAL_IDS, METADATA),
    is_subscribable=True,
)


async def get_order(conn: Connection, order_id: OrderId) -> Order:
    """Return an order. Raises NotFound."""
    record = await conn.fetchrow(f"select {ORDERS.select_list('o')} from orders o where o.id = $1", order_id)
    if record is None:
        raise NotFound("There is no such order.")
    return ORDERS.from_record(record)


async def lock_unpaid_order(conn: Connection, *, after_s: float) -> Order | None:
    """Lock the order that has waited longest for a payment to begin, or to be tried again; None if none has so long."""
    record = await conn.fetchrow(
        f"select {ORDERS.select_list('o')} from orders o"
        " where o.status in ('NEW', 'CHECKOUT', 'PAYMENT_FAILED') and o.updated_at < now() - make_interval(secs => $1)"
        " order by o.updated_at, o.id limit 1 for no key update skip locked",
        after_s,
    )
    return None if record is None else ORDERS.from_record(record)


async def lock_order(conn: Connection, order_id: OrderId) -> Order:
    """Lock an order until the transaction ends. Raises NotFound at `order_id`."""
    found = await lock_row(conn, ORDERS, order_id)
    if found is None:
        raise NotFound.at("order_id", "there is no such order")
    return found


async def lock_orders(conn: Connection, order_ids: Collection[int]) -> dict[int, Order]:
    """Lock those of the orders that exist, in key order."""
    records = await conn.fetch(
        f"select {ORDERS.select_list('o')} from orders o where o.id = any($1::bigint[]) order by o.id"
        " for no key update",
        [*order_ids],
    )
    return {row.id: row for row in ORDERS.rows(records)}
