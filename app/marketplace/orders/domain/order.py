"""Words and rules of orders and their line items."""

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


def line_item_status_full(status: LineItemStatus, quantity_awaiting_dispatch: int) -> LineItemStatusFull:
    """SHIPPED once nothing awaits dispatch any more, unless the item was refunded or cancelled."""
    if status in (LineItemStatus.REFUNDED, LineItemStatus.CANCELLED) or quantity_awaiting_dispatch > 0:
        return LineItemStatusFull(status.value)
    return LineItemStatusFull.SHIPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAmounts:
    """What one line costs; the tax is contained in the total.

    discount_cents, fee_cents  of its goods, its share of the invoice's among them: contained in the total.
    postage                    what its adjustments change of the postage, which is not contained in the total.
    """

    total_cents: int
    tax_cents: int
    postage_cents: int = 0
    tax_rate: float | None = None
    discount_cents: int = 0
    fee_cents: int = 0
    postage: AdjustmentTotal = _UNCHANGED

    @property
    def subtotal_cents(self) -> int:
        """The price of the whole quantity, before adjustments."""
        return self.total_cents + self.discount_cents - self.fee_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAmounts:
    """`total = subtotal + shipping cost - discount + fees`, of which the fees are only in the adjustments.

    `tax_total` is contained in the total and contains `tax_shipping`. Subtotal and shipping cost are those before
    adjustments; `discount` is what promotions take off both.
    """

    subtotal_cents: int
    shipping_cost_cents: int
    tax_shipping_cents: int
    tax_total_cents: int
    discount_cents: int
    total_cents: int
    tax_rate: float | None


def contained_tax(amount_cents: int, tax_rate: float | None) -> int:
    """The tax inside a price, half a cent rounded up: of 11.00 at 0.1 it is 1.00. None is no tax."""
    if not tax_rate:
        return 0
    # The decimal fraction that was written, not the nearest binary one: integers only from here on.
    rate = Fraction(repr(tax_rate))
    return floor(amount_cents * rate / (1 + rate) + Fraction(1, 2))


def line_amounts(
    *,
    item_amount_cents: int,
    quantity: int,
    tax_rate: float | None,
    postage_cents: int,
    goods: AdjustmentTotal = _UNCHANGED,
    postage: AdjustmentTotal = _UNCHANGED,
) -> LineAmounts:
    """What a line costs when its goods and its postage are adjusted so."""
    total = item_amount_cents * quantity + goods.cents
    return LineAmounts(
        total_cents=total,
        tax_cents=contained_tax(total, tax_rate),
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
    """Sum up one invoice.

    tax_rate  of its shipping; None takes the rate that its lines have in common, if they have.
    shipping  what its own adjustments change of the shipping cost, besides the lines'.
    """
    rates = {line.tax_rate for line in lines}
    rate = tax_rate if tax_rate is not None else rates.pop() if len(rates) == 1 else None
    cost = shipping_cost_cents + sum(line.postage_cents for line in lines)
    change = sum((line.postage for line in lines), shipping)
    tax_shipping = contained_tax(cost + change.cents, rate)
    return InvoiceAmounts(
        subtotal_cents=sum(line.subtotal_cents for line in lines),
        shipping_cost_cents=cost,
        tax_shipping_cents=tax_shipping,
        tax_total_cents=tax_shipping + sum(line.tax_cents for line in lines),
        discount_cents=change.discount_cents + sum(line.discount_cents for line in lines),
        total_cents=cost + change.cents + sum(line.total_cents for line in lines),
        tax_rate=rate,
    )


def initial_quantities(delivery_type: DeliveryType, quantity: int) -> tuple[int, int]:
    """How many of a new line await dispatch and are returnable; what is never sent is the buyer's at once."""
    return (0, quantity) if delivery_type is DeliveryType.NO_DISPATCH else (quantity, 0)
