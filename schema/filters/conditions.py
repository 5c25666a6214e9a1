"""Conditions of a root list: SQL with numbered arguments.

Each method returns None for a value that was not given, and `list_query` joins the other conditions. A text that no
column can store (NUL, half a surrogate pair) matches nothing; PostgreSQL would raise an error.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import strawberry
from strawberry.types.unset import UnsetType

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, Sort, chain_sorts
from app.db.table import Table
from app.errors import InvalidInput
from schema.entities import global_ids
from schema.entities.declarations import VISIBILITY, DeclaredAttribute, ListQuery, Part
from schema.entities.visibility import condition

NOTHING = "false"
F = TypeVar("F", bound=StrEnum)
T = TypeVar("T")


class Conditions:
    """Collects the conditions and arguments of one list. In the SQL, `t` is the listed table."""

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._args: list[Any] = []

    def value(self, value: object, type_: str) -> str:
        """Add an argument and return its parameter."""
        self._args.append(value)
        return f"${len(self._args)}::{type_}"

    def equal(self, expression: str, value: str | int | None, type_: str = "text") -> str | None:
        if not _is_given(value):
            return None
        return f"{expression} = {self.value(value, type_)}" if _is_storable(value) else NOTHING

    def amount(self, expression: str, amount: float | None) -> str | None:
        """Return the condition that an exact number equals an amount in units of a currency, such as `12.5`."""
        if not _is_given(amount):
            return None
        exact = Decimal(str(amount))
        return f"{expression} = {self.value(exact, 'numeric')}" if exact.is_finite() else NOTHING

    def one_of(self, expression: str, values: Sequence[str | int] | None, type_: str = "text") -> str | None:
        if not _is_given(values):
            return None
        assert values is not None
        found = list(dict.fromkeys(one for one in values if _is_storable(one)))
        # With one value, an index gives the rows in the order of its next column. With an array, they are sorted.
        if len(found) == 1:
            return self.equal(expression, found[0], type_)
        return f"{expression} = any({self.value(found, f'{type_}[]')})"

    def is_one(self, expression: str, values: Sequence[StrEnum] | None) -> str | None:
        """Return the condition for members of an enumeration.

        The members are part of the SQL text. With an argument, PostgreSQL's cached plan could not use partitions and
        partial indexes.
        """
        if not _is_given(values):
            return None
        words = ", ".join(f"'{value.value}'" for value in dict.fromkeys(values or ()))
        return f"{expression} in ({words})" if words else NOTHING

    def at_least(self, expression: str, least: int | None) -> str | None:
        return f"{expression} >= {self.value(least, 'bigint')}" if _is_given(least) else None

    def at_most(self, expression: str, most: int | None) -> str | None:
        return f"{expression} <= {self.value(most, 'bigint')}" if _is_given(most) else None

    def since(self, expression: str, at: datetime | None) -> str | None:
        """Return the condition for that time or later."""
        return f"{expression} >= {self.value(_instant(at), 'timestamptz')}" if _is_given(at) else None

    def period(
        self, column: str, since: datetime | None, until: datetime | None, *, is_nullable: bool = False
    ) -> str | None:
        """Return the condition for a period from `since` (included) to `until` (excluded). A null is in no period."""
        # The same expression as in the order, so that filter and order share an index.
        expression = f"coalesce({column}, 'infinity'::timestamptz)" if is_nullable else column
        begun = self.since(expression, since)
        ended = f"{expression} < {self.value(_instant(until), 'timestamptz')}" if _is_given(until) else None
        told = f"{expression} < 'infinity'::timestamptz" if is_nullable and begun and not ended else None
        return " and ".join(sql for sql in (begun, ended, told) if sql) or None

    def containing(self, expression: str, text: str | None) -> str | None:
        """Return the condition that a text contains another, ignoring case. A null contains nothing."""
        if not _is_given(text):
            return None
        assert text is not None
        if not _is_storable(text):
            return NOTHING
        pattern = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"{expression} ilike {self.value(f'%{pattern}%', 'text')} escape '\\'"

    def equal_ignoring_case(self, expression: str, text: str | None) -> str | None:
        if not _is_given(text):
            return None
        return f"lower({expression}) = lower({self.value(text, 'text')})" if _is_storable(text) else NOTHING

    def holds(self, sql: str, wanted: bool | None) -> str | None:
        """Return the condition or, if `wanted` is false, its negation."""
        if not _is_given(wanted):
            return None
        return f"({sql})" if wanted else f"({sql}) is not true"

    def visibility_rule(self, table: Table[object], alias: str) -> str:
        """Return the visibility rule of another table: rows that the viewer can't see must not decide a filter."""
        rule, args = condition(VISIBILITY[table.name], self._viewer, len(self._args) + 1, alias)
        self._args += args
        return f"{rule} and {alias}.deleted_at is null" if table.has("deleted_at") else rule

    def exists(self, table: Table[object], alias: str, on: str, *conditions: str | None) -> str | None:
        """Return the condition that a visible row of another table meets these conditions; None without any."""
        given = [sql for sql in conditions if sql is not None]
        if not given:
            return None
        met = " and ".join((on, *given, self.visibility_rule(table, alias)))
        return f"exists (select from {table.name} {alias} where {met})"

    def list_query(
        self, *conditions: str | None, sort: Sort = BY_ID, with_deleted: bool = False, parts: Sequence[Part] = ()
    ) -> ListQuery:
        where = " and ".join(sql for sql in conditions if sql is not None) or "true"
        return ListQuery(where=where, args=tuple(self._args), sort=sort, with_deleted=with_deleted, parts=tuple(parts))


def value_or_none(value: T) -> T | None:
    """Return the value, or None if it was left out."""
    return value if _is_given(value) else None


def keys(global_ids_given: Sequence[str] | None, type_name: str, *, field: str) -> list[int] | None:
    """Return the keys of global ids, which must be of one type. Raises InvalidInput at `field`."""
    if not _is_given(global_ids_given):
        return None
    assert global_ids_given is not None
    return [global_ids.key_of(one, type_name, field=f"{field}.{place}") for place, one in enumerate(global_ids_given)]


def key(global_id: str | None, type_name: str, *, field: str) -> int | None:
    """Return the key of a global id, which must be of one type. Raises InvalidInput at `field`."""
    return global_ids.key_of(global_id, type_name, field=field) if global_id and _is_given(global_id) else None


def sorted_by(fields: Sequence[F] | None, sorts: Mapping[F, Sort], *, usual: Sort, descending: bool) -> Sort:
    """Return the order by several fields, the most important first; the usual one without any."""
    given = value_or_none(fields) or ()
    named = [sorts[field] for field in dict.fromkeys(given)]
    sort = chain_sorts(*named) if named else usual
    return sort.reversed() if descending else sort


def sort_of_period(usual: Sort, *periods: tuple[Sort, datetime | None, datetime | None]) -> Sort:
    """Return the order by the time of the first period that is given, or the usual one.

    The rows of a period lie side by side in an index of that time. In any other order, all of them would be read.
    """
    given = (sort for sort, since, until in periods if _is_given(since) or _is_given(until))
    return next(given, usual)


def input_field(description: str) -> DeclaredAttribute:
    """Declare an optional field of an input type, without a default."""
    return strawberry.field(default=strawberry.UNSET, description=description)


def _is_given(value: object) -> bool:
    return value is not None and not isinstance(value, UnsetType)


def _is_storable(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def _instant(at: datetime | None) -> datetime:
    """Convert a time to UTC; one without an offset is in UTC."""
    assert at is not None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput(f"{at.isoformat()} is beyond the years 1 to 9999.") from error
