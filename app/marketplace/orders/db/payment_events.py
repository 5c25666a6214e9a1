"""Payment events: the reports of a payment service about the payment of an order."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.table import Table
from app.marketplace.orders.db.orders import OrderId

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


PAYMENT_EVENTS = Table("payment_events", PaymentEvent)
