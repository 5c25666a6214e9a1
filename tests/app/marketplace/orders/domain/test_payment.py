from itertools import product

import pytest

from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.marketplace.orders.domain.order import OrderStatus
from app.marketplace.orders.domain.payment import flags_after_payment, move_conflict

PAID, REVIEW, SENT = InvoiceStatusFlag.PAID, InvoiceStatusFlag.PAYMENT_UNDER_REVIEW, InvoiceStatusFlag.SENT
#: status → those that may follow it.
LEGAL = {
    "NEW": "CHECKOUT PAYMENT_IN_PROGRESS PAYMENT_FAILED PENDING_REVIEW COMPLETE ABANDONED",
    "CHECKOUT": "PAYMENT_IN_PROGRESS PAYMENT_FAILED PENDING_REVIEW COMPLETE ABANDONED",
    "ABANDONED": "CHECKOUT",
    "PAYMENT_IN_PROGRESS": "PAYMENT_FAILED PENDING_REVIEW COMPLETE ABANDONED",
    "PAYMENT_FAILED": "CHECKOUT PAYMENT_IN_PROGRESS PENDING_REVIEW COMPLETE ABANDONED",
    "PENDING_REVIEW": "PAYMENT_IN_PROGRESS PAYMENT_FAILED COMPLETE ABANDONED",
    "COMPLETE": "PENDING_REVIEW",
}


@pytest.mark.parametrize(("before", "after"), list(product(OrderStatus, repeat=2)))
def test_an_order_goes_only_where_the_table_says(before: OrderStatus, after: OrderStatus) -> None:
    is_legal = before is after or after.value in LEGAL[before.value].split()

    assert move_conflict(before, after) == (None if is_legal else f"can't be {after} after {before}")


@pytest.mark.parametrize(
    ("flags", "status", "expected"),
    [
        ([], OrderStatus.COMPLETE, (PAID,)),
        ([REVIEW, SENT], OrderStatus.COMPLETE, (PAID, SENT)),
        ([], OrderStatus.PENDING_REVIEW, (REVIEW,)),
        ([PAID], OrderStatus.PENDING_REVIEW, (PAID, REVIEW)),
        ([PAID, REVIEW, SENT], OrderStatus.PAYMENT_FAILED, (SENT,)),
        ([REVIEW], OrderStatus.ABANDONED, ()),
    ],
)
def test_flags_follow_the_payment(
    flags: list[InvoiceStatusFlag], status: OrderStatus, expected: tuple[InvoiceStatusFlag, ...]
) -> None:
    assert flags_after_payment(flags, status) == expected
