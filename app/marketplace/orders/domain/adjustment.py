"""Rules of adjustments, the amounts that are added to or taken off a price at checkout."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, pairwise

from app.kernel.problems import Problems


class AdjustmentType(StrEnum):
    PROMOTION = "PROMOTION"
    FEE = "FEE"


class AdjustmentAppliesTo(StrEnum):
    SUBTOTAL_DISCOUNT = "SUBTOTAL_DISCOUNT"
    FREE_SHIPPING_DISCOUNT = "FREE_SHIPPING_DISCOUNT"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAdjustment:
    """An adjustment of a new order.

    Args:
        amount_cents: At least 1. The type tells whether it is added or taken off.
        amount_to_withhold_cents: The part of it that the seller bears. It is recorded and changes no other amount.
        source_id: Where it comes from, such as a promotion's id in the shop.
    """

    adjustment_type: AdjustmentType
    amount_cents: int
    applies_to: AdjustmentAppliesTo = AdjustmentAppliesTo.SUBTOTAL_DISCOUNT
    description: str | None = None
    amount_to_withhold_cents: int = 0
    source_id: str | None = None

    @property
    def signed_cents(self) -> int:
        """Return the change of the price: negative for a promotion."""
        return -self.amount_cents if self.adjustment_type is AdjustmentType.PROMOTION else self.amount_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentTotal:
    """The sum of several adjustments. Neither amount is negative."""

    discount_cents: int = 0
    fee_cents: int = 0

    @property
    def cents(self) -> int:
        return self.fee_cents - self.discount_cents

    def __add__(self, other: "AdjustmentTotal") -> "AdjustmentTotal":
        return AdjustmentTotal(
            discount_cents=self.discount_cents + other.discount_cents, fee_cents=self.fee_cents + other.fee_cents
        )


def sum_adjustments(adjustments: Sequence[NewAdjustment], applies_to: AdjustmentAppliesTo) -> AdjustmentTotal:
    """Sum the adjustments that apply to a part of the price."""
    changes = [each.signed_cents for each in adjustments if each.applies_to is applies_to]
    return AdjustmentTotal(
        discount_cents=-sum(cents for cents in changes if cents < 0),
        fee_cents=sum(cents for cents in changes if cents > 0),
    )


def divide_adjustment(whole: AdjustmentTotal, totals: Sequence[int]) -> list[AdjustmentTotal]:
    """Divide an invoice's adjustment among its lines in proportion to their totals. The shares sum up to it.

    A share of a discount does not exceed its line's total, unless the discount exceeds the sum of the totals.
    """
    discounts, fees = _shares(whole.discount_cents, totals), _shares(whole.fee_cents, totals)
    return [
        AdjustmentTotal(discount_cents=discount, fee_cents=fee) for discount, fee in zip(discounts, fees, strict=True)
    ]


def adjustment_form_problems(adjustments: Sequence[NewAdjustment], path: str) -> Problems:
    """List the problems of adjustments that do not depend on a price.

    Args:
        path: The path of their owner in the input.
    """
    wrong = [index for index, each in enumerate(adjustments) if each.amount_cents < 1]
    return Problems({_amount_path(path, index): ["must be at least 1"] for index in wrong})


def discount_problems(
    adjustments: Sequence[NewAdjustment], left: dict[AdjustmentAppliesTo, int], path: str
) -> Problems:
    """Reject promotions that exceed the price that earlier promotions have left. Fees do not raise it.

    Args:
        left: Cents of each part of the price before these adjustments.
    """
    problems = Problems()
    rest = dict(left)
    for index, each in enumerate(adjustments):
        if each.adjustment_type is not AdjustmentType.PROMOTION:
            continue
        if each.amount_cents > rest[each.applies_to]:
            message = f"is more than what it applies to: {rest[each.applies_to]}"
            problems.add(_amount_path(path, index), message)
        else:
            rest[each.applies_to] -= each.amount_cents
    return problems


def _amount_path(path: str, index: int) -> str:
    return f"{path}.adjustments.{index}.amount_cents"


def _shares(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount by weights. It is rounded so that the first lines together never get more than their part."""
    total = sum(weights)
    if total == 0:
        return [amount, *(0 for _ in weights[1:])]
    # Integers, because a float would lose cents of large amounts.
    bounds = [amount * reached // total for reached in accumulate(weights, initial=0)]
    return [after - before for before, after in pairwise(bounds)]
