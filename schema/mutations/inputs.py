"""Conversion of GraphQL inputs to the arguments of services: ids become keys, times UTC, absent values defaults."""

from collections.abc import Collection
from dataclasses import fields
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar

import strawberry

from app.errors import InvalidInput
from app.kernel.attributes import ABSENT, Absent
from app.kernel.problems import Problems
from schema.entities import global_ids
from schema.entities.declarations import DeclaredAttribute

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Target = TypeVar("Target", bound="DataclassInstance")


class Ids:
    """Decodes the ids of one input and reports all wrong ones at once."""

    def __init__(self) -> None:
        self._problems = Problems()

    def key(self, global_id: str, type_name: str, path: str) -> int:
        """Return the key of an id, which must be of one type.

        For a wrong id it is -1, which no row has, and `check` raises.
        """
        try:
            return global_ids.key_of(global_id, type_name, field=path)
        except InvalidInput as error:
            self._problems.include(error.fields)
            return -1

    def optional_key(self, global_id: str | None, type_name: str, path: str) -> int | None:
        return None if global_id is None else self.key(global_id, type_name, path)

    def attribute(self, global_id: str | None, type_name: str, path: str) -> int | Absent | None:
        """Return the key of an attribute that may be absent (ABSENT) or null (None)."""
        if global_id is strawberry.UNSET:
            return ABSENT
        return self.optional_key(global_id, type_name, path)

    def check(self) -> None:
        """Raise InvalidInput that names each wrong id, if there is one."""
        self._problems.check()


def optional(description: str, *, name: str | None = None, deprecated: str | None = None) -> DeclaredAttribute:
    """Declare an input field that may be absent or null.

    Args:
        name: Its name in GraphQL. None: the attribute's, which services know it by.
        deprecated: The reason, which names what to give instead.
    """
    return strawberry.field(default=strawberry.UNSET, name=name, description=description, deprecation_reason=deprecated)


def required(description: str, *, name: str | None = None) -> DeclaredAttribute:
    """Declare an input field without a default. `name` is as in `optional`."""
    return strawberry.field(name=name, description=description)


def convert_input(given: object, target: type[Target], *, but: Collection[str] = (), **values: object) -> Target:
    """Convert an input to a service's dataclass with fields of the same names.

    Args:
        but: Fields that are not copied and keep their defaults.
        values: Fields that the input has in another form, such as ids and nested inputs.
    """
    names = {field.name for field in fields(target)} - {*values, *but}
    found = {name: getattr(given, name, strawberry.UNSET) for name in names}
    taken = {name: _as_utc(value) for name, value in found.items() if value is not strawberry.UNSET}
    return target(**taken, **values)


def decimal_of(text: str | None, path: str) -> Decimal | Absent | None:
    """Return the amount of a text such as `12.50`: ABSENT if it is absent, None for null. Raises InvalidInput."""
    if text is strawberry.UNSET or text is None:
        return ABSENT if text is strawberry.UNSET else None
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise InvalidInput.at(path, "must be an amount such as 12.50") from error


def utc_time(value: datetime | None) -> datetime | None:
    """Return a time with an offset; one without is in UTC."""
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def _as_utc(value: Any) -> Any:
    """Return a time with an offset; one without is in UTC, and a day is its beginning there."""
    if isinstance(value, datetime):
        return utc_time(value)
    return datetime.combine(value, time(), tzinfo=UTC) if isinstance(value, date) else value
