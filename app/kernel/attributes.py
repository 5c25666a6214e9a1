"""Partial updates: an attribute that is absent stays as it is, one that is null is cleared."""

from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Absent(Enum):
    """The default of an attribute that was not sent."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


def given(attributes: "DataclassInstance") -> dict[str, Any]:
    """The attributes that were sent, by their names; the values may be None."""
    found = {field.name: getattr(attributes, field.name) for field in fields(attributes)}
    return {name: value for name, value in found.items() if value is not ABSENT}
