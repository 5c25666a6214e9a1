from itertools import product

import pytest

from app.marketplace.orders.domain.order import LineItemStatus
from app.marketplace.refunds.domain.claims import Refundable
from app.marketplace.refunds.domain.refund_request import (
    RefundLine,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
    RefundStage,
    RefundStep,
    is_return,
    line_stage,
    line_status,
    line_step_conflict,
    payout_conflict,
    payout_problems,
    refund_line_problems,
    request_status,
    settled_status,
    stage_after,
    step_conflict,
)

PENDING, AWAITING, RETURNED = RefundStage.PENDING_APPROVAL, RefundStage.AWAITING_RETURN, RefundStage.RETURNED
ACCEPTED, DENIED, REFUNDED = RefundStage.REFUND_ACCEPTED, RefundStage.REFUND_DENIED, RefundStage.REFUNDED

LEGAL = {
    (RefundStep.APPROVE, PENDING): AWAITING,
    (RefundStep.RETURN, AWAITING): RETURNED,
    (RefundStep.ACCEPT, PENDING): ACCEPTED,
    (RefundStep.ACCEPT, AWAITING): ACCEPTED,
    (RefundStep.ACCEPT, RETURNED): ACCEPTED,
    (RefundStep.DENY, PENDING): DENIED,
    (RefundStep.DENY, AWAITING): DENIED,
    (RefundStep.DENY, RETURNED): DENIED,
    (RefundStep.DENY, ACCEPTED): DENIED,
    (RefundStep.REVERT_DENIAL, DENIED): PENDING,
    (RefundStep.REFUND, RETURNED): REFUNDED,
    (RefundStep.REFUND, ACCEPTED): REFUNDED,
}


@pytest.mark.parametrize(("step", "stage"), list(product(RefundStep, RefundStage)))
def test_a_line_goes_only_where_the_table_says(step: RefundStep, stage: RefundStage) -> None:
    assert stage_after(step, stage, is_dispatched=True) is LEGAL.get((step, stage))


@pytest.mark.parametrize("stage", RefundStage)
def test_approving_what_was_never_sent_accepts_it(stage: RefundStage) -> None:
    expected = ACCEPTED if stage is PENDING else None

    assert stage_after(RefundStep.APPROVE, stage, is_dispatched=False) is expected


@pytest.mark.parametrize("stage", RefundStage)
def test_a_stage_is_its_status_and_whether_it_came_back(stage: RefundStage) -> None:
    status = line_status(stage)

    assert line_stage(status, is_returned=stage is RETURNED) is stage
    assert line_stage(status, is_returned=True) is (RETURNED if stage is AWAITING else stage)


@pytest.mark.parametrize("step", RefundStep)
@pytest.mark.parametrize("stage", RefundStage)
def test_a_request_takes_a_step_when_one_of_its_lines_does(step: RefundStep, stage: RefundStage) -> None:
    expected = None if (step, stage) in LEGAL else f"has no line that can be {step.value}"

    conflict = step_conflict(step, [stage])

    assert conflict == ("has been refunded already" if stage is REFUNDED else expected)
    assert step_conflict(step, [stage, REFUNDED]) == "has been refunded already"


@pytest.mark.parametrize("step", RefundStep)
@pytest.mark.parametrize("stage", RefundStage)
def test_a_line_takes_a_step_while_its_request_is_not_paid_out(step: RefundStep, stage: RefundStage) -> None:
    refunded = "is of a request that has been refunded already"
    expected = None if (step, stage) in LEGAL else f"is {stage.value}: it can't be {step.value}"

    conflict = line_step_conflict(step, stage, [PENDING])

    assert conflict == (refunded if stage is REFUNDED else expected)
    assert line_step_conflict(step, stage, [REFUNDED]) == refunded


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([PENDING], RefundRequestStatus.AWAITING),
        ([AWAITING], RefundRequestStatus.AWAITING),
        ([RETURNED], RefundRequestStatus.RETURNED),
        ([ACCEPTED], RefundRequestStatus.PROCESSED),
        ([DENIED], RefundRequestStatus.DENIED),
        ([REFUNDED], RefundRequestStatus.REFUNDED),
        ([PENDING, AWAITING], RefundRequestStatus.AWAITING),
        ([PENDING, RETURNED], RefundRequestStatus.AWAITING),
        ([PENDING, ACCEPTED], RefundRequestStatus.AWAITING),
        ([PENDING, DENIED], RefundRequestStatus.AWAITING),
        ([PENDING, REFUNDED], RefundRequestStatus.REFUNDED),
        ([AWAITING, RETURNED], RefundRequestStatus.AWAITING),
        ([AWAITING, ACCEPTED], RefundRequestStatus.AWAITING),
        ([AWAITING, DENIED], RefundRequestStatus.AWAITING),
        ([AWAITING, REFUNDED], RefundRequestStatus.REFUNDED),
        ([RETURNED, ACCEPTED], RefundRequestStatus.RETURNED),
        ([RETURNED, DENIED], RefundRequestStatus.REFUND_DENIED),
        ([RETURNED, REFUNDED], RefundRequestStatus.REFUNDED),
        ([RETURNED, ACCEPTED, DENIED], RefundRequestStatus.REFUND_DENIED),
        ([ACCEPTED, DENIED], RefundRequestStatus.REFUND_ACCEPTED),
        ([ACCEPTED, REFUNDED], RefundRequestStatus.REFUNDED),
        ([DENIED, REFUNDED], RefundRequestStatus.REFUNDED),
    ],
)
def test_a_requests_status_follows_from_its_lines(lines: list[RefundStage], status: RefundRequestStatus) -> None:
    assert request_status(lines) is status
    assert request_status(lines[::-1] * 2) is status


@pytest.mark.parametrize(
    ("lines", "conflict"),
    [
        ([ACCEPTED], None),
        ([RETURNED], None),
        ([RETURNED, ACCEPTED, DENIED], None),
        ([DENIED], "has no line that was not denied"),
        ([ACCEPTED, PENDING], "has lines that are neither accepted nor denied"),
        ([RETURNED, AWAITING], "has lines that are neither accepted nor denied"),
        ([REFUNDED], "has been refunded already"),
        ([ACCEPTED, REFUNDED], "has been refunded already"),
    ],
)
def test_is_paid_out_when_all_lines_came_back_or_are_decided(lines: list[RefundStage], conflict: str | None) -> None:
    assert payout_conflict(lines) == conflict


@pytest.mark.parametrize(
    ("said", "awaiting", "expected"),
    [(None, 0, True), (None, 1, False), (True, 1, True), (False, 0, False)],
)
def test_a_refund_is_a_return_once_nothing_awaits_dispatch(said: bool | None, awaiting: int, expected: bool) -> None:
    assert is_return(RefundLine(line_item_id=1, quantity=1, is_dispatched=said), awaiting) is expected


def test_tells_what_is_wrong_with_each_line() -> None:
    lines = [
        RefundLine(line_item_id=1, quantity=0),
        RefundLine(line_item_id=1, quantity=1, status=RefundRequestLineItemStatus.REFUNDED),
        RefundLine(line_item_id=2, quantity=1),
        RefundLine(quantity=1),
        RefundLine(line_item_id=1, custom="Fee", quantity=1, amount_per_item_cents=1),
        RefundLine(custom="Fee", quantity=1),
        RefundLine(custom=" ", quantity=1, amount_per_item_cents=-1),
        RefundLine(line_item_id=1, quantity=1, amount_per_item_cents=5),
    ]

    problems = refund_line_problems(lines, {1: Refundable(awaiting_dispatch=5, returnable=0)})

    assert problems == {
        "line_items.0.quantity": ["must be at least 1"],
        "line_items.1.status": ["must be one of PENDING_APPROVAL, AWAITING_RETURN, REFUND_ACCEPTED at first"],
        "line_items.2.line_item_id": ["there is no such line item on this invoice"],
        "line_items.3": ["must be either about a line item or custom"],
        "line_items.4": ["must be either about a line item or custom"],
        "line_items.5.amount_per_item_cents": ["is required for a custom line"],
        "line_items.6.custom": ["must not be blank"],
        "line_items.6.amount_per_item_cents": ["must not be negative"],
        "line_items.7.amount_per_item_cents": ["is for custom lines: a line item's own amount counts"],
    }


def test_a_request_has_lines() -> None:
    assert refund_line_problems([], {}) == {"line_items": ["must not be empty"]}


def test_never_says_that_less_than_nothing_is_left() -> None:
    lines = [RefundLine(line_item_id=1, quantity=1, is_dispatched=True)]

    problems = refund_line_problems(lines, {1: Refundable(awaiting_dispatch=0, returnable=-2)})

    assert problems == {"line_items.0.quantity": ["is more than can be returned: 0"]}


def test_a_payout_is_at_most_what_is_left_of_the_invoice() -> None:
    problems = payout_problems(lines_total_cents=1000, invoice_left_cents=600, refund_cents=None, cash_cents=None)

    assert problems == {"refund_amount_cents": ["is more than is left of the invoice: 600"]}
    assert not payout_problems(lines_total_cents=1000, invoice_left_cents=600, refund_cents=600, cash_cents=0)


@pytest.mark.parametrize(
    ("cancelled", "returned", "expected"),
    [(1, 1, "NEW"), (3, 0, "CANCELLED"), (2, 1, "REFUNDED"), (0, 3, "REFUNDED")],
)
def test_a_line_item_is_settled_when_all_of_it_is(cancelled: int, returned: int, expected: str) -> None:
    status = settled_status(quantity=3, cancelled=cancelled, returned=returned, status=LineItemStatus.NEW)

    assert status == expected
