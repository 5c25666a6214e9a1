"""Rules of variants, the items of an advert that can be bought.

What buyers see of a variant is stored with it, by the table itself. So a sale that begins changes a row, and webhooks
are told.
"""


def lowest_price_cents(price_cents: int | None, sale_price_cents: int | None, *, is_on_sale: bool) -> int | None:
    """Return what one costs now: the regular price or, during a sale, the sale price if it is lower.

    A missing price does not count; None without any. The column of this name says the same of each variant.
    """
    prices = (price_cents, sale_price_cents if is_on_sale else None)
    return min((price for price in prices if price is not None), default=None)
