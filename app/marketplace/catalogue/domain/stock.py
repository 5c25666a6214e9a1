"""Rules for the lines of a purchase: their variants are for sale, priced and in stock."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.errors import Conflict
from app.kernel.problems import BIGINT_MAX, Problems
from app.marketplace.catalogue.domain.variant import lowest_price_cents
from app.marketplace.orders.domain.adjustment import NewAdjustment, adjustment_form_problems
from app.marketplace.orders.domain.order import DeliveryType


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseLine:
    """One line of a purchase.

    Args:
        path: The path of the line in the input: `line_items.0`.
        item_amount_cents: The price of one. None takes the variant's price.
        seller_id: The seller that the variant must belong to. None accepts any.
        tax_cents: Tax contained in the price of all, before adjustments. None: the rate tells it.
        postage_tax_cents: Tax contained in the postage, before adjustments. None: a rate tells it.
        postage_tax_rate: The rate of the postage. None takes the invoice's.
        commission_rate: The operator's part of the total, a fraction. None: no commission.
    """

    path: str
    variant_id: int
    quantity: int
    delivery_type: DeliveryType
    item_amount_cents: int | None = None
    tax_rate: float | None = None
    postage_cents: int = 0
    seller_id: int | None = None
    adjustments: Sequence[NewAdjustment] = ()
    tax_cents: int | None = None
    postage_tax_cents: int | None = None
    postage_tax_rate: float | None = None
    commission_rate: float | None = None
    commission_tax_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The price and the stock of a variant at the time of purchase.

    Args:
        price_cents: The present price of one. None if the variant has no price.
        count_on_hand: The stock. None if it is infinite.
        min_quantity: The least quantity of a purchase. None: no limit.
        max_quantity: The greatest quantity of a purchase. None: no limit.
    """

    seller_id: int
    is_for_sale: bool
    price_cents: int | None
    currency: str
    count_on_hand: int | None
    min_quantity: int | None = None
    max_quantity: int | None = None


def price_now(
    *,
    price_cents: int | None,
    sale_price_cents: int | None,
    sale_start_at: datetime | None,
    sale_end_at: datetime | None,
    now: datetime,
) -> int | None:
    """Return the lower of the price and, from the sale's start until before its end, the sale price.

    A missing start or end is no limit.
    """
    has_started = sale_start_at is None or sale_start_at <= now
    has_ended = sale_end_at is not None and sale_end_at <= now
    return lowest_price_cents(price_cents, sale_price_cents, is_on_sale=has_started and not has_ended)


def check_expected_stock(expected: Mapping[str, tuple[object, int]]) -> None:
    """Check that the stock is what the caller has read, so that it does not undo the sales since.

    Args:
        expected: The expected stock, unless it is None or absent, and the present one, by the path of their owner.

    Raises:
        Conflict: Names each stock that is another one.
    """
    fields = {
        f"{path}.expected_count_on_hand": [f"is not the stock, which is {present}"]
        for path, (wanted, present) in expected.items()
        if isinstance(wanted, int) and wanted != present
    }
    if fields:
        raise Conflict("The stock has changed.", fields=fields)


def purchase_problems(lines: Sequence[PurchaseLine], offers: Mapping[int, Offer]) -> Problems:
    """List everything that prevents buying these lines together.

    Quantities are summed per variant over all lines: two lines of 6 can't be bought from a stock of 10.
    """
    problems = Problems()
    total: Counter[int] = Counter()
    for line in lines:
        total[line.variant_id] += line.quantity
    currencies = [offers[line.variant_id].currency for line in lines if line.variant_id in offers]
    for line in lines:
        offer = offers.get(line.variant_id)
        if offer is None or line.seller_id not in (None, offer.seller_id):
            of_whom = "" if line.seller_id is None else " of this seller"
            problems.add(f"{line.path}.variant_id", f"there is no such variant{of_whom}")
            continue
        problems.include(_line_problems(line, offer, total[line.variant_id]))
        if offer.currency != currencies[0]:
            message = f"is sold in {offer.currency}, other items of the order in {currencies[0]}"
            problems.add(f"{line.path}.variant_id", message)
    return problems


def form_problems(line: PurchaseLine) -> Problems:
    """List the problems of a line that do not depend on the offer."""
    problems = Problems()
    if line.quantity < 1:
        problems.add(f"{line.path}.quantity", "must be at least 1")
    if line.item_amount_cents is not None and line.item_amount_cents < 0:
        problems.add(f"{line.path}.item_amount_cents", "must not be negative")
    if line.postage_cents < 0:
        problems.add(f"{line.path}.postage_cents", "must not be negative")
    problems.include(adjustment_form_problems(line.adjustments, line.path))
    for name in ("commission_rate", "commission_tax_rate"):
        problems.include(tax_rate_problems(line.path, getattr(line, name), name))
    problems.include(tax_rate_problems(f"{line.path}.postage", line.postage_tax_rate))
    return problems.include(tax_rate_problems(line.path, line.tax_rate))


def tax_rate_problems(path: str, rate: float | None, name: str = "tax_rate") -> Problems:
    if rate is None or 0 <= rate <= 1:
        return Problems()
    return Problems({f"{path}.{name}": ["must be a fraction from 0 to 1: 10 % is 0.1"]})


def _line_problems(line: PurchaseLine, offer: Offer, total: int) -> Problems:
    problems = Problems()
    if not offer.is_for_sale:
        problems.add(
            f"{line.path}.variant_id", "is not for sale: buyers can't see the variant, its advert or its seller"
        )
    unit = offer.price_cents if line.item_amount_cents is None else line.item_amount_cents
    if unit is None:
        problems.add(f"{line.path}.item_amount_cents", "is required: the variant has no price")
    elif abs(unit * line.quantity) > BIGINT_MAX:
        problems.add(f"{line.path}.quantity", "makes an amount that is too large")
    for message in _quantity_messages(offer, total):
        problems.add(f"{line.path}.quantity", message)
    return problems


def _quantity_messages(offer: Offer, total: int) -> list[str]:
    messages = []
    if offer.count_on_hand is not None and total > offer.count_on_hand:
        messages.append(f"only {offer.count_on_hand} in stock")
    if offer.min_quantity is not None and total < offer.min_quantity:
        messages.append(f"at least {offer.min_quantity} have to be bought")
    if offer.max_quantity is not None and total > offer.max_quantity:
        messages.append(f"at most {offer.max_quantity} can be bought")
    return messages
