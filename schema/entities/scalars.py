"""The scalars of times and days, by the names that integrators' documents give their variables."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from strawberry.schema.types.base_scalars import DateDefinition, DateTimeDefinition, wrap_parser
from strawberry.types.scalar import ScalarDefinition


def _time(text: str) -> datetime:
    parse = DateTimeDefinition.parse_value
    assert parse is not None
    found: datetime = parse(text)
    return found


def _day(text: str) -> date:
    """Return a day; of a time, the time itself, which loses nothing: every `datetime` is a `date`."""
    return date.fromisoformat(text) if len(text) <= len("2026-11-27") else _time(text)


SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: replace(
        DateTimeDefinition,
        name="ISO8601DateTime",
        description="A time, as in `2026-11-27T09:30:00Z`. In an input, one without an offset is in UTC, and a day is"
        " its beginning.",
    ),
    date: replace(
        DateDefinition,
        name="ISO8601Date",
        description="A day, as in `2026-11-27`. In an input, also a time.",
        parse_value=wrap_parser(_day, "ISO8601Date"),
    ),
}
