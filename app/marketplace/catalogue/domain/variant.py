"""Rules of variants: what is bought of an advert.

Each is a function of one variant alone, without a clock: the advert is another row, and a price that
depends on the time of day has no place in a payload that is rendered once and delivered later.
"""

from datetime import datetime


def is_variant_displayable(*, is_published: bool, is_deleted: bool) -> bool:
    """Whether it may be shown with its advert: published and not deleted."""
    return is_published and not is_deleted


def is_buyable(*, is_displayable: bool, has_infinite_quantity: bool, count_on_hand: int) -> bool:
    """Whether there is something to sell of what may be shown."""
    return is_displayable and (has_infinite_quantity or count_on_hand > 0)


def lowest_price_cents(
    price_cents: int | None,
    sale_price_cents: int | None,
    sale_price_start_at: datetime | None,
    sale_price_end_at: datetime | None,
) -> int | None:
    """The regular price, or the sale price where it is lower and always on. None without a regular price.

    A sale with a start or an end is not counted, for whether it is on is a question of the time.
    """
    is_always_on_sale = sale_price_start_at is None and sale_price_end_at is None
    if price_cents is None or sale_price_cents is None or not is_always_on_sale:
        return price_cents
    return min(price_cents, sale_price_cents)
