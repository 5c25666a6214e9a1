from hypothesis import given
from hypothesis import strategies as st

from app.marketplace.orders.domain.adjustment import (
    AdjustmentAppliesTo,
    AdjustmentTotal,
    AdjustmentType,
    NewAdjustment,
    adjustment_form_problems,
    discount_problems,
    divide_adjustment,
    sum_adjustments,
)

SUBTOTAL, SHIPPING = AdjustmentAppliesTo


def _promotion(cents: int, applies_to: AdjustmentAppliesTo = SUBTOTAL) -> NewAdjustment:
    return NewAdjustment(adjustment_type=AdjustmentType.PROMOTION, applies_to=applies_to, amount_cents=cents)


def _fee(cents: int) -> NewAdjustment:
    return NewAdjustment(adjustment_type=AdjustmentType.FEE, applies_to=SUBTOTAL, amount_cents=cents)


def test_promotions_and_fees_are_summed_up_apart() -> None:
    found = sum_adjustments([_promotion(300), _fee(100), _promotion(50), _promotion(7, SHIPPING)], SUBTOTAL)

    assert (found.discount_cents, found.fee_cents, found.cents) == (350, 100, -250)


def test_lines_share_in_proportion_to_their_totals() -> None:
    shares = divide_adjustment(AdjustmentTotal(discount_cents=100, fee_cents=10), [1000, 0, 2000])

    assert [share.discount_cents for share in shares] == [33, 0, 67]
    assert [share.fee_cents for share in shares] == [3, 0, 7]


def test_a_fee_on_what_is_free_is_the_first_lines() -> None:
    assert [share.fee_cents for share in divide_adjustment(AdjustmentTotal(fee_cents=5), [0, 0])] == [5, 0]


@given(st.data(), st.lists(st.integers(0, 2**62), min_size=1, max_size=8))
def test_shares_sum_up_and_leave_no_line_below_nothing(data: st.DataObject, totals: list[int]) -> None:
    discount = data.draw(st.integers(0, sum(totals)))

    shares = [share.discount_cents for share in divide_adjustment(AdjustmentTotal(discount_cents=discount), totals)]

    assert sum(shares) == discount
    assert all(0 <= share <= total for share, total in zip(shares, totals, strict=True))


def test_a_promotion_is_no_more_than_what_those_before_it_left() -> None:
    given_ = [_promotion(700), _fee(500), _promotion(301), _promotion(300), _promotion(1, SHIPPING)]

    problems = discount_problems(given_, {SUBTOTAL: 1000, SHIPPING: 0}, "invoices.0")

    assert problems == {
        "invoices.0.adjustments.2.amount_cents": ["is more than what it applies to: 300"],
        "invoices.0.adjustments.4.amount_cents": ["is more than what it applies to: 0"],
    }


def test_an_amount_has_no_sign_of_its_own() -> None:
    assert adjustment_form_problems([_fee(1), _promotion(0), _fee(-5)], "line_items.0") == {
        "line_items.0.adjustments.1.amount_cents": ["must be at least 1"],
        "line_items.0.adjustments.2.amount_cents": ["must be at least 1"],
    }
