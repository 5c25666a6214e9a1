"""Keyset pages: a cursor becomes WHERE and ORDER BY, so that a page stays stable while rows are inserted."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from app.errors import InvalidInput

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Order by an expression, then by id.

    name  of the order; a cursor carries it.
    sql   over the alias `{t}`; never null, and indexed together with the id.
    type  PostgreSQL's type of it.
    text  its value in a row, as PostgreSQL reads that type from text.
    """

    name: str
    sql: str
    type: str
    text: Callable[[Any], str]
    is_descending: bool = False

    def reversed(self) -> "Sort":
        return replace(self, is_descending=not self.is_descending)


def by_column(column: str, type_: str, *, when_null: str | None = None) -> Sort:
    """Order by a column; `when_null` stands for null, as text: `infinity` puts those last."""
    bare = f'{{t}}."{column}"'

    def text(row: Any) -> str:
        value = getattr(row, column)
        if value is None:
            assert when_null is not None, f"{column} is declared NOT NULL"
            return when_null
        return value.isoformat() if isinstance(value, datetime) else str(value)

    sql = bare if when_null is None else f"coalesce({bare}, '{when_null}'::{type_})"
    return Sort(name=column, sql=sql, type=type_, text=text)


BY_ID = by_column("id", "bigint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which part of a list: the first `size` rows after a cursor, or the last `size` rows before one."""

    size: int
    is_backward: bool
    cursor: tuple[str, int] | None


def encode_cursor(resource: str, sort: Sort, row: Any) -> str:
    """The place of a row in this order of this resource; opaque to clients."""
    return base64.b64encode(orjson.dumps([_VERSION, resource, sort.name, sort.text(row), row.id])).decode()


def decode_cursor(cursor: str, resource: str, sort: Sort, *, argument: str) -> tuple[str, int]:
    """The place that a cursor names. Raises InvalidInput for one that is not ours, or of another list or order."""
    try:
        version, of, name, value, row_id = orjson.loads(base64.b64decode(cursor, validate=True))
        place = str(value), _bigint(row_id)
        _CHECKS.get(sort.type, str)(place[0])
    except (binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise InvalidInput.at(argument, "is not a cursor of this API") from error
    if (version, of, name) != (_VERSION, resource, sort.name):
        raise InvalidInput.at(argument, f"is a cursor of another list or order, not of {resource} by {sort.name}")
    return place


def _bigint(text: str | int) -> int:
    if not -(2**63) <= int(text) < 2**63:
        raise ValueError("beyond PostgreSQL's bigint")
    return int(text)


def _timestamp(text: str) -> None:
    if text not in ("infinity", "-infinity"):
        datetime.fromisoformat(text)


#: What a forged cursor could make PostgreSQL stumble over is refused before.
_CHECKS: dict[str, Callable[[str], object]] = {"bigint": _bigint, "timestamptz": _timestamp}


def slice_of(
    resource: str,
    sort: Sort,
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
) -> Slice:
    """Read the four Relay arguments. Raises InvalidInput when they contradict each other or ask too much."""
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


def order_by(sort: Sort, part: Slice, alias: str = "t") -> str:
    direction = "desc" if sort.is_descending != part.is_backward else "asc"
    expressions = dict.fromkeys((sort.sql.format(t=alias), BY_ID.sql.format(t=alias)))
    return ", ".join(f"{expression} {direction}" for expression in expressions)


def after_cursor(sort: Sort, part: Slice, parameter: int, alias: str = "t") -> tuple[str, list[Any]]:
    """The condition (`true` without a cursor) and its arguments, numbered from `$parameter`."""
    if part.cursor is None:
        return "true", []
    sign = "<" if sort.is_descending != part.is_backward else ">"
    row = f"({sort.sql.format(t=alias)}, {alias}.id)"
    return f"{row} {sign} (${parameter}::text::{sort.type}, ${parameter + 1}::bigint)", list(part.cursor)
