"""Enumerations of the domain, published with a description for each member."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

import strawberry

E = TypeVar("E", bound=StrEnum)


def describe_enum(members: type[E], name: str, description: str, values: Mapping[str, str]) -> type[E]:
    """Publish an enumeration. A member without a description raises KeyError when the schema is built."""
    declared = strawberry.enum(members, name=name, description=description)
    for value in declared.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
    return declared
