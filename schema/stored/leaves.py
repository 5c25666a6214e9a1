"""From a column or a pure function to a JSON value: exactly what graphql-core would make of the leaf."""

import math
import types
import typing
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLScalarType,
    is_leaf_type,
)

from app.db.table import Table

Complete = Callable[[Any], Any]


class BailOut(Exception):
    """This entity's result is not a plain value: an error, or a null where none may be."""


def completer(kind: GraphQLOutputType) -> Complete:
    """`complete(value)` of a leaf of any type, lists included. Raises BailOut where graphql-core would report."""
    if isinstance(kind, GraphQLNonNull):
        inner = completer(kind.of_type)
        return lambda value: _required(inner(_required(value)))
    if isinstance(kind, GraphQLList):
        item = completer(kind.of_type)
        return lambda value: None if value is None else [item(one) for one in value]
    assert is_leaf_type(kind)
    return lambda value: None if value is None else _serialized(kind, value)


def column_completer(table: Table[Any], column: str, kind: GraphQLOutputType) -> Complete | None:
    """`complete(raw)` of a column's raw value as the driver gives it; None where the raw value is the result.

    Only for pairs of column and GraphQL type whose result is known; all others go through the row's own form.
    """
    hint, may_be_null = _plain(typing.get_type_hints(table.row)[column])
    is_required = isinstance(kind, GraphQLNonNull)
    bare = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    complete = _known(hint, bare)
    if complete is None:
        convert = table.converter(column)
        whole = completer(kind)
        return whole if convert is None else lambda value: whole(None if value is None else convert(value))
    if not may_be_null:
        return None if complete is _as_it_is else complete
    if is_required:
        return lambda value: complete(_required(value))
    return None if complete is _as_it_is else lambda value: None if value is None else complete(value)


def _known(hint: Any, kind: GraphQLOutputType) -> Complete | None:
    name = getattr(kind, "name", None)
    if hint is str and name in ("String", "ID"):
        return _as_it_is
    if hint is bool and name == "Boolean":
        return _as_it_is
    if hint is int and name == "Int":
        return _int
    if hint is float and name == "Float":
        return _float
    if hint is datetime and name == "DateTime":
        return datetime.isoformat
    if isinstance(kind, GraphQLEnumType) and isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum_names(kind)
    return None


def _plain(hint: Any) -> tuple[Any, bool]:
    """The type without `| None` and without NewType, and whether it may be None."""
    may_be_null = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = [part for part in typing.get_args(hint) if part is not type(None)]
        may_be_null = True
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return hint, may_be_null


def _as_it_is(value: Any) -> Any:
    return value


def _int(value: int) -> int:
    if -(2**31) <= value < 2**31:
        return value
    raise BailOut


def _float(value: float) -> float:
    if math.isfinite(value):
        return value
    raise BailOut


def _enum_names(kind: GraphQLEnumType) -> Complete:
    # A row's text that the schema has no name for is a KeyError: that entity goes to the reference executor.
    names = {str(getattr(value.value, "value", value.value)): name for name, value in kind.values.items()}
    return names.__getitem__


def _serialized(kind: Any, value: Any) -> Any:
    assert isinstance(kind, GraphQLScalarType | GraphQLEnumType)
    made = kind.serialize(value)
    if made is None:
        raise BailOut
    return made


def _required(value: Any) -> Any:
    if value is None:
        raise BailOut
    return value
