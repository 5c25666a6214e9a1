"""Terms and rules of invoices. An invoice is one seller's part of an order."""

from collections.abc import Collection, Iterable
from enum import StrEnum

from app.marketplace.orders.domain.order import DeliveryType, LineItemStatus
from app.marketplace.refunds.domain.refund_request import RefundStage


class InvoiceStatusFlag(StrEnum):
    PAID = "PAID"
    PAYMENT_UNDER_REVIEW = "PAYMENT_UNDER_REVIEW"
    SENT = "SENT"
    PARTIALLY_SENT = "PARTIALLY_SENT"
    AWAITING_RETURN = "AWAITING_RETURN"
    AWAITING_REFUND = "AWAITING_REFUND"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"
    READY = "READY"
    COLLECTED = "COLLECTED"
    REMITTED = "REMITTED"


class InvoiceStatus(StrEnum):
    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    PAID = "PAID"
    PAYMENT_UNDER_REVIEW = "PAYMENT_UNDER_REVIEW"
    SENT = "SENT"
    PARTIALLY_SENT = "PARTIALLY_SENT"
    READY = "READY"
    COLLECTED = "COLLECTED"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"


class InvoiceClickAndCollectStatus(StrEnum):
    READY = "READY"
    COLLECTED = "COLLECTED"


class InvoiceAmendmentLineItemStatus(StrEnum):
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"


#: The single status is the first of these flags that is set. They are in the reverse order of an invoice's life.
_PRECEDENCE = (
    InvoiceStatusFlag.CANCELLED,
    InvoiceStatusFlag.REFUNDED,
    InvoiceStatusFlag.COLLECTED,
    InvoiceStatusFlag.READY,
    InvoiceStatusFlag.SENT,
    InvoiceStatusFlag.PARTIALLY_SENT,
    InvoiceStatusFlag.PAYMENT_UNDER_REVIEW,
    InvoiceStatusFlag.PAID,
)
_SETTLED = frozenset({InvoiceStatusFlag.REFUNDED, InvoiceStatusFlag.CANCELLED})
_SENDING = frozenset({InvoiceStatusFlag.SENT, InvoiceStatusFlag.PARTIALLY_SENT})
_AWAITING = frozenset({InvoiceStatusFlag.AWAITING_RETURN, InvoiceStatusFlag.AWAITING_REFUND})


def invoice_status(flags: Collection[InvoiceStatusFlag]) -> InvoiceStatus:
    """Return the single status for all flags: the one that happened last. AWAITING_PAYMENT without any such flag."""
    for flag in _PRECEDENCE:
        if flag in flags:
            return InvoiceStatus(flag.value)
    return InvoiceStatus.AWAITING_PAYMENT


#: The progress of an invoice. Of several invoices, the one with the least progress gives the status.
_PROGRESS = (
    InvoiceStatus.AWAITING_PAYMENT,
    InvoiceStatus.PAYMENT_UNDER_REVIEW,
    InvoiceStatus.PAID,
    InvoiceStatus.READY,
    InvoiceStatus.PARTIALLY_SENT,
    InvoiceStatus.SENT,
    InvoiceStatus.COLLECTED,
)
#: Nothing is left to be done for such an invoice.
FINAL = frozenset({InvoiceStatus.SENT, InvoiceStatus.COLLECTED, InvoiceStatus.REFUNDED, InvoiceStatus.CANCELLED})
_REACHED = frozenset({InvoiceStatus.PARTIALLY_SENT, InvoiceStatus.SENT, InvoiceStatus.COLLECTED})


def aggregate_invoice_status(statuses: Collection[InvoiceStatus]) -> InvoiceStatus | None:
    """Return the single status of an order with such invoices; None without invoices.

    Cancelled and refunded invoices count only if there are no others. If some are sent and others are not, it is
    PARTIALLY_SENT.
    """
    open_ones = [status for status in statuses if status in _PROGRESS]
    if not open_ones:
        settled = (InvoiceStatus.REFUNDED, InvoiceStatus.CANCELLED)
        return next((status for status in settled if status in statuses), None)
    least = min(open_ones, key=_PROGRESS.index)
    return InvoiceStatus.PARTIALLY_SENT if least not in _REACHED and _REACHED & {*open_ones} else least


def is_settled(flags: Collection[InvoiceStatusFlag]) -> bool:
    """Tell whether the whole invoice has been cancelled or refunded."""
    return not _SETTLED.isdisjoint(flags)


def payment_problem(flags: Collection[InvoiceStatusFlag]) -> str | None:
    """Return why an invoice's goods must not be handed over yet: it is unpaid or under review. None if they may."""
    if InvoiceStatusFlag.PAYMENT_UNDER_REVIEW in flags:
        return "has a payment that is under review"
    return None if InvoiceStatusFlag.PAID in flags else "is not paid"


def flags_after_shipping(
    flags: Collection[InvoiceStatusFlag], *, awaiting: Iterable[int]
) -> tuple[InvoiceStatusFlag, ...]:
    """Return the flags after a shipment. `awaiting` has the quantities that are left. SENT replaces PARTIALLY_SENT."""
    sent = InvoiceStatusFlag.PARTIALLY_SENT if any(awaiting) else InvoiceStatusFlag.SENT
    return in_order({*flags} - _SENDING | {sent})


def collecting_conflict(
    flags: Collection[InvoiceStatusFlag], delivery_type: DeliveryType, status: InvoiceClickAndCollectStatus
) -> str | None:
    """Return why an invoice can't be ready, or collected, now; None if it can."""
    if delivery_type is not DeliveryType.CLICK_AND_COLLECT:
        return "is not collected by the buyer"
    if is_settled(flags):
        return "is cancelled or refunded: nothing is collected any more"
    if InvoiceStatusFlag.COLLECTED in flags:
        return "has been collected already" if status is InvoiceClickAndCollectStatus.READY else None
    return payment_problem(flags) if status is InvoiceClickAndCollectStatus.COLLECTED else None


def flags_after_collecting(
    flags: Collection[InvoiceStatusFlag], status: InvoiceClickAndCollectStatus
) -> tuple[InvoiceStatusFlag, ...]:
    """Return the flags of an invoice that is ready or was collected. COLLECTED replaces READY."""
    return in_order({*flags} - {InvoiceStatusFlag.READY} | {InvoiceStatusFlag(status.value)})


def flags_after_refund(
    flags: Collection[InvoiceStatusFlag],
    *,
    refund_lines: Collection[RefundStage],
    line_items: Collection[LineItemStatus],
    awaiting: Iterable[int],
) -> tuple[InvoiceStatusFlag, ...]:
    """Return the flags for the present refund lines and line items of an invoice.

    AWAITING_RETURN and AWAITING_REFUND are set while a refund line waits for that. Returned items await their refund,
    whether it was accepted or not. If no item is left, the invoice is CANCELLED if none had been sent, else REFUNDED.
    If the unsent rest of a partly sent invoice is cancelled, the invoice is SENT.
    """
    found = {*flags} - _AWAITING
    if RefundStage.AWAITING_RETURN in refund_lines:
        found.add(InvoiceStatusFlag.AWAITING_RETURN)
    if not {RefundStage.RETURNED, RefundStage.REFUND_ACCEPTED}.isdisjoint(refund_lines):
        found.add(InvoiceStatusFlag.AWAITING_REFUND)
    if InvoiceStatusFlag.PARTIALLY_SENT in found:
        found = {*flags_after_shipping(found, awaiting=awaiting)}
    if line_items and {*line_items} <= {LineItemStatus.REFUNDED, LineItemStatus.CANCELLED}:
        is_refunded = LineItemStatus.REFUNDED in line_items
        found.add(InvoiceStatusFlag.REFUNDED if is_refunded else InvoiceStatusFlag.CANCELLED)
    return in_order(found)


def in_order(flags: Collection[InvoiceStatusFlag]) -> tuple[InvoiceStatusFlag, ...]:
    """Sort flags in the order of their enumeration, in which they are stored."""
    return tuple(flag for flag in InvoiceStatusFlag if flag in flags)
