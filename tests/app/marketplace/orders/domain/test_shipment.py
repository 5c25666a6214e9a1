from datetime import UTC, datetime, timedelta

import pytest

from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.marketplace.orders.domain.order import DeliveryType
from app.marketplace.orders.domain.shipment import (
    PackedItem,
    dispatch_problems,
    packing_problems,
    shipping_problems,
    tracking_link,
)

ORDERED_AT = datetime(2030, 1, 1, 12, 0, 0, 900_000, tzinfo=UTC)
NOW = datetime(2030, 1, 3, 14, tzinfo=UTC)


BEFORE = [f"must not be before the order, {ORDERED_AT.isoformat()}"]


@pytest.mark.parametrize(
    ("dispatched_at", "messages"),
    [
        (datetime(2030, 1, 1, tzinfo=UTC), None),
        (ORDERED_AT - timedelta(seconds=2), None),
        # Where it is still the day before that of the order in UTC.
        (datetime(2029, 12, 31, tzinfo=UTC), None),
        (datetime(2029, 12, 30, 23, 59, tzinfo=UTC), BEFORE),
        (NOW, None),
        # Where it is the next day already.
        (datetime(2030, 1, 4, tzinfo=UTC), None),
        (NOW + timedelta(days=1, seconds=1), ["must not be in the future"]),
        (datetime(2099, 1, 1, tzinfo=UTC), ["must not be in the future"]),
    ],
)
def test_is_dispatched_from_the_day_of_the_order_until_today(
    dispatched_at: datetime, messages: list[str] | None
) -> None:
    problems = dispatch_problems(dispatched_at, ordered_at=ORDERED_AT, now=NOW)

    assert problems == ({} if messages is None else {"dispatched_at": messages})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "is not paid: nothing is sent yet"),
        ([InvoiceStatusFlag.PAYMENT_UNDER_REVIEW], "has a payment that is under review: nothing is sent yet"),
        (
            [InvoiceStatusFlag.PAID, InvoiceStatusFlag.PAYMENT_UNDER_REVIEW],
            "has a payment that is under review: nothing is sent yet",
        ),
        ([InvoiceStatusFlag.CANCELLED], "is cancelled or refunded: nothing is sent any more"),
    ],
)
def test_nothing_is_sent_before_it_is_paid(flags: list[InvoiceStatusFlag], message: str) -> None:
    problems = shipping_problems(
        flags=flags,
        delivery_type=DeliveryType.BUY_ONLINE,
        ordered_at=ORDERED_AT,
        dispatched_at=NOW,
        now=NOW,
        awaiting={1: 1},
        packed=[PackedItem(line_item_id=1, quantity=1)],
    )

    assert problems == {"invoice_id": [message]}


@pytest.mark.parametrize(
    ("quantities", "problems"),
    [
        ([3], {}),
        ([1, 2], {}),
        ([4], {"shipped_items.0.quantity": ["is more than await dispatch: 3"]}),
        ([2, 2], {"shipped_items.1.quantity": ["is more than await dispatch: 1"]}),
        ([4, 1], {f"shipped_items.{i}.quantity": [f"is more than await dispatch: {n}"] for i, n in ((0, 3), (1, 0))}),
        ([0], {"shipped_items.0.quantity": ["must be at least 1"]}),
        ([], {"shipped_items": ["must not be empty"]}),
    ],
)
def test_no_more_is_packed_than_awaits_dispatch(quantities: list[int], problems: dict[str, list[str]]) -> None:
    packed = [PackedItem(line_item_id=1, quantity=quantity) for quantity in quantities]

    assert packing_problems({1: 3}, packed) == problems


def test_a_tracking_number_is_quoted_in_its_link() -> None:
    assert tracking_link("https://x.example/?n={trackingNumber}", "A/1 &b") == "https://x.example/?n=A%2F1%20%26b"
    assert tracking_link("https://x.example/", "A") == "https://x.example/"
    assert tracking_link(None, "A") is None
