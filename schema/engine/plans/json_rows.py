"""Rows as JSON: each row is an array of its values, and a list below it is an array of such rows.

Reading JSON by orjson takes a third of the CPU time of the driver's nested records.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson

from app.db.pool import Record
from app.db.table import JsonText, Table

#: The most arguments that PostgreSQL passes to a function.
_MAX_ARGUMENTS = 100
#: A time with all six digits of its microseconds is copied into the response as it is; any other is converted.
TIME_FORM = "(x if (x := {r})[26:] == '+00:00' and x[4] == '-' else {c}(x))"

#: Without a zone, like the values of the driver.
_INFINITE = {"infinity": datetime.max, "-infinity": datetime.min}  # noqa: DTZ901

FromJson = Callable[[Any], Any]
#: One row as it is read: a value or a list of such rows in each place. The generated code knows what each place holds.
JsonRow: TypeAlias = list[Any]


def row_sql(values: Sequence[str]) -> str:
    """Return the SQL of one row, given the expressions of its values."""
    if len(values) <= _MAX_ARGUMENTS:
        return f"json_build_array({', '.join(values)})"
    return f"array_to_json(array[{', '.join(f'to_json({value})' for value in values)}])"


def rows_sql(select: str) -> str:
    """Return the SQL of a list, given the SELECT of its rows."""
    return f"array_to_json(array({select}))"


def value_sql(table: Table[object], alias: str, column: str) -> str:
    """Return the SQL of a column's value.

    Floats are cast to text, because JSON has no NaN and no -0.0. JSON is cast, too: it has to stay a text.
    """
    kind, _ = table.kind(column)
    return f'{alias}."{column}"{"::text" if kind in (float, JsonText) else ""}'


def read_rows(records: Iterable[Record]) -> list[JsonRow]:
    """Parse the records of a statement that selects one row as JSON in each."""
    return [orjson.loads(record[0]) for record in records]


def from_json(table: Table[object], column: str) -> FromJson | None:
    """Return the function from a column's JSON value to the driver's value; None if they are equal.

    The function raises ValueError for a value that Python can't represent.
    """
    kind, _ = table.kind(column)
    convert = _CONVERTERS.get(kind)
    return None if convert is None else lambda value: None if value is None else convert(value)


def time_from_json(text: str) -> datetime:
    """Parse a time as the driver does, infinity included. Raises ValueError for times such as 44 BC."""
    return _INFINITE.get(text) or datetime.fromisoformat(text).astimezone(UTC)


def time_shown(text: str) -> str | datetime:
    """Return a time as the response shows it: PostgreSQL omits zeros at the end of a fraction."""
    if text[4] == "-" and text[19] == "." and text.endswith("+00:00"):
        return f"{text[:-6]:0<26}+00:00"
    return time_from_json(text)


_CONVERTERS: dict[Any, FromJson] = {
    datetime: time_from_json,
    float: float,
    bytes: lambda text: bytes.fromhex(text.removeprefix("\\x")),
}
