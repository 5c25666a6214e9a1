"""Keyset pages: a cursor becomes WHERE and ORDER BY, so that a page stays stable while rows are inserted."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.errors import InvalidInput

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 500
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Order by `column`, then by id. The column is NOT NULL and indexed together with the id."""

    column: str = "id"
    type: str = "bigint"
    is_descending: bool = False


BY_ID = Sort()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Which part of a list: the first `size` rows after a cursor, or the last `size` rows before one."""

    size: int
    is_backward: bool
    cursor: tuple[Any, ...] | None


def encode_cursor(resource: str, sort: Sort, row: Any) -> str:
    """The place of a row in this order of this resource; opaque to clients."""
    value = getattr(row, sort.column)
    key = [value.isoformat() if isinstance(value, datetime) else value, row.id]
    return base64.b64encode(orjson.dumps([_VERSION, resource, sort.column, *key])).decode()


def decode_cursor(cursor: str, resource: str, sort: Sort, *, argument: str) -> tuple[Any, ...]:
    """The values of a cursor. Raises InvalidInput for one that is not ours, or of another list or order."""
    try:
        version, of, column, value, row_id = orjson.loads(base64.b64decode(cursor, validate=True))
        place = (datetime.fromisoformat(value) if sort.type == "timestamptz" else int(value), int(row_id))
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidInput.at(argument, "is not a cursor of this API") from error
    if (version, of, column) != (_VERSION, resource, sort.column):
        raise InvalidInput.at(argument, f"is a cursor of another list or order, not of {resource} by {sort.column}")
    if not -(2**63) <= place[1] < 2**63:
        raise InvalidInput.at(argument, "is not a cursor of this API")
    return place


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
    columns = ("id",) if sort.column == "id" else (sort.column, "id")
    return ", ".join(f'{alias}."{column}" {direction}' for column in columns)


def after_cursor(sort: Sort, part: Slice, parameter: int, alias: str = "t") -> tuple[str, list[Any]]:
    """The condition (`true` without a cursor) and its arguments, numbered from `$parameter`."""
    if part.cursor is None:
        return "true", []
    sign = "<" if sort.is_descending != part.is_backward else ">"
    if sort.column == "id":
        return f"{alias}.id {sign} ${parameter}::bigint", [part.cursor[1]]
    row = f'({alias}."{sort.column}", {alias}.id)'
    return f"{row} {sign} (${parameter}::{sort.type}, ${parameter + 1}::bigint)", list(part.cursor)
