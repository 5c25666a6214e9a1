"""Splitting a purchase into invoices, one per seller and delivery type, each with its amounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import floor

from app.kernel.problems import BIGINT_MAX, Problems
from app.marketplace.catalogue.domain.stock import Offer, PurchaseLine
from app.marketplace.orders.domain.adjustment import (
    AdjustmentAppliesTo,
    AdjustmentTotal,
    NewAdjustment,
    discount_problems,
    divide_adjustment,
    sum_adjustments,
)
from app.marketplace.orders.domain.order import (
    DeliveryType,
    InvoiceAmounts,
    LineAmounts,
    contained_tax,
    invoice_amounts,
    line_amounts,
)

SUBTOTAL = AdjustmentAppliesTo.SUBTOTAL_DISCOUNT
SHIPPING = AdjustmentAppliesTo.FREE_SHIPPING_DISCOUNT
_NO_SHARE = AdjustmentTotal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The terms of one invoice as a whole.

    Args:
        tax_rate: The rate of its shipping.
        adjustments: The adjustments of the invoice. Those of the subtotal are divided among its lines.
        path: The path of the invoice in the input.
    """

    shipping_description: str = ""
    shipping_cost_cents: int = 0
    tax_rate: float | None = None
    adjustments: Sequence[NewAdjustment] = ()
    merchant_fee_cents: int | None = None
    merchant_fees_tax_rate: float | None = None
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedLine:
    wanted: PurchaseLine
    item_amount_cents: int
    amounts: LineAmounts

    @property
    def commission_cents(self) -> int | None:
        """Return the operator's part of the total, half a cent rounded up; None without a rate."""
        rate = self.wanted.commission_rate
        return None if rate is None else share_of(self.amounts.total_cents, rate)

    @property
    def commission_tax_cents(self) -> int | None:
        cents = self.commission_cents
        return None if cents is None else contained_tax(cents, self.wanted.commission_tax_rate)


def share_of(amount_cents: int, rate: float) -> int:
    """Return this part of an amount, half a cent rounded up. The rate is the decimal fraction that was written."""
    return floor(amount_cents * Fraction(repr(rate)) + Fraction(1, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One invoice to be created."""

    seller_id: int
    delivery_type: DeliveryType
    lines: Sequence[PricedLine]
    terms: Terms
    amounts: InvoiceAmounts


def split(
    wanted: Sequence[PurchaseLine],
    offers: Mapping[int, Offer],
    terms: Mapping[tuple[int, DeliveryType], Terms],
) -> list[Part]:
    """Return the invoices to be created, by seller and delivery type. Each keeps its lines in the order given.

    Args:
        terms: Terms by seller and delivery type. Without terms, shipping is free.
        wanted: Lines that have passed `purchase_problems`.
    """

    def key(line: PurchaseLine) -> tuple[int, DeliveryType]:
        return offers[line.variant_id].seller_id, line.delivery_type

    return [
        _part(seller_id, delivery_type, list(lines), offers, terms.get((seller_id, delivery_type), Terms()))
        for (seller_id, delivery_type), lines in groupby(sorted(wanted, key=key), key)
    ]


def total_problems(parts: Sequence[Part]) -> Problems:
    """Check that the sums of all lines can be stored. Each line's amount can be."""
    is_too_large = max(order_amounts(parts).values()) > BIGINT_MAX
    return Problems(base=["the order's total is too large"]) if is_too_large else Problems()


def promotion_problems(parts: Sequence[Part]) -> Problems:
    """Reject promotions larger than the amount they apply to."""
    problems = Problems()
    for part in parts:
        for line in part.lines:
            left = {SUBTOTAL: line.item_amount_cents * line.wanted.quantity, SHIPPING: line.wanted.postage_cents}
            problems.include(discount_problems(line.wanted.adjustments, left, line.wanted.path))
        problems.include(discount_problems(part.terms.adjustments, _left(part), part.terms.path))
    return problems


def _left(part: Part) -> dict[AdjustmentAppliesTo, int]:
    """Return the price of goods and shipping after the lines' own adjustments."""
    own = [(line, sum_adjustments(line.wanted.adjustments, SUBTOTAL).cents) for line in part.lines]
    return {
        SUBTOTAL: sum(line.item_amount_cents * line.wanted.quantity + change for line, change in own),
        SHIPPING: part.amounts.shipping_cost_cents + sum(line.amounts.postage.cents for line in part.lines),
    }


def order_amounts(parts: Sequence[Part]) -> dict[str, int]:
    """Return an order's amounts: the sums over its invoices."""
    names = ("subtotal_cents", "shipping_cost_cents", "discount_cents", "tax_total_cents", "total_cents")
    return {name: sum(getattr(part.amounts, name) for part in parts) for name in names}


def _part(
    seller_id: int,
    delivery_type: DeliveryType,
    wanted: Sequence[PurchaseLine],
    offers: Mapping[int, Offer],
    terms: Terms,
) -> Part:
    alone = [_price_line(line, offers[line.variant_id]) for line in wanted]
    shares = divide_adjustment(
        sum_adjustments(terms.adjustments, SUBTOTAL), [line.amounts.total_cents for line in alone]
    )
    lines = [_price_line(line, offers[line.variant_id], share) for line, share in zip(wanted, shares, strict=True)]
    amounts = invoice_amounts(
        [line.amounts for line in lines],
        shipping_cost_cents=terms.shipping_cost_cents,
        tax_rate=terms.tax_rate,
        shipping=sum_adjustments(terms.adjustments, SHIPPING),
    )
    return Part(seller_id=seller_id, delivery_type=delivery_type, lines=lines, terms=terms, amounts=amounts)


def _price_line(line: PurchaseLine, offer: Offer, share: AdjustmentTotal = _NO_SHARE) -> PricedLine:
    """Compute the amounts of a line. `share` is its share of the invoice's adjustments of the subtotal."""
    unit = offer.price_cents if line.item_amount_cents is None else line.item_amount_cents
    assert unit is not None, "purchase_problems refuses what has no price"
    amounts = line_amounts(
        item_amount_cents=unit,
        quantity=line.quantity,
        tax_rate=line.tax_rate,
        postage_cents=line.postage_cents,
        goods=sum_adjustments(line.adjustments, SUBTOTAL) + share,
        postage=sum_adjustments(line.adjustments, SHIPPING),
        tax_cents=line.tax_cents,
        postage_tax_cents=line.postage_tax_cents,
        postage_tax_rate=line.postage_tax_rate,
    )
    return PricedLine(wanted=line, item_amount_cents=unit, amounts=amounts)
