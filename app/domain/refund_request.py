"""Words and rules of refund requests."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.order import LineItemStatus
from app.domain.problems import Problems, blank_problems


class RefundRequestStatus(StrEnum):
    AWAITING = "AWAITING"
    RETURNED = "RETURNED"
    REFUND_ACCEPTED = "REFUND_ACCEPTED"
    REFUND_DENIED = "REFUND_DENIED"
    REFUNDED = "REFUNDED"
    DENIED = "DENIED"
    PROCESSED = "PROCESSED"


class RefundRequestLineItemStatus(StrEnum):
    PENDING_APPROVAL = "PENDING_APPROVAL"
    AWAITING_RETURN = "AWAITING_RETURN"
    REFUND_ACCEPTED = "REFUND_ACCEPTED"
    REFUND_DENIED = "REFUND_DENIED"
    REFUNDED = "REFUNDED"


class RefundRequestInitiator(StrEnum):
    ADMIN = "ADMIN"
    SELLER = "SELLER"
    BUYER = "BUYER"


#: Where a line may go from each status: the one table that every refund mutation obeys.
TRANSITIONS: Mapping[RefundRequestLineItemStatus, frozenset[RefundRequestLineItemStatus]] = {
    RefundRequestLineItemStatus.PENDING_APPROVAL: frozenset(
        {
            RefundRequestLineItemStatus.AWAITING_RETURN,
            RefundRequestLineItemStatus.REFUND_ACCEPTED,
            RefundRequestLineItemStatus.REFUND_DENIED,
        }
    ),
    RefundRequestLineItemStatus.AWAITING_RETURN: frozenset(
        {RefundRequestLineItemStatus.REFUND_ACCEPTED, RefundRequestLineItemStatus.REFUND_DENIED}
    ),
    RefundRequestLineItemStatus.REFUND_ACCEPTED: frozenset(
        {RefundRequestLineItemStatus.REFUNDED, RefundRequestLineItemStatus.REFUND_DENIED}
    ),
    RefundRequestLineItemStatus.REFUND_DENIED: frozenset({RefundRequestLineItemStatus.PENDING_APPROVAL}),
    RefundRequestLineItemStatus.REFUNDED: frozenset(),
}

INITIAL = frozenset(
    {
        RefundRequestLineItemStatus.PENDING_APPROVAL,
        RefundRequestLineItemStatus.AWAITING_RETURN,
        RefundRequestLineItemStatus.REFUND_ACCEPTED,
    }
)

#: A line in one of these claims its quantity: no other request can ask for the same items.
OPEN = INITIAL


def may_become(status: RefundRequestLineItemStatus, next_status: RefundRequestLineItemStatus) -> bool:
    return next_status in TRANSITIONS[status]


def request_status(lines: Collection[RefundRequestLineItemStatus]) -> RefundRequestStatus:
    """A request's status, from those of its lines (at least one).

    RETURNED and REFUND_DENIED are words of older requests; no lines lead to them here.
    """
    found = {*lines}
    if RefundRequestLineItemStatus.REFUNDED in found:
        return RefundRequestStatus.REFUNDED
    if found == {RefundRequestLineItemStatus.REFUND_DENIED}:
        return RefundRequestStatus.DENIED
    if found == {RefundRequestLineItemStatus.REFUND_ACCEPTED}:
        return RefundRequestStatus.PROCESSED
    if found <= {RefundRequestLineItemStatus.REFUND_ACCEPTED, RefundRequestLineItemStatus.REFUND_DENIED}:
        return RefundRequestStatus.REFUND_ACCEPTED
    return RefundRequestStatus.AWAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLine:
    """One line asked for: some of a line item, or a custom one with an amount of its own.

    is_dispatched  a return of what was sent, or a cancellation of what was not; None: see `is_return`.
    """

    quantity: int
    line_item_id: int | None = None
    custom: str | None = None
    amount_per_item_cents: int | None = None
    reason: str | None = None
    is_dispatched: bool | None = None
    status: RefundRequestLineItemStatus = RefundRequestLineItemStatus.AWAITING_RETURN


@dataclass(frozen=True, slots=True, kw_only=True)
class Refundable:
    """What can be claimed of one line item: its quantities less what open refund lines claim already."""

    awaiting_dispatch: int
    returnable: int


def is_return(line: RefundLine, quantity_awaiting_dispatch: int) -> bool:
    """Whether the line takes back what was sent; when not said, it does once nothing awaits dispatch."""
    if line.line_item_id is None:
        return bool(line.is_dispatched)
    return quantity_awaiting_dispatch == 0 if line.is_dispatched is None else line.is_dispatched


def refund_line_problems(lines: Sequence[RefundLine], refundable: Mapping[int, Refundable]) -> Problems:
    """Everything that keeps these lines from being requested.

    refundable  of every line item of the invoice and no other; `is_dispatched` is decided already.
    """
    if not lines:
        return Problems(lineItems=["must not be empty"])
    problems = Problems()
    taken: Counter[tuple[int, bool]] = Counter()
    for index, line in enumerate(lines):
        path = f"lineItems.{index}"
        problems.include(_form_problems(line, path))
        if line.line_item_id is None or line.quantity < 1:
            continue
        if line.line_item_id not in refundable:
            problems.add(f"{path}.lineItemId", "there is no such line item on this invoice")
            continue
        part = refundable[line.line_item_id]
        key = (line.line_item_id, bool(line.is_dispatched))
        left = max((part.returnable if line.is_dispatched else part.awaiting_dispatch) - taken[key], 0)
        taken[key] += line.quantity
        if line.quantity > left:
            what = "can be returned" if line.is_dispatched else "can be cancelled before dispatch"
            problems.add(f"{path}.quantity", f"is more than {what}: {left}")
    return problems


def _form_problems(line: RefundLine, path: str) -> Problems:
    """What is wrong with a line whatever the invoice is."""
    problems = Problems()
    if line.quantity < 1:
        problems.add(f"{path}.quantity", "must be at least 1")
    if line.status not in INITIAL:
        allowed = ", ".join(status for status in RefundRequestLineItemStatus if status in INITIAL)
        problems.add(f"{path}.status", f"must be one of {allowed} at first")
    if (line.line_item_id is None) == (line.custom is None):
        problems.add(path, "must have either lineItemId or custom")
    elif line.custom is not None:
        problems.include(blank_problems({f"{path}.custom": line.custom}))
        if line.amount_per_item_cents is None:
            problems.add(f"{path}.amountPerItemCents", "is required for a custom line")
        elif line.amount_per_item_cents < 0:
            problems.add(f"{path}.amountPerItemCents", "must not be negative")
    elif line.amount_per_item_cents is not None:
        problems.add(f"{path}.amountPerItemCents", "is for custom lines: a line item's own amount counts")
    return problems


def share(amount_cents: int, part: int, whole: int) -> int:
    """The amount that falls to `part` of `whole`, in full cents, rounded down; nothing of nothing."""
    return amount_cents * part // whole if whole else 0


def payout_conflict(lines: Collection[RefundRequestLineItemStatus]) -> str | None:
    """Why a request can't be paid out now; None when each line is accepted or denied, and one accepted."""
    if RefundRequestLineItemStatus.REFUNDED in lines:
        return "has been refunded already"
    kept = [status for status in lines if status is not RefundRequestLineItemStatus.REFUND_DENIED]
    if not kept:
        return "has no line that was not denied"
    if not all(may_become(status, RefundRequestLineItemStatus.REFUNDED) for status in kept):
        return "has lines that are neither accepted nor denied"
    return None


def payout_problems(
    *, lines_total_cents: int, invoice_left_cents: int, refund_cents: int | None, cash_cents: int | None
) -> Problems:
    """What is wrong with a payout's amounts. None stands for the lines' total, and for all of that."""
    problems = Problems()
    refund = lines_total_cents if refund_cents is None else refund_cents
    if refund < 0:
        problems.add("refundAmountCents", "must not be negative")
    if refund > lines_total_cents:
        problems.add("refundAmountCents", f"is more than the accepted lines come to: {lines_total_cents}")
    if refund > invoice_left_cents:
        problems.add("refundAmountCents", f"is more than is left of the invoice: {max(invoice_left_cents, 0)}")
    if cash_cents is not None and not 0 <= cash_cents <= max(refund, 0):
        problems.add("cashAmountCents", f"must be from 0 to the amount refunded, {max(refund, 0)}")
    return problems


def settled_status(*, quantity: int, cancelled: int, returned: int, status: LineItemStatus) -> LineItemStatus:
    """A line item's status once so many were refunded: CANCELLED if none had been sent, else REFUNDED."""
    if cancelled + returned < quantity:
        return status
    return LineItemStatus.REFUNDED if returned else LineItemStatus.CANCELLED
