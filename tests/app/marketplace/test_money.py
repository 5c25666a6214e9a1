"""Amounts as text: minor units in, a symbol and grouped major units out."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.db.pool import Connection
from app.errors import InvalidInput
from app.marketplace.money import _DECIMALS, decimal_amount, format_cents


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, "AUD", "$0.00"),
        (5, "AUD", "$0.05"),
        (100, "EUR", "€1.00"),
        (123_450, "AUD", "$1,234.50"),
        (-123_450, "AUD", "-$1,234.50"),
        (2**63 - 1, "GBP", "£92,233,720,368,547,758.07"),
        (500, "JPY", "¥500"),
        (12_345, "JPY", "¥12,345"),
        (1_500, "BHD", "BHD 1.500"),
        (-7, "KWD", "-KWD 0.007"),
        (12_345_678, "BHD", "BHD 12,345.678"),
        (12_345, "CLF", "CLF 1.2345"),
        (4_000, "CHF", "CHF 40.00"),
        (None, "AUD", None),
    ],
)
def test_amount_with_its_symbol(amount: int | None, currency: str, text: str | None) -> None:
    assert format_cents(amount, currency) == text


@given(st.integers(-(2**63), 2**63 - 1))
@example(99)
@example(100)
@example(99_999)
@example(100_000)
def test_every_amount_is_its_decimal(amount: int) -> None:
    sign = "-" if amount < 0 else ""
    assert format_cents(amount, "AUD") == f"{sign}${abs(Decimal(amount)) / 100:,.2f}"


@pytest.mark.parametrize(("currency", "text"), [("AUD", "12.34"), ("JPY", "1234"), ("BHD", "1.234"), ("CLF", "0.1234")])
def test_a_decimal_has_its_currencys_decimals(currency: str, text: str) -> None:
    assert str(decimal_amount(1234, currency)) == text


async def test_sql_has_the_same_decimals(conn: Connection) -> None:
    codes = ["AUD", *_DECIMALS]

    units = await conn.fetch("select major_units(1234, code) from unnest($1::text[]) code", codes)

    assert [row[0] for row in units] == [decimal_amount(1234, code) for code in codes]


def test_nothing_is_converted() -> None:
    assert format_cents(100, "AUD", asked="aud") == "$1.00"
    with pytest.raises(InvalidInput, match="the amount is in AUD"):
        format_cents(100, "AUD", asked="EUR")
