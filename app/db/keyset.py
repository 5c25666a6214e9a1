"""Keyset pages: a cursor becomes WHERE and ORDER BY, so that a page stays stable while rows are inserted."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from typing import Any

import orjson

from app.errors import InvalidInput

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500
_VERSION = 1
#: Separates the texts of several expressions of an order. None of them contains it.
_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """An order: by an expression, then by those of `then`, then by id; all in one direction.

    Args:
        name: The name of the order, which is part of a cursor.
        sql: The expression over the alias `{t}`. It is never null, and indexed together with the id.
        type: PostgreSQL's type of the expression.
        text: Returns the expression's value of a row, in a form that PostgreSQL casts to `type`.
        reads: The columns that `text` reads.
    """

    name: str
    sql: str
    type: str
    text: Callable[[Any], str]
    reads: tuple[str, ...]
    is_descending: bool = False
    then: tuple["Sort", ...] = ()

    def reversed(self) -> "Sort":
        return replace(self, is_descending=not self.is_descending)

    @property
    def keys(self) -> tuple["Sort", ...]:
        return (self, *self.then)

    @property
    def label(self) -> str:
        """Return a label that is unique among the orders of the same rows, direction included."""
        return ("-" if self.is_descending else "") + ",".join(key.name for key in self.keys)


def by_column(column: str, type_: str, *, when_null: str | None = None) -> Sort:
    """Return the order by a column.

    Args:
        when_null: The text that replaces null; `infinity` puts those rows last. None: the column is never null.
    """
    bare = f'{{t}}."{column}"'

    def text(row: Any) -> str:
        value = getattr(row, column)
        if value is None:
            assert when_null is not None, f"{column} is declared NOT NULL"
            return when_null
        return value.isoformat() if isinstance(value, datetime) else str(value)

    sql = bare if when_null is None else f"coalesce({bare}, '{when_null}'::{type_})"
    return Sort(name=column, sql=sql, type=type_, text=text, reads=(column,))


BY_ID = by_column("id", "bigint")


def chain_sorts(first: Sort, *then: Sort) -> Sort:
    """Return the order by several expressions, the most important first."""
    return replace(first, then=then)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of a list: the first `size` rows after a cursor, or the last `size` rows before one."""

    size: int
    is_backward: bool
    cursor: tuple[str, int] | None


#: A list without pages: as long as the longest page.
WHOLE = Slice(size=MAX_PAGE_SIZE, is_backward=False, cursor=None)


def encode_cursor(resource: str, sort: Sort, row: Any) -> str:
    """Return the cursor of a row in this order of this resource. It is opaque to clients."""
    place = _SEPARATOR.join(key.text(row) for key in sort.keys)
    return base64.b64encode(orjson.dumps([_VERSION, resource, sort.label, place, row.id])).decode()


def decode_cursor(cursor: str, resource: str, sort: Sort, *, argument: str) -> tuple[str, int]:
    """Return the text and the id of a cursor.

    Raises:
        InvalidInput: It is not a cursor of ours, or it belongs to another list or order.
    """
    try:
        version, of, name, value, row_id = orjson.loads(base64.b64decode(cursor, validate=True))
        place = str(value), _bigint(row_id)
        is_other = (version, of, name) != (_VERSION, resource, sort.label)
        if not is_other:
            _check(sort, place[0])
    except (binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise InvalidInput.at(argument, "is not a cursor of this API") from error
    if is_other:
        raise InvalidInput.at(argument, f"is a cursor of another list or order, not of {resource} by {sort.label}")
    return place


def _check(sort: Sort, place: str) -> None:
    for key, text in zip(sort.keys, place.split(_SEPARATOR), strict=True):
        _CHECKS[key.type](text)


def _bigint(text: str | int) -> int:
    # Python accepts digits, blanks and underscores that PostgreSQL rejects.
    if not -(2**63) <= int(text) < 2**63 or str(int(text)) != str(text):
        raise ValueError("not a bigint as we write it")
    return int(text)


def _timestamp(text: str) -> None:
    if text not in ("infinity", "-infinity"):
        time = datetime.fromisoformat(text)
        # Python accepts week dates and offsets that PostgreSQL rejects.
        if time.utcoffset() or time.isoformat() != text:
            raise ValueError("not a time as we write it")


def _word(text: str) -> None:
    if not text.isascii() or "\0" in text:
        raise ValueError("not a word as we write it")


def _double(text: str) -> None:
    # PostgreSQL rejects underscores and blanks, which Python accepts.
    if not isfinite(float(text)) or str(float(text)) != text:
        raise ValueError("not a double as we write it")


#: Checks of a cursor's texts: a forged one must not cause an error of PostgreSQL.
_CHECKS: dict[str, Callable[[str], object]] = {
    "bigint": _bigint,
    "double precision": _double,
    "timestamptz": _timestamp,
    "text": _word,
}


def slice_of(
    resource: str,
    sort: Sort,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Slice:
    """Read the four Relay arguments.

    Raises:
        InvalidInput: They contradict each other, or ask for too many rows.
    """
    if first is not None and last is not None:
        raise InvalidInput.at("last", "can't be combined with first")
    if (last is not None and after is not None) or (first is not None and before is not None):
        raise InvalidInput.at("after", "use first with after, or last with before")
    is_backward = last is not None or before is not None
    size = last if last is not None else first if first is not None else DEFAULT_PAGE_SIZE
    if not 0 <= size <= MAX_PAGE_SIZE:
        raise InvalidInput.at("last" if is_backward else "first", f"must be from 0 to {MAX_PAGE_SIZE}")
    argument, cursor = ("before", before) if is_backward else ("after", after)
    place = None if cursor is None else decode_cursor(cursor, resource, sort, argument=argument)
    return Slice(size=size, is_backward=is_backward, cursor=place)


def newest_slice(default: int, *, first: int | None = None) -> Slice:
    """Return the part of a list that has the newest rows alone, in the order of ids.

    Args:
        default: The number of rows where `first` is None.

    Raises:
        InvalidInput: More than MAX_PAGE_SIZE rows are asked for, or less than none.
    """
    size = default if first is None else first
    if not 0 <= size <= MAX_PAGE_SIZE:
        raise InvalidInput.at("first", f"must be from 0 to {MAX_PAGE_SIZE}")
    return Slice(size=size, is_backward=True, cursor=None)


def order_by(sort: Sort, part: Slice, alias: str = "t") -> str:
    direction = "desc" if sort.is_descending != part.is_backward else "asc"
    expressions = dict.fromkeys(key.sql.format(t=alias) for key in (*sort.keys, BY_ID))
    return ", ".join(f"{expression} {direction}" for expression in expressions)


def after_cursor(sort: Sort, part: Slice, parameter: int, alias: str = "t") -> tuple[str, list[object]]:
    """Return the condition for the rows after the cursor (`true` without one), and its arguments.

    Args:
        parameter: The number of the first parameter.
    """
    if part.cursor is None:
        return "true", []
    sign = "<" if sort.is_descending != part.is_backward else ">"
    place, row_id = part.cursor
    if sort.name == BY_ID.name:
        return f"{alias}.id {sign} ${parameter}::bigint", [row_id]
    expressions = ", ".join(key.sql.format(t=alias) for key in sort.keys)
    values = ", ".join(f"${number}::text::{key.type}" for number, key in enumerate(sort.keys, parameter))
    condition = f"({expressions}, {alias}.id) {sign} ({values}, ${parameter + len(sort.keys)}::bigint)"
    if not sort.then:
        # The first expression has a condition of its own, too. A comparison of rows does not exclude partitions. Where
        # many rows are equal in the first expression, the scan must begin at the row itself.
        condition = f"{sort.sql.format(t=alias)} {sign}= ${parameter}::text::{sort.type} and {condition}"
    return condition, [*place.split(_SEPARATOR), row_id]
