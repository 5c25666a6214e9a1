"""Rows as PostgreSQL writes them in JSON: each an array of its values, with the rows below it in it.

Read by orjson, a page takes a third of the CPU that it takes as the driver's records of arrays of records.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from app.db.pool import Record
from app.db.table import JsonText, Table

#: PostgreSQL passes no more to a function.
_MAX_ARGUMENTS = 100
#: A time with all six digits of its microseconds stands in a response as it arrives; any other is read first.
TIME_FORM = "(x if (x := {r})[26:] == '+00:00' and x[4] == '-' else {c}(x))"

#: Without a zone, as the driver has them.
_INFINITE = {"infinity": datetime.max, "-infinity": datetime.min}  # noqa: DTZ901

FromJson = Callable[[Any], Any]


def row_sql(values: Sequence[str]) -> str:
    """One row, of the expressions of its values."""
    if len(values) <= _MAX_ARGUMENTS:
        return f"json_build_array({', '.join(values)})"
    return f"array_to_json(array[{', '.join(f'to_json({value})' for value in values)}])"


def rows_sql(select: str) -> str:
    """The rows of a SELECT of one such row each."""
    return f"array_to_json(array({select}))"


def value_sql(table: Table[Any], alias: str, column: str) -> str:
    """As text where JSON can't hold it: it has no NaN and no -0.0, and what is JSON itself would not stay a text."""
    kind, _ = table.kind(column)
    return f'{alias}."{column}"{"::text" if kind in (float, JsonText) else ""}'


def read_rows(records: Iterable[Record]) -> list[list[Any]]:
    """The rows of a statement that selects one such row each."""
    return [orjson.loads(record[0]) for record in records]


def from_json(table: Table[Any], column: str) -> FromJson | None:
    """What makes the driver's value of what arrives; None where they are the same. Raises ValueError."""
    kind, _ = table.kind(column)
    convert = _CONVERTERS.get(kind)
    return None if convert is None else lambda value: None if value is None else convert(value)


def time_from_json(text: str) -> datetime:
    """As the driver reads it, infinity included. Raises ValueError for what is no time of Python's, such as 44 BC."""
    return _INFINITE.get(text) or datetime.fromisoformat(text).astimezone(UTC)


def time_shown(text: str) -> str | datetime:
    """As it stands in a response: PostgreSQL leaves zeros at the end of a fraction out."""
    if text[4] == "-" and text[19] == "." and text.endswith("+00:00"):
        return f"{text[:-6]:0<26}+00:00"
    return time_from_json(text)


_CONVERTERS: dict[Any, FromJson] = {
    datetime: time_from_json,
    float: float,
    bytes: lambda text: bytes.fromhex(text.removeprefix("\\x")),
}
