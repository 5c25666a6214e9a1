"""Terms and rules of refund requests."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.kernel.problems import Problems
from app.marketplace.orders.domain.order import LineItemStatus
from app.marketplace.refunds.domain.claims import Refundable, claim_problems


class RefundRequestStatus(StrEnum):
    AWAITING = "AWAITING"
    RETURNED = "RETURNED"
    REFUND_ACCEPTED = "REFUND_ACCEPTED"
    REFUND_DENIED = "REFUND_DENIED"
    REFUNDED = "REFUNDED"
    DENIED = "DENIED"
    PROCESSED = "PROCESSED"


class RefundRequestLineItemCreateStatus(StrEnum):
    PENDING_APPROVAL = "PENDING_APPROVAL"
    AWAITING_RETURN = "AWAITING_RETURN"
    REFUND_ACCEPTED = "REFUND_ACCEPTED"


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


class RefundStage(StrEnum):
    """The stage of a line: its status, or RETURNED if the awaited items have come back."""

    PENDING_APPROVAL = "PENDING_APPROVAL"
    AWAITING_RETURN = "AWAITING_RETURN"
    RETURNED = "RETURNED"
    REFUND_ACCEPTED = "REFUND_ACCEPTED"
    REFUND_DENIED = "REFUND_DENIED"
    REFUNDED = "REFUNDED"


class RefundStep(StrEnum):
    """A step with one line, or with each line of a request that allows it. The value is its form in messages."""

    APPROVE = "approved"
    RETURN = "returned"
    ACCEPT = "accepted"
    DENY = "denied"
    REVERT_DENIAL = "put back from denial"
    REFUND = "refunded"


#: The stage after each step, for each stage that allows it. Every refund mutation obeys this table.
#: Items that were never sent need no return: their approval skips AWAITING_RETURN, see `stage_after`.
STEPS: Mapping[RefundStep, Mapping[RefundStage, RefundStage]] = {
    RefundStep.APPROVE: {RefundStage.PENDING_APPROVAL: RefundStage.AWAITING_RETURN},
    RefundStep.RETURN: {RefundStage.AWAITING_RETURN: RefundStage.RETURNED},
    RefundStep.ACCEPT: {
        RefundStage.PENDING_APPROVAL: RefundStage.REFUND_ACCEPTED,
        RefundStage.AWAITING_RETURN: RefundStage.REFUND_ACCEPTED,
        RefundStage.RETURNED: RefundStage.REFUND_ACCEPTED,
    },
    RefundStep.DENY: {
        RefundStage.PENDING_APPROVAL: RefundStage.REFUND_DENIED,
        RefundStage.AWAITING_RETURN: RefundStage.REFUND_DENIED,
        RefundStage.RETURNED: RefundStage.REFUND_DENIED,
        RefundStage.REFUND_ACCEPTED: RefundStage.REFUND_DENIED,
    },
    RefundStep.REVERT_DENIAL: {RefundStage.REFUND_DENIED: RefundStage.PENDING_APPROVAL},
    # Paying for returned items accepts them: between return and refund, no step is needed.
    RefundStep.REFUND: {
        RefundStage.RETURNED: RefundStage.REFUNDED,
        RefundStage.REFUND_ACCEPTED: RefundStage.REFUNDED,
    },
}

INITIAL = frozenset(
    {
        RefundRequestLineItemStatus.PENDING_APPROVAL,
        RefundRequestLineItemStatus.AWAITING_RETURN,
        RefundRequestLineItemStatus.REFUND_ACCEPTED,
    }
)

#: A line in one of these stages claims its quantity: no other request can ask for the same items.
OPEN = INITIAL


def line_stage(status: RefundRequestLineItemStatus, *, is_returned: bool) -> RefundStage:
    """Return the stage of a line.

    A return counts only while the line awaits it: it neither makes nor undoes a decision.
    """
    if status is RefundRequestLineItemStatus.AWAITING_RETURN and is_returned:
        return RefundStage.RETURNED
    return RefundStage(status.value)


def line_status(stage: RefundStage) -> RefundRequestLineItemStatus:
    """Return the status of a stage. A returned line keeps AWAITING_RETURN until it is decided."""
    if stage is RefundStage.RETURNED:
        return RefundRequestLineItemStatus.AWAITING_RETURN
    return RefundRequestLineItemStatus(stage.value)


def stage_after(step: RefundStep, stage: RefundStage, *, is_dispatched: bool) -> RefundStage | None:
    """Return the stage after a step; None if the stage does not allow it."""
    if step is RefundStep.APPROVE and stage in STEPS[step] and not is_dispatched:
        return RefundStage.REFUND_ACCEPTED
    return STEPS[step].get(stage)


def step_conflict(step: RefundStep, stages: Collection[RefundStage]) -> str | None:
    """Return why a step can't be made with a whole request; None if at least one line allows it."""
    if RefundStage.REFUNDED in stages:
        return "has been refunded already"
    if not any(stage in STEPS[step] for stage in stages):
        return f"has no line that can be {step.value}"
    return None


def line_step_conflict(step: RefundStep, stage: RefundStage, others: Collection[RefundStage]) -> str | None:
    """Return why a step can't be made with one line; None if it can. `others` are the lines of its request."""
    if RefundStage.REFUNDED in (stage, *others):
        return "is of a request that has been refunded already"
    if stage not in STEPS[step]:
        return f"is {stage.value}: it can't be {step.value}"
    return None


def request_status(lines: Collection[RefundStage]) -> RefundRequestStatus:
    """Return a request's status for the stages of its lines (at least one).

    AWAITING while a line is pending or awaits return. Then, while a returned line is undecided, REFUND_DENIED if
    another was denied, else RETURNED. If all are decided, DENIED or PROCESSED (all accepted), and REFUND_ACCEPTED for a
    mixture.
    """
    found = {*lines}
    if RefundStage.REFUNDED in found:
        return RefundRequestStatus.REFUNDED
    if found & {RefundStage.PENDING_APPROVAL, RefundStage.AWAITING_RETURN}:
        return RefundRequestStatus.AWAITING
    if RefundStage.RETURNED in found:
        is_denied = RefundStage.REFUND_DENIED in found
        return RefundRequestStatus.REFUND_DENIED if is_denied else RefundRequestStatus.RETURNED
    if found == {RefundStage.REFUND_DENIED}:
        return RefundRequestStatus.DENIED
    if found == {RefundStage.REFUND_ACCEPTED}:
        return RefundRequestStatus.PROCESSED
    return RefundRequestStatus.REFUND_ACCEPTED


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLine:
    """One requested line: a quantity of a line item, or a custom line with its own amount.

    Args:
        is_dispatched: True returns sent items, False cancels unsent ones. None: see `is_return`.
    """

    quantity: int
    line_item_id: int | None = None
    custom: str | None = None
    amount_per_item_cents: int | None = None
    reason: str | None = None
    is_dispatched: bool | None = None
    status: RefundRequestLineItemStatus = RefundRequestLineItemStatus.AWAITING_RETURN


def is_return(line: RefundLine, quantity_awaiting_dispatch: int) -> bool:
    """Tell whether the line returns sent items. If it is not given, it does once nothing awaits dispatch."""
    if line.line_item_id is None:
        return bool(line.is_dispatched)
    return quantity_awaiting_dispatch == 0 if line.is_dispatched is None else line.is_dispatched


def refund_line_problems(lines: Sequence[RefundLine], refundable: Mapping[int, Refundable]) -> Problems:
    """List everything that prevents these lines from being requested.

    Args:
        refundable: By every line item of the invoice and no other. `is_dispatched` of the lines is decided.
    """
    return claim_problems(lines, refundable, _request_problems)


def _request_problems(line: RefundLine, path: str) -> Problems:
    """List the problems that only a line of a request can have: of its status and of its own amount."""
    problems = Problems()
    if line.status not in INITIAL:
        allowed = ", ".join(status for status in RefundRequestLineItemStatus if status in INITIAL)
        problems.add(f"{path}.status", f"must be one of {allowed} at first")
    if line.line_item_id is None and line.custom is not None:
        if line.amount_per_item_cents is None:
            problems.add(f"{path}.amount_per_item_cents", "is required for a custom line")
        elif line.amount_per_item_cents < 0:
            problems.add(f"{path}.amount_per_item_cents", "must not be negative")
    elif line.line_item_id is not None and line.custom is None and line.amount_per_item_cents is not None:
        problems.add(f"{path}.amount_per_item_cents", "is for custom lines: a line item's own amount counts")
    return problems


def payout_conflict(lines: Collection[RefundStage]) -> str | None:
    """Return why a request can't be paid out now; None if each line is returned or decided, and one is not denied."""
    if RefundStage.REFUNDED in lines:
        return "has been refunded already"
    kept = [stage for stage in lines if stage is not RefundStage.REFUND_DENIED]
    if not kept:
        return "has no line that was not denied"
    if not all(stage in STEPS[RefundStep.REFUND] for stage in kept):
        return "has lines that are neither accepted nor denied"
    return None


def payout_problems(
    *, lines_total_cents: int, invoice_left_cents: int, refund_cents: int | None, cash_cents: int | None
) -> Problems:
    """List the problems of a payout's amounts.

    A refund of None is the lines' total, and cash of None is the whole refund.
    """
    problems = Problems()
    refund = lines_total_cents if refund_cents is None else refund_cents
    if refund < 0:
        problems.add("refund_amount_cents", "must not be negative")
    if refund > lines_total_cents:
        problems.add("refund_amount_cents", f"is more than the accepted lines come to: {lines_total_cents}")
    if refund > invoice_left_cents:
        problems.add("refund_amount_cents", f"is more than is left of the invoice: {max(invoice_left_cents, 0)}")
    if cash_cents is not None and not 0 <= cash_cents <= max(refund, 0):
        problems.add("cash_amount_cents", f"must be from 0 to the amount refunded, {max(refund, 0)}")
    return problems


def settled_status(*, quantity: int, cancelled: int, returned: int, status: LineItemStatus) -> LineItemStatus:
    """Return a line item's status after such a refund: CANCELLED if nothing had been sent, else REFUNDED."""
    if cancelled + returned < quantity:
        return status
    return LineItemStatus.REFUNDED if returned else LineItemStatus.CANCELLED
