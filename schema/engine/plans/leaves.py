"""Leaves: from a column or a pure function to the JSON value that graphql-core would return."""

import math
import typing
from collections.abc import Callable, Sequence
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
from schema.engine.plans.errors import BailOut
from schema.engine.plans.json_rows import TIME_FORM, from_json, time_shown

Complete = Callable[[Any], Any]


def completer(kind: GraphQLOutputType) -> Complete:
    """Return a function that serializes a leaf's value, lists included. It raises BailOut for an error."""
    if isinstance(kind, GraphQLNonNull):
        return _whole(kind.of_type, _refuse_null)
    return _whole(kind, _null)


def _whole(kind: GraphQLOutputType, when_none: Complete) -> Complete:
    if isinstance(kind, GraphQLList):
        item = completer(kind.of_type)
        return lambda value: when_none(None) if value is None else [item(one) for one in value]
    assert is_leaf_type(kind)

    def serialized(value: Any) -> Any:
        return when_none(None) if value is None else _serialize(kind, value)

    return _quick(kind, serialized)


def _quick(kind: GraphQLOutputType, serialized: Complete) -> Complete:
    """Return a faster function with the same results: it does not call `serialized` for most values."""
    name = getattr(kind, "name", None)
    if name in ("String", "ID"):
        return lambda value: value if value.__class__ is str else serialized(value)
    if name == "Boolean":
        return lambda value: value if value.__class__ is bool else serialized(value)
    if name == "Int":
        return lambda value: value if value.__class__ is int and -(2**31) <= value < 2**31 else serialized(value)
    if isinstance(kind, GraphQLEnumType):
        names = {value.value: name for name, value in kind.values.items()}
        wrapped = getattr(kind, "wrapped_cls", None)
        return lambda value: names[value.value] if value.__class__ is wrapped else serialized(value)
    return serialized


def column_form(table: Table[object], column: str, kind: GraphQLOutputType) -> tuple[str, Complete | None]:
    """Return the expression of a column's value and the function that it calls (None if it calls none).

    In the expression, `{r}` stands for the JSON value and `{c}` for the function. Known pairs of column and GraphQL
    type are converted inline; all others by the row's own converter.
    """
    hint, may_be_null = table.kind(column)
    is_required = isinstance(kind, GraphQLNonNull)
    known = _known(hint, kind.of_type if isinstance(kind, GraphQLNonNull) else kind)
    if known is None:
        convert, whole = converter(table, column), completer(kind)
        if convert is None:
            return "{c}({r})", whole
        return "{c}({r})", lambda value: whole(None if value is None else convert(value))
    form, complete = known
    if not may_be_null or (form == "{r}" and not is_required):
        return form, complete
    absent = "bail()" if is_required else "None"
    return f"({absent} if {{r}} is None else {form})", complete


def converter(table: Table[object], column: str) -> Complete | None:
    """Return the function from a column's JSON value to the row's value; None if they are equal."""
    first, then = from_json(table, column), table.converter(column)
    if first is None or then is None:
        return first or then
    return lambda value: then(first(value))


def _known(hint: Any, kind: GraphQLOutputType) -> tuple[str, Complete | None] | None:
    """Return the expression of a value that is not null; None if the pair of types is unknown."""
    name = getattr(kind, "name", None)
    if hint is str and name in ("String", "ID"):
        return "{r}", None
    if hint is bool and name == "Boolean":
        return "{r}", None
    if hint is int and name == "Int":
        return f"(x if {-(2**31)} <= (x := {{r}}) < {2**31} else bail())", None
    if hint is float and name == "Float":
        return "{c}({r})", _float
    if hint is datetime and name == "ISO8601DateTime":
        return TIME_FORM, time_shown
    if isinstance(kind, GraphQLEnumType) and isinstance(hint, type) and issubclass(hint, StrEnum):
        return "{c}({r})", _enum_names(kind)
    if isinstance(kind, GraphQLList) and typing.get_origin(hint) in (tuple, Sequence):
        return _known_list(typing.get_args(hint)[0], kind)
    return None


def _known_list(hint: Any, kind: GraphQLList[Any]) -> tuple[str, Complete | None] | None:
    item = kind.of_type.of_type if isinstance(kind.of_type, GraphQLNonNull) else None
    if isinstance(item, GraphQLEnumType) and isinstance(hint, type) and issubclass(hint, StrEnum):
        # A null among them is a KeyError.
        return "[*map({c}, {r})]", _enum_names(item)
    return None


def _float(text: str) -> float:
    value = float(text)
    if math.isfinite(value):
        return value
    raise BailOut


def _enum_names(kind: GraphQLEnumType) -> Complete:
    # A text without a name in the schema is a KeyError: the reference executor then answers for that entity.
    names = {str(getattr(value.value, "value", value.value)): name for name, value in kind.values.items()}
    return names.__getitem__


def _serialize(kind: Any, value: Any) -> Any:
    assert isinstance(kind, GraphQLScalarType | GraphQLEnumType)
    made = kind.serialize(value)
    if made is None:
        raise BailOut
    return made


def _null(value: None) -> None:
    return None


def _refuse_null(value: Any) -> Any:
    if value is None:
        raise BailOut
    return value
