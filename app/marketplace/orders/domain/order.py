"""Terms and rules of orders and their line items."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import floor

from app.marketplace.orders.domain.adjustment import AdjustmentTotal

_UNCHANGED = AdjustmentTotal()


class OrderStatus(StrEnum):
    NEW = "NEW"
    CHECKOUT = "CHECKOUT"
    ABANDONED = "ABANDONED"
    COMPLETE = "COMPLETE"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    PAYMENT_IN_PROGRESS = "PAYMENT_IN_PROGRESS"
    PENDING_REVIEW = "PENDING_REVIEW"


class DeliveryType(StrEnum):
    BUY_ONLINE = "BUY_ONLINE"
    CLICK_AND_COLLECT = "CLICK_AND_COLLECT"
    NO_DISPATCH = "NO_DISPATCH"


class PricingModel(StrEnum):
    MARKETPLACE = "MARKETPLACE"
    WHOLESALE = "WHOLESALE"


class LineItemStatus(StrEnum):
    NEW = "NEW"
    ALLOCATED = "ALLOCATED"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"


class LineItemStatusFull(StrEnum):
    NEW = "NEW"
    ALLOCATED = "ALLOCATED"
    SHIPPED = "SHIPPED"
    REFUNDED = "REFUNDED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAmounts:
    """The amounts of one line. The tax is contained in the total.

    Args:
        discount_cents: The discounts on its goods with its share of the invoice's. They are contained in the total.
        fee_cents: The fees on its goods with its share of the invoice's. They are contained in the total.
        postage: The adjustments of the postage, which is not contained in the total.
        postage_tax_cents: Tax contained in the adjusted postage. None: the invoice's rate tells it.
        postage_tax_rate: The rate of that tax. None if it is not known.
    """

    total_cents: int
    tax_cents: int
    postage_cents: int = 0
    tax_rate: float | None = None
    discount_cents: int = 0
    fee_cents: int = 0
    postage: AdjustmentTotal = _UNCHANGED
    postage_tax_cents: int | None = None
    postage_tax_rate: float | None = None

    @property
    def subtotal_cents(self) -> int:
        """Return the price of the whole quantity before adjustments."""
        return self.total_cents + self.discount_cents - self.fee_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAmounts:
    """The amounts of an invoice: `total = subtotal + shipping cost + discount + fees`.

    The fees have no field of their own; they are in the adjustments. `tax_total` is contained in the total and contains
    `tax_shipping`. Subtotal and shipping cost are amounts before adjustments. `discount` is the sum of promotions on
    both, and not positive.
    """

    subtotal_cents: int
    shipping_cost_cents: int
    tax_shipping_cents: int
    tax_total_cents: int
    discount_cents: int
    total_cents: int
    tax_rate: float | None
    postage_tax_rate: float | None = None


def contained_tax(amount_cents: int, tax_rate: float | None) -> int:
    """Return the tax contained in a price, half a cent rounded up: 1.00 of 11.00 at a rate of 0.1.

    A rate of None is no tax.
    """
    if not tax_rate:
        return 0
    # The rate is read as the decimal fraction that was written, not the nearest binary one. The rest uses integers.
    rate = Fraction(repr(tax_rate))
    return floor(amount_cents * rate / (1 + rate) + Fraction(1, 2))


def rate_of_tax(amount_cents: int, tax_cents: int) -> float | None:
    """Return the rate, to a hundredth of a percent, that gives this tax of an amount; None if there is none."""
    rate = round(tax_cents / (amount_cents - tax_cents), 4) if amount_cents > tax_cents else 0.0
    return rate if contained_tax(amount_cents, rate) == tax_cents else None


def scaled_tax(tax_cents: int, amount_cents: int, new_amount_cents: int) -> int:
    """Return the tax of an amount that was changed, in proportion, half a cent rounded up."""
    if not amount_cents:
        return tax_cents
    return floor(Fraction(tax_cents * new_amount_cents, amount_cents) + Fraction(1, 2))


def line_amounts(
    *,
    item_amount_cents: int,
    quantity: int,
    tax_rate: float | None,
    postage_cents: int,
    goods: AdjustmentTotal = _UNCHANGED,
    postage: AdjustmentTotal = _UNCHANGED,
    tax_cents: int | None = None,
    postage_tax_cents: int | None = None,
    postage_tax_rate: float | None = None,
) -> LineAmounts:
    """Compute the amounts of a line from the adjustments of its goods and its postage.

    Args:
        tax_cents: Tax contained in the price before adjustments. None: the rate tells it.
        postage_tax_cents: Tax contained in the postage before adjustments. None: its rate or the invoice's tells it.
        postage_tax_rate: The rate of the postage. None takes the invoice's.
    """
    price, adjusted_postage = item_amount_cents * quantity, postage_cents + postage.cents
    total = price + goods.cents
    if postage_tax_cents is not None:
        postage_tax_rate = rate_of_tax(postage_cents, postage_tax_cents)
        postage_tax_cents = scaled_tax(postage_tax_cents, postage_cents, adjusted_postage)
    elif postage_tax_rate is not None:
        postage_tax_cents = contained_tax(adjusted_postage, postage_tax_rate)
    return LineAmounts(
        total_cents=total,
        tax_cents=contained_tax(total, tax_rate) if tax_cents is None else scaled_tax(tax_cents, price, total),
        postage_tax_cents=postage_tax_cents,
        postage_tax_rate=postage_tax_rate,
        postage_cents=postage_cents,
        tax_rate=tax_rate,
        discount_cents=goods.discount_cents,
        fee_cents=goods.fee_cents,
        postage=postage,
    )


def invoice_amounts(
    lines: Sequence[LineAmounts],
    *,
    shipping_cost_cents: int = 0,
    tax_rate: float | None = None,
    shipping: AdjustmentTotal = _UNCHANGED,
) -> InvoiceAmounts:
    """Sum up the amounts of an invoice.

    Args:
        tax_rate: The rate of its shipping. None takes the rate of its lines if they all have the same.
        shipping: The invoice's own adjustments of the shipping cost, without those of its lines.
    """
    rates = {line.tax_rate for line in lines}
    rate = tax_rate if tax_rate is not None else rates.pop() if len(rates) == 1 else None
    cost = shipping_cost_cents + sum(line.postage_cents for line in lines)
    change = sum((line.postage for line in lines), shipping)
    own = [line for line in lines if line.postage_tax_cents is not None]
    rest = cost + change.cents - sum(line.postage_cents + line.postage.cents for line in own)
    tax_shipping = contained_tax(rest, rate) + sum(line.postage_tax_cents or 0 for line in own)
    postage_rates = {line.postage_tax_rate for line in own} | ({rate} if rest or not own else set())
    return InvoiceAmounts(
        subtotal_cents=sum(line.subtotal_cents for line in lines),
        shipping_cost_cents=cost,
        tax_shipping_cents=tax_shipping,
        tax_total_cents=tax_shipping + sum(line.tax_cents for line in lines),
        discount_cents=-change.discount_cents - sum(line.discount_cents for line in lines),
        total_cents=cost + change.cents + sum(line.total_cents for line in lines),
        tax_rate=rate,
        postage_tax_rate=postage_rates.pop() if len(postage_rates) == 1 else None,
    )


def initial_quantities(delivery_type: DeliveryType, quantity: int) -> tuple[int, int]:
    """Return the quantities of a new line that await dispatch and that are returnable.

    Items without dispatch are returnable at once.
    """
    return (0, quantity) if delivery_type is DeliveryType.NO_DISPATCH else (quantity, 0)
