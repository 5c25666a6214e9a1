"""Rules for the moves of an order's status, and for the payment flags of its invoices."""

from collections.abc import Collection, Mapping

from app.marketplace.orders.domain.invoice import InvoiceStatusFlag, in_order
from app.marketplace.orders.domain.order import OrderStatus

_AFTER_CHECKOUT = frozenset(
    {
        OrderStatus.PAYMENT_IN_PROGRESS,
        OrderStatus.PAYMENT_FAILED,
        OrderStatus.PENDING_REVIEW,
        OrderStatus.COMPLETE,
        OrderStatus.ABANDONED,
    }
)

#: The statuses that may follow each status. A payment is returned by a refund, never by a status.
ORDER_MOVES: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.NEW: _AFTER_CHECKOUT | {OrderStatus.CHECKOUT},
    OrderStatus.CHECKOUT: _AFTER_CHECKOUT,
    OrderStatus.ABANDONED: frozenset({OrderStatus.CHECKOUT}),
    OrderStatus.PAYMENT_IN_PROGRESS: _AFTER_CHECKOUT - {OrderStatus.PAYMENT_IN_PROGRESS},
    OrderStatus.PAYMENT_FAILED: _AFTER_CHECKOUT - {OrderStatus.PAYMENT_FAILED} | {OrderStatus.CHECKOUT},
    OrderStatus.PENDING_REVIEW: _AFTER_CHECKOUT - {OrderStatus.PENDING_REVIEW},
    OrderStatus.COMPLETE: frozenset({OrderStatus.PENDING_REVIEW}),
}

_PAYMENT = frozenset({InvoiceStatusFlag.PAID, InvoiceStatusFlag.PAYMENT_UNDER_REVIEW})


def move_conflict(status: OrderStatus, next_status: OrderStatus) -> str | None:
    """Return why an order can't have this status next; None if it can."""
    if next_status is status or next_status in ORDER_MOVES[status]:
        return None
    return f"can't be {next_status.value} after {status.value}"


def flags_after_payment(flags: Collection[InvoiceStatusFlag], status: OrderStatus) -> tuple[InvoiceStatusFlag, ...]:
    """Return an invoice's flags after its order got this status. During a review, the invoice keeps PAID."""
    if status is OrderStatus.COMPLETE:
        return in_order({*flags} - _PAYMENT | {InvoiceStatusFlag.PAID})
    if status is OrderStatus.PENDING_REVIEW:
        return in_order({*flags} | {InvoiceStatusFlag.PAYMENT_UNDER_REVIEW})
    return in_order({*flags} - _PAYMENT)
