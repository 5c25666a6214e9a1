"""The error of a field whose stored time is beyond Python's range."""

from collections.abc import Mapping
from typing import TypeVar

from app.db.unreadable import UnreadableTime
from app.errors import InvalidInput
from schema.entities.declarations import Leaf

T = TypeVar("T")


def readable(value: T) -> T:
    """Return the value. Raises InvalidInput (UNREADABLE) for a time that Python can't read."""
    if isinstance(value, UnreadableTime):
        raise _unreadable(value)
    return value


def computed_value(leaf: Leaf, row: object, given: Mapping[str, object]) -> object:
    """Compute the value of a leaf. Raises InvalidInput (UNREADABLE) if it depends on a time that can't be read."""
    try:
        value = leaf.compute(row, **given)
    except (TypeError, AttributeError) as error:
        columns = (getattr(row, column, None) for column in leaf.reads)
        unreadable = next((each for each in columns if isinstance(each, UnreadableTime)), None)
        if unreadable is None:
            raise
        raise _unreadable(unreadable) from error
    return readable(value)


def _unreadable(time: UnreadableTime) -> InvalidInput:
    return InvalidInput(f"The time {time} is beyond the years 1 to 9999.", code="UNREADABLE")
