import pytest

from app.marketplace.catalogue.domain.variant import lowest_price_cents


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
