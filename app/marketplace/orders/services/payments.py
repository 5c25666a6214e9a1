"""Payment events: recording the reports of the payment service about an order."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db.pool import Connection
from app.db.write import insert_rows
from app.kernel.problems import Problems
from app.marketplace.orders.db.orders import Order
from app.marketplace.orders.db.payment_events import PAYMENT_EVENTS


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPaymentEvent:
    """A report of the payment service. `amount_cents` is in the order's currency."""

    amount_cents: int
    successful: bool
    transaction_id: str | None = None
    response_message: str | None = None


def payment_problems(events: Sequence[NewPaymentEvent], path: str) -> Problems:
    negative = [index for index, event in enumerate(events) if event.amount_cents < 0]
    return Problems({f"{path}.{index}.amount_cents": ["must not be negative"] for index in negative})


async def insert_payment_events(conn: Connection, order: Order, events: Sequence[NewPaymentEvent]) -> None:
    """Insert payment events of an order in the order given."""
    rows = [
        {
            "order_id": order.id,
            "amount_cents": event.amount_cents,
            "currency": order.currency,
            "is_successful": event.successful,
            "transaction_id": event.transaction_id,
            "response_message": event.response_message,
        }
        for event in events
    ]
    if rows:
        await insert_rows(conn, PAYMENT_EVENTS, rows)
