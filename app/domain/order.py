"""Words and rules of orders and their line items."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import floor


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
    """What one line costs; the tax is contained in the total."""

    total_cents: int
    tax_cents: int
    postage_cents: int = 0
    tax_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAmounts:
    """`total = subtotal + shipping cost`; `tax_total` is contained in it and contains `tax_shipping`."""

    subtotal_cents: int
    shipping_cost_cents: int
    tax_shipping_cents: int
    tax_total_cents: int
    total_cents: int
    tax_rate: float | None


def contained_tax(amount_cents: int, tax_rate: float | None) -> int:
    """The tax inside a price, half a cent rounded up: of 11.00 at 0.1 it is 1.00. None is no tax."""
    if not tax_rate:
        return 0
    # The decimal fraction that was written, not the nearest binary one: integers only from here on.
    rate = Fraction(repr(tax_rate))
    return floor(amount_cents * rate / (1 + rate) + Fraction(1, 2))


def line_amounts(*, item_amount_cents: int, quantity: int, tax_rate: float | None, postage_cents: int) -> LineAmounts:
    total = item_amount_cents * quantity
    return LineAmounts(
        total_cents=total,
        tax_cents=contained_tax(total, tax_rate),
        postage_cents=postage_cents,
        tax_rate=tax_rate,
    )


def invoice_amounts(
    lines: Sequence[LineAmounts], *, shipping_cost_cents: int = 0, tax_rate: float | None = None
) -> InvoiceAmounts:
    """Sum up one invoice.

    tax_rate  of its shipping; None takes the rate that its lines have in common, if they have.
    """
    rates = {line.tax_rate for line in lines}
    rate = tax_rate if tax_rate is not None else rates.pop() if len(rates) == 1 else None
    subtotal = sum(line.total_cents for line in lines)
    shipping = shipping_cost_cents + sum(line.postage_cents for line in lines)
    tax_shipping = contained_tax(shipping, rate)
    return InvoiceAmounts(
        subtotal_cents=subtotal,
        shipping_cost_cents=shipping,
        tax_shipping_cents=tax_shipping,
        tax_total_cents=tax_shipping + sum(line.tax_cents for line in lines),
        total_cents=subtotal + shipping,
        tax_rate=rate,
    )


def initial_quantities(delivery_type: DeliveryType, quantity: int) -> tuple[int, int]:
    """How many of a new line await dispatch and are returnable; what is never sent is the buyer's at once."""
    return (0, quantity) if delivery_type is DeliveryType.NO_DISPATCH else (quantity, 0)
