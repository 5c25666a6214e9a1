"""PaymentEvent: something that happened to the payment of an order."""

from datetime import datetime

import strawberry

from app.marketplace.money import decimal_amount
from app.marketplace.orders.db.payment_events import PAYMENT_EVENTS
from schema.entities.fields import column, computed, entity, global_id
from schema.types.node import Node


@entity(
    PAYMENT_EVENTS,
    description="Something that happened to the payment of an order. For the operator only.",
)
class PaymentEvent(Node):
    id: strawberry.ID = global_id("PaymentEvent")
    created_at: datetime = column("When it happened.")
    amount: str = computed(
        lambda row: str(decimal_amount(row.amount_cents, row.currency)),
        reads=("amount_cents", "currency"),
        description="What it was about, in major units of the order's currency, as in `12.50`.",
    )
    successful: bool = column("Whether the payment went through.", "is_successful")
    transaction_id: str | None = column("The payment provider's number of it.")
    response_message: str | None = column("What the payment provider answered.")
