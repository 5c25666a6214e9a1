"""Money: integer minor units and an ISO 4217 code."""

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
#: Minor units per major unit are 100 but for these (ISO 4217).
_NO_MINOR_UNIT = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "XPF", "PYG", "RWF", "UGX", "VUV"})


def format_cents(amount_cents: int | None, currency: str, *, asked: str | None = None) -> str | None:
    """`123450, "AUD"` → `$1,234.50`; an unknown code stands in for its symbol. None stays None.

    Raises InvalidInput when another currency is asked for: nothing is converted here.
    """
    if asked is not None and asked.upper() != currency:
        raise InvalidInput.at("currency", f"the amount is in {currency}; it is not converted to {asked[:8]}")
    if amount_cents is None:
        return None
    symbol = _SYMBOLS.get(currency) or f"{currency} "
    is_whole = currency in _NO_MINOR_UNIT
    if 100 <= amount_cents < 100_000 and not is_whole:
        # Most amounts, and a page holds dozens: format specifications take twice as long.
        digits = str(amount_cents)
        return f"{symbol}{digits[:-2]}.{digits[-2:]}"
    sign, amount = ("-" if amount_cents < 0 else ""), abs(amount_cents)
    if is_whole:
        return f"{sign}{symbol}{amount:,}"
    return f"{sign}{symbol}{amount // 100:,}.{amount % 100:02d}"


def decimal_amount(amount_cents: int | None, currency: str) -> Decimal | None:
    """Major units, with all decimals: `123450, "AUD"` → `1234.50`; `500, "JPY"` → `500`. None stays None."""
    if amount_cents is None:
        return None
    return Decimal(amount_cents).scaleb(0 if currency in _NO_MINOR_UNIT else -2)
