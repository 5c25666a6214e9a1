"""Money: amounts are integers of minor units, with an ISO 4217 code."""

from decimal import Decimal

from app.errors import InvalidInput

_SYMBOLS = {
    "AUD": "$",
    "NZD": "$",
    "USD": "$",
    "CAD": "$",
    "SGD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "CNY": "¥",
    "INR": "₹",
    "KRW": "₩",
}
#: Currencies that don't have 100 minor units per major unit (ISO 4217).
_NO_MINOR_UNIT = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "XPF", "PYG", "RWF", "UGX", "VUV"})


def format_cents(amount_cents: int | None, currency: str, *, asked: str | None = None) -> str | None:
    """Format an amount: `$1,234.50` for `123450, "AUD"`. An unknown code replaces the symbol. None stays None.

    Raises InvalidInput if another currency is asked for: amounts are not converted.
    """
    if asked is not None and asked.upper() != currency:
        raise InvalidInput.at("currency", f"the amount is in {currency}; it is not converted to {asked[:8]}")
    if amount_cents is None:
        return None
    symbol = _SYMBOLS.get(currency) or f"{currency} "
    is_whole = currency in _NO_MINOR_UNIT
    if 100 <= amount_cents < 100_000 and not is_whole:
        # The fast path for most amounts: a page has dozens, and format specifications take twice as long.
        digits = str(amount_cents)
        return f"{symbol}{digits[:-2]}.{digits[-2:]}"
    sign, amount = ("-" if amount_cents < 0 else ""), abs(amount_cents)
    if is_whole:
        return f"{sign}{symbol}{amount:,}"
    return f"{sign}{symbol}{amount // 100:,}.{amount % 100:02d}"


def decimal_amount(amount_cents: int | None, currency: str) -> Decimal | None:
    """Return an amount in major units with all decimals: `1234.50` for `123450, "AUD"`, `500` for `500, "JPY"`.

    None stays None.
    """
    if amount_cents is None:
        return None
    return Decimal(amount_cents).scaleb(0 if currency in _NO_MINOR_UNIT else -2)
