from datetime import UTC, datetime, timedelta

import pytest

from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.marketplace.orders.domain.order import DeliveryType
from app.marketplace.orders.domain.shipment import PackedItem, packing_problems, shipping_problems, tracking_link

ORDERED_AT = datetime(2030, 1, 1, 12, 0, 0, 900_000, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "is_legal"), [(-2, False), (-0.901, False), (-0.9, True), (5, True)])
def test_is_not_dispatched_before_the_second_of_the_order(seconds: float, is_legal: bool) -> None:
    problems = shipping_problems(
        flags=[InvoiceStatusFlag.PAID],
        delivery_type=DeliveryType.BUY_ONLINE,
        ordered_at=ORDERED_AT,
        dispatched_at=ORDERED_AT + timedelta(seconds=seconds),
        awaiting={1: 1},
        packed=[PackedItem(line_item_id=1, quantity=1)],
    )

    assert (not problems) is is_legal


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
