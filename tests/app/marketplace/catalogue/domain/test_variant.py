from datetime import UTC, datetime

import pytest

from app.marketplace.catalogue.domain.variant import is_buyable, is_variant_displayable, lowest_price_cents

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("price", "sale_price", "start_at", "end_at", "lowest"),
    [
        (1000, None, None, None, 1000),
        (1000, 900, None, None, 900),
        (1000, 1100, None, None, 1000),
        (1000, 900, NOON, None, 1000),
        (1000, 900, None, NOON, 1000),
        (None, 900, None, None, None),
    ],
)
def test_lowest_price_counts_only_sales_that_are_always_on(
    price: int | None,
    sale_price: int | None,
    start_at: datetime | None,
    end_at: datetime | None,
    lowest: int | None,
) -> None:
    assert lowest_price_cents(price, sale_price, start_at, end_at) == lowest


@pytest.mark.parametrize(
    ("is_displayable", "has_infinite_quantity", "count_on_hand", "expected"),
    [(True, False, 1, True), (True, False, 0, False), (True, True, 0, True), (False, True, 1, False)],
)
def test_buyable_is_what_is_shown_and_in_stock(
    is_displayable: bool, has_infinite_quantity: bool, count_on_hand: int, expected: bool
) -> None:
    bought = is_buyable(
        is_displayable=is_displayable,
        has_infinite_quantity=has_infinite_quantity,
        count_on_hand=count_on_hand,
    )

    assert bought is expected


@pytest.mark.parametrize(
    ("is_published", "is_deleted", "expected"),
    [(True, False, True), (False, False, False), (True, True, False)],
)
def test_displayable_is_published_and_not_deleted(is_published: bool, is_deleted: bool, expected: bool) -> None:
    assert is_variant_displayable(is_published=is_published, is_deleted=is_deleted) is expected
