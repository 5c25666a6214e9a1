from itertools import product

import pytest

from app.domain.order import LineItemStatus
from app.domain.refund_request import (
    Refundable,
    RefundLine,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
    is_return,
    may_become,
    payout_conflict,
    payout_problems,
    refund_line_problems,
    request_status,
    settled_status,
    share,
)

PENDING = RefundRequestLineItemStatus.PENDING_APPROVAL
AWAITING = RefundRequestLineItemStatus.AWAITING_RETURN
ACCEPTED = RefundRequestLineItemStatus.REFUND_ACCEPTED
DENIED = RefundRequestLineItemStatus.REFUND_DENIED
REFUNDED = RefundRequestLineItemStatus.REFUNDED

LEGAL = {
    (PENDING, AWAITING),
    (PENDING, ACCEPTED),
    (PENDING, DENIED),
    (AWAITING, ACCEPTED),
    (AWAITING, DENIED),
    (ACCEPTED, REFUNDED),
    (ACCEPTED, DENIED),
    (DENIED, PENDING),
}


@pytest.mark.parametrize(("before", "after"), list(product(RefundRequestLineItemStatus, repeat=2)))
def test_a_line_goes_only_where_the_table_says(
    before: RefundRequestLineItemStatus, after: RefundRequestLineItemStatus
) -> None:
    assert may_become(before, after) is ((before, after) in LEGAL)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([PENDING], RefundRequestStatus.AWAITING),
        ([AWAITING], RefundRequestStatus.AWAITING),
        ([ACCEPTED], RefundRequestStatus.PROCESSED),
        ([DENIED], RefundRequestStatus.DENIED),
        ([REFUNDED], RefundRequestStatus.REFUNDED),
        ([PENDING, AWAITING], RefundRequestStatus.AWAITING),
        ([PENDING, ACCEPTED], RefundRequestStatus.AWAITING),
        ([PENDING, DENIED], RefundRequestStatus.AWAITING),
        ([PENDING, REFUNDED], RefundRequestStatus.REFUNDED),
        ([AWAITING, ACCEPTED], RefundRequestStatus.AWAITING),
        ([AWAITING, DENIED], RefundRequestStatus.AWAITING),
        ([AWAITING, REFUNDED], RefundRequestStatus.REFUNDED),
        ([ACCEPTED, DENIED], RefundRequestStatus.REFUND_ACCEPTED),
        ([ACCEPTED, REFUNDED], RefundRequestStatus.REFUNDED),
        ([DENIED, REFUNDED], RefundRequestStatus.REFUNDED),
    ],
)
def test_a_requests_status_follows_from_its_lines(
    lines: list[RefundRequestLineItemStatus], status: RefundRequestStatus
) -> None:
    assert request_status(lines) is status
    assert request_status(lines[::-1] * 2) is status


@pytest.mark.parametrize(
    ("lines", "conflict"),
    [
        ([ACCEPTED], None),
        ([ACCEPTED, DENIED], None),
        ([DENIED], "has no line that was not denied"),
        ([ACCEPTED, PENDING], "has lines that are neither accepted nor denied"),
        ([ACCEPTED, AWAITING], "has lines that are neither accepted nor denied"),
        ([REFUNDED], "has been refunded already"),
        ([ACCEPTED, REFUNDED], "has been refunded already"),
    ],
)
def test_is_paid_out_when_all_lines_are_decided(lines: list[RefundRequestLineItemStatus], conflict: str | None) -> None:
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
        RefundLine(line_item_id=1, quantity=1, status=REFUNDED),
        RefundLine(line_item_id=2, quantity=1),
        RefundLine(quantity=1),
        RefundLine(line_item_id=1, custom="Fee", quantity=1, amount_per_item_cents=1),
        RefundLine(custom="Fee", quantity=1),
        RefundLine(custom=" ", quantity=1, amount_per_item_cents=-1),
        RefundLine(line_item_id=1, quantity=1, amount_per_item_cents=5),
    ]

    problems = refund_line_problems(lines, {1: Refundable(awaiting_dispatch=5, returnable=0)})

    assert problems == {
        "lineItems.0.quantity": ["must be at least 1"],
        "lineItems.1.status": ["must be one of PENDING_APPROVAL, AWAITING_RETURN, REFUND_ACCEPTED at first"],
        "lineItems.2.lineItemId": ["there is no such line item on this invoice"],
        "lineItems.3": ["must have either lineItemId or custom"],
        "lineItems.4": ["must have either lineItemId or custom"],
        "lineItems.5.amountPerItemCents": ["is required for a custom line"],
        "lineItems.6.custom": ["must not be blank"],
        "lineItems.6.amountPerItemCents": ["must not be negative"],
        "lineItems.7.amountPerItemCents": ["is for custom lines: a line item's own amount counts"],
    }


def test_a_request_has_lines() -> None:
    assert refund_line_problems([], {}) == {"lineItems": ["must not be empty"]}


def test_never_says_that_less_than_nothing_is_left() -> None:
    lines = [RefundLine(line_item_id=1, quantity=1, is_dispatched=True)]

    problems = refund_line_problems(lines, {1: Refundable(awaiting_dispatch=0, returnable=-2)})

    assert problems == {"lineItems.0.quantity": ["is more than can be returned: 0"]}


def test_a_payout_is_at_most_what_is_left_of_the_invoice() -> None:
    problems = payout_problems(lines_total_cents=1000, invoice_left_cents=600, refund_cents=None, cash_cents=None)

    assert problems == {"refundAmountCents": ["is more than is left of the invoice: 600"]}
    assert not payout_problems(lines_total_cents=1000, invoice_left_cents=600, refund_cents=600, cash_cents=0)


@pytest.mark.parametrize(
    ("cancelled", "returned", "expected"),
    [(1, 1, "NEW"), (3, 0, "CANCELLED"), (2, 1, "REFUNDED"), (0, 3, "REFUNDED")],
)
def test_a_line_item_is_settled_when_all_of_it_is(cancelled: int, returned: int, expected: str) -> None:
    status = settled_status(quantity=3, cancelled=cancelled, returned=returned, status=LineItemStatus.NEW)

    assert status == expected


def test_a_share_is_rounded_down_and_nothing_of_nothing() -> None:
    assert [share(100, part, 3) for part in range(4)] == [0, 33, 66, 100]
    assert share(0, 0, 0) == 0
