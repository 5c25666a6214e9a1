"""Rules of variants, the items of an advert that can be bought.

Each rule is a function of one variant, without a clock. A payload is rendered once and delivered later, so it must not
contain a price that depends on the time of day. The advert is another row.
"""

from datetime import datetime


def is_variant_displayable(*, is_published: bool, is_deleted: bool) -> bool:
    """Tell whether a variant may be shown with its advert: it is published and not deleted."""
    return is_published and not is_deleted


def is_buyable(*, is_displayable: bool, has_infinite_quantity: bool, count_on_hand: int) -> bool:
    """Tell whether a displayable variant is in stock."""
    return is_displayable and (has_infinite_quantity or count_on_hand > 0)


def lowest_price_cents(
    price_cents: int | None,
    sale_price_cents: int | None,
    sale_price_start_at: datetime | None,
    sale_price_end_at: datetime | None,
) -> int | None:
    """Return the regular price, or the sale price if it is lower and has neither start nor end.

    None without a regular price. A sale with a start or an end is ignored, because it depends on the time.
    """
    is_always_on_sale = sale_price_start_at is None and sale_price_end_at is None
    if price_cents is None or sale_price_cents is None or not is_always_on_sale:
        return price_cents
    return min(price_cents, sale_price_cents)
