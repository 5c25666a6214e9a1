"""Enums that take values which this version of the package does not know."""

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """An enum of the schema. A value of a newer server is kept, equals its text, and is not among the members."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        made = str.__new__(cls, value)
        made._name_ = made._value_ = value
        return made
