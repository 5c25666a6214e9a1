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
_NO_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
#: The decimals of currencies that don't have two (ISO 4217, list one, "Minor unit").
_DECIMALS = {**dict.fromkeys(_NO_MINOR_UNIT.split(), 0), **dict.fromkeys(_THOUSANDTHS.split(), 3), "CLF": 4, "UYW": 4}


def format_cents(amount_cents: int | None, currency: str, *, asked: str | None = None) -> str | None:
    """Format an amount: `$1,234.50` for `123450, "AUD"`. An unknown code replaces the symbol. None stays None.

    Raises InvalidInput if another currency is asked for: amounts are not converted.
    """
    if asked is not None and asked.upper() != currency:
        raise InvalidInput.at("currency", f"the amount is in {currency}; it is not converted to {asked[:8]}")
    if amount_cents is None:
        return None
    symbol = _SYMBOLS.get(currency) or f"{currency} "
    decimals = _DECIMALS.get(currency, 2)
    if 100 <= amount_cents < 100_000 and decimals == 2:
        # The fast path for most amounts: a page has dozens, and format specifications take twice as long.
        digits = str(amount_cents)
        return f"{symbol}{digits[:-2]}.{digits[-2:]}"
    sign = "-" if amount_cents < 0 else ""
    whole, rest = divmod(abs(amount_cents), 10**decimals)
    return f"{sign}{symbol}{whole:,}.{rest:0{decimals}d}" if decimals else f"{sign}{symbol}{whole:,}"


def minor_units(amount: Decimal, currency: str) -> int | None:
    """Return an amount of major units in minor ones: 1250 for `12.50, "AUD"`. None if it has more decimals than that.

    Raises InvalidInput for NaN and infinity.
    """
    if not amount.is_finite():
        raise InvalidInput("The amount is not a number.")
    cents = amount.scaleb(_DECIMALS.get(currency, 2))
    return int(cents) if cents == cents.to_integral_value() else None


def decimal_amount(amount_cents: int | None, currency: str) -> Decimal | None:
    """Return an amount in major units with all decimals: `1234.50` for `123450, "AUD"`, `500` for `500, "JPY"`.

    The Bahraini dinar has three: `1.500` for `1500, "BHD"`. None stays None.
    """
    if amount_cents is None:
        return None
    return Decimal(amount_cents).scaleb(-_DECIMALS.get(currency, 2))
