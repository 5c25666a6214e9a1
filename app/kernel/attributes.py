"""Partial updates: an absent attribute stays as it is, a null one is cleared."""

from dataclasses import fields
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Absent(Enum):
    """The default of an attribute that was not sent."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT


def sent_values(attributes: "DataclassInstance") -> dict[str, Any]:
    """Return the attributes that were sent, by their names. A value may be None."""
    found = {field.name: getattr(attributes, field.name) for field in fields(attributes)}
    return {name: value for name, value in found.items() if value is not ABSENT}
