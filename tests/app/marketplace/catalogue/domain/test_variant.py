import pytest

from app.marketplace.catalogue.domain.variant import is_buyable, is_variant_displayable, lowest_price_cents


@pytest.mark.parametrize(
    ("price", "sale_price", "is_on_sale", "lowest"),
    [
        (1000, None, False, 1000),
        (1000, 900, True, 900),
        (1000, 900, False, 1000),
        (1000, 1100, True, 1000),
        (None, 900, True, 900),
        (None, 900, False, None),
    ],
)
def test_the_lowest_price_is_what_one_costs_now(
    price: int | None, sale_price: int | None, is_on_sale: bool, lowest: int | None
) -> None:
    assert lowest_price_cents(price, sale_price, is_on_sale=is_on_sale) == lowest


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


@pytest.mark.parametrize("missing", ["", "is_published", "is_advert_displayable"])
@pytest.mark.parametrize("is_deleted", [False, True])
def test_displayable_is_what_is_there_and_published_with_its_advert(missing: str, is_deleted: bool) -> None:
    shown = {"is_published": True, "is_advert_displayable": True, missing: False}
    shown.pop("", None)

    assert is_variant_displayable(**shown, is_deleted=is_deleted) is (not missing and not is_deleted)
