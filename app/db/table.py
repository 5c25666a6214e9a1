"""A table and the frozen dataclass that holds one of its rows.

All dataloaders and connections of the schema read rows by `Table`, so that column lists have one home.
"""

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any, Generic, NewType, TypeVar

from app.db.pool import Record

Row = TypeVar("Row", covariant=True)

#: The value of a jsonb column, as text.
JsonText = NewType("JsonText", str)


class Table(Generic[Row]):
    """A table of the database. Each column is the field of the same name of `row`."""

    __slots__ = ("_convert", "_kinds", "columns", "name", "row")

    def __init__(self, name: str, row: type[Row]) -> None:
        self.name = name
        self.row = row
        self.columns = tuple(field.name for field in fields(row))  # type: ignore[arg-type]  # a dataclass
        hints = typing.get_type_hints(row)
        self._kinds = {column: _plain(hints[column]) for column in self.columns}
        self._convert = {
            column: converter
            for column, (kind, may_be_null) in self._kinds.items()
            if (converter := _converter(kind, may_be_null=may_be_null)) is not None
        }

    def select_list(self, alias: str) -> str:
        return ", ".join(f'{alias}."{column}"' for column in self.columns)

    def from_record(self, record: Record | Mapping[str, Any]) -> Row:
        """Return the row of a record that has (at least) this table's columns."""
        values = {column: record[column] for column in self.columns}
        for column, convert in self._convert.items():
            values[column] = convert(values[column])
        return self.row(**values)

    def rows(self, records: Iterable[Record]) -> list[Row]:
        return [self.from_record(record) for record in records]

    def converter(self, column: str) -> Callable[[Any], Any] | None:
        """Return the function from the driver's value of a column to the row's; None if they are equal."""
        return self._convert.get(column)

    def kind(self, column: str) -> tuple[Any, bool]:
        """Return a column's type, and whether it may be None. A NewType, except JsonText, is replaced by its base."""
        return self._kinds[column]

    def has(self, column: str) -> bool:
        return column in self.columns


def _plain(hint: Any) -> tuple[Any, bool]:
    may_be_null = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = [part for part in typing.get_args(hint) if part is not type(None)]
        may_be_null = True
    while hint is not JsonText and hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return hint, may_be_null


def _converter(kind: Any, *, may_be_null: bool = False) -> Callable[[Any], Any] | None:
    """Return the function that turns texts into members of an enumeration; None for all other types."""
    if may_be_null:
        convert = _converter(kind)
        return None if convert is None else lambda value: None if value is None else convert(value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    if typing.get_origin(kind) in (tuple, Sequence):
        item = _converter(typing.get_args(kind)[0])
        return tuple if item is None else lambda values: tuple(item(value) for value in values)
    return None
