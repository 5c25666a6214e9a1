"""Payment events: the reports of a payment service about the payment of an order."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.table import Table, Through, part_of
from app.marketplace.orders.db.orders import ORDERS, OrderId

PaymentEventId = NewType("PaymentEventId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    id: PaymentEventId
    order_id: OrderId
    amount_cents: int
    currency: str
    is_successful: bool
    transaction_id: str | None
    response_message: str | None
    created_at: datetime


PAYMENT_EVENTS = Table(
    "payment_events",
    PaymentEvent,
    seen_by=Through("order_id"),
    keys={"order_id": part_of(ORDERS)},
)
