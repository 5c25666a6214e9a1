"""Adjustments: what is added to or taken off the price at checkout, and of what."""

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
    """amount_cents: at least 1; the type says whether it is taken off or added."""

    adjustment_type: AdjustmentType
    applies_to: AdjustmentAppliesTo
    amount_cents: int
    description: str | None = None

    @property
    def signed_cents(self) -> int:
        """By how much the price changes: negative for a promotion."""
        return -self.amount_cents if self.adjustment_type is AdjustmentType.PROMOTION else self.amount_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentTotal:
    """What several adjustments come to; neither amount is negative."""

    discount_cents: int = 0
    fee_cents: int = 0

    @property
    def cents(self) -> int:
        return self.fee_cents - self.discount_cents

    def __add__(self, other: "AdjustmentTotal") -> "AdjustmentTotal":
        return AdjustmentTotal(
            discount_cents=self.discount_cents + other.discount_cents, fee_cents=self.fee_cents + other.fee_cents
        )


def adjusted(adjustments: Sequence[NewAdjustment], applies_to: AdjustmentAppliesTo) -> AdjustmentTotal:
    """What those that apply to this part of the price come to."""
    changes = [each.signed_cents for each in adjustments if each.applies_to is applies_to]
    return AdjustmentTotal(
        discount_cents=-sum(cents for cents in changes if cents < 0),
        fee_cents=sum(cents for cents in changes if cents > 0),
    )


def shared(whole: AdjustmentTotal, totals: Sequence[int]) -> list[AdjustmentTotal]:
    """An invoice's adjustment as the shares of its lines, in proportion to their totals. The shares sum up to it.

    No share of a discount is more than its line's total unless the whole is more than all of them.
    """
    discounts, fees = _shares(whole.discount_cents, totals), _shares(whole.fee_cents, totals)
    return [
        AdjustmentTotal(discount_cents=discount, fee_cents=fee) for discount, fee in zip(discounts, fees, strict=True)
    ]


def adjustment_form_problems(adjustments: Sequence[NewAdjustment], path: str) -> Problems:
    """What is wrong with adjustments whatever they apply to. path: of their owner in the input."""
    wrong = [index for index, each in enumerate(adjustments) if each.amount_cents < 1]
    return Problems({_amount_path(path, index): ["must be at least 1"] for index in wrong})


def discount_problems(
    adjustments: Sequence[NewAdjustment], left: dict[AdjustmentAppliesTo, int], path: str
) -> Problems:
    """The promotions that are more than what they apply to, less the promotions before. Fees can't be taken off.

    left  cents of each part of the price, before these adjustments.
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
    return f"{path}.adjustments.{index}.amountCents"


def _shares(amount: int, weights: Sequence[int]) -> list[int]:
    """Rounded so that the first lines together never have more than their part of the amount."""
    total = sum(weights)
    if total == 0:
        return [amount, *(0 for _ in weights[1:])]
    # Of integers: a float would lose cents of large amounts.
    bounds = [amount * reached // total for reached in accumulate(weights, initial=0)]
    return [after - before for before, after in pairwise(bounds)]
