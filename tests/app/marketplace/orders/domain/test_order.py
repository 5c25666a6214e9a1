import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.marketplace.orders.domain.order import (
    DeliveryType,
    LineAmounts,
    contained_tax,
    initial_quantities,
    invoice_amounts,
    line_amounts,
)


@pytest.mark.parametrize(
    ("amount", "rate", "tax"),
    [(1100, 0.1, 100), (1000, 0.1, 91), (5, 1.0, 3), (1100, None, 0), (1100, 0.0, 0), (0, 0.1, 0)],
)
def test_tax_is_contained_in_the_price_and_rounded_half_up(amount: int, rate: float | None, tax: int) -> None:
    assert contained_tax(amount, rate) == tax


@given(st.integers(0, 2**63), st.floats(0, 1))
def test_tax_is_never_more_than_half_of_the_price_and_a_cent(amount: int, rate: float) -> None:
    assert 0 <= 2 * contained_tax(amount, rate) <= amount + 1


def test_an_invoice_sums_up_its_lines_and_shipping() -> None:
    lines = [
        line_amounts(item_amount_cents=1100, quantity=2, tax_rate=0.1, postage_cents=50),
        LineAmounts(total_cents=500, tax_cents=0),
    ]

    amounts = invoice_amounts(lines, shipping_cost_cents=170, tax_rate=0.1)

    assert (amounts.subtotal_cents, amounts.shipping_cost_cents, amounts.total_cents) == (2700, 220, 2920)
    assert (amounts.tax_shipping_cents, amounts.tax_total_cents, amounts.tax_rate) == (20, 220, 0.1)


@pytest.mark.parametrize(("rates", "common"), [([0.1, 0.1], 0.1), ([0.1, 0.2], None), ([None, 0.1], None)])
def test_an_invoice_has_the_rate_that_its_lines_have_in_common(rates: list[float | None], common: float | None) -> None:
    lines = [LineAmounts(total_cents=100, tax_cents=0, tax_rate=rate) for rate in rates]

    assert invoice_amounts(lines).tax_rate == common


def test_only_what_is_dispatched_awaits_dispatch() -> None:
    assert initial_quantities(DeliveryType.BUY_ONLINE, 3) == (3, 0)
    assert initial_quantities(DeliveryType.CLICK_AND_COLLECT, 3) == (3, 0)
    assert initial_quantities(DeliveryType.NO_DISPATCH, 3) == (0, 3)
