"""Rules of variants, the items of an advert that can be bought.

Each rule is a function of one variant, without a clock: what depends on other rows or on the time is stored with the
variant. So a sale that begins changes a row, and webhooks are told.
"""


def is_variant_displayable(*, is_published: bool, is_advert_displayable: bool, is_deleted: bool) -> bool:
    """Tell whether buyers may see a variant: they may see its advert, and it is published and not deleted."""
    return is_published and is_advert_displayable and not is_deleted


def is_buyable(*, is_displayable: bool, has_infinite_quantity: bool, count_on_hand: int) -> bool:
    """Tell whether a displayable variant is in stock."""
    return is_displayable and (has_infinite_quantity or count_on_hand > 0)


def lowest_price_cents(price_cents: int | None, sale_price_cents: int | None, *, is_on_sale: bool) -> int | None:
    """Return what one costs now: the regular price or, during a sale, the sale price if it is lower.

    A missing price does not count; None without any.
    """
    prices = (price_cents, sale_price_cents if is_on_sale else None)
    return min((price for price in prices if price is not None), default=None)
