"""Views: an object with just those columns that the pure functions of a type read. One is made per object."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any

from graphql import GraphQLField

from app.db.table import Table
from schema.engine.plans.arguments import Arguments
from schema.engine.plans.code import Code
from schema.engine.plans.json_rows import JsonRow, from_json
from schema.engine.plans.leaves import column_form, completer, converter
from schema.engine.plans.levels import Level
from schema.entities.declarations import Leaf

Classify = Callable[[Any], Any]


class View:
    """Writes the leaves of one object: its row has an alias in the level's row."""

    def __init__(self, code: Code, level: Level, alias: str, table: Table[object]) -> None:
        self.code, self.level, self.alias, self.table = code, level, alias, table
        self.columns: dict[str, int] = {}

    def leaf(self, leaf: Leaf, field: GraphQLField, given: Arguments, slot: Callable[[Arguments], int]) -> str:
        """Return the expression of a leaf's value.

        Args:
            slot: Adds a slot for arguments that depend on variables, and returns its number.
        """
        if leaf.is_column:
            place = self.level.column(self.alias, leaf.reads[0])
            form, complete = column_form(self.table, leaf.reads[0], field.type)
            return form.format(r=f"r[{place}]", c=self.code.name("c", complete) if complete else "")
        if leaf.of_values is not None and given.constant == {}:
            return f"{self.code.name('v', leaf.of_values)}({', '.join(map(self._value, leaf.reads))})"
        self.read(leaf.reads)
        complete_name = self.code.name("c", completer(field.type))
        if given.constant is None:
            return f"{complete_name}({self.code.name('v', leaf.compute)}(w, **g[{slot(given)}]))"
        return f"{complete_name}({self.code.name('v', _with(leaf.compute, given.constant))}(w))"

    def read(self, columns: Sequence[str]) -> None:
        for column in columns:
            if column not in self.columns:
                self.columns[column] = self.level.column(self.alias, column)

    def lines(self) -> list[str]:
        """Return the line that makes `w`, the view of the row `r`, if one is needed."""
        return [f"w = {self.expression()}"] if self.columns else []

    def expression(self) -> str:
        view = self.code.name("w", _view_class(tuple(self.columns)))
        return f"{view}({', '.join(map(self._row_value, self.columns))})"

    def _value(self, column: str) -> str:
        """Return the expression of the driver's value."""
        return self._convert(self.level.column(self.alias, column), from_json(self.table, column))

    def _row_value(self, column: str) -> str:
        return self._convert(self.columns[column], _quick(converter(self.table, column)))

    def _convert(self, place: int, convert: Callable[[Any], Any] | None) -> str:
        return f"r[{place}]" if convert is None else f"{self.code.name('c', convert)}(r[{place}])"


@lru_cache(maxsize=1_000)
def view_of(table: Table[object], columns: tuple[str, ...]) -> Callable[[JsonRow], object]:
    """Return a function from the JSON values of columns to an object that has them as attributes, as a row has."""
    make = _view_class(tuple(columns))
    converters = _converters(table, columns)
    return lambda values: make(*(convert(value) for convert, value in zip(converters, values, strict=True)))


def row_of(table: Table[object]) -> Callable[[Sequence[object]], object]:
    """Return a function from the JSON values of all columns to the row."""
    every = [*zip(table.columns, _converters(table, table.columns), strict=True)]
    return lambda values: table.row(
        **{column: convert(value) for (column, convert), value in zip(every, values, strict=True)}
    )


def _converters(table: Table[object], columns: Sequence[str]) -> list[Callable[[Any], Any]]:
    return [converter(table, column) or _as_it_is for column in columns]


def _quick(convert: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """Look enumeration members up in a dictionary: calling their class takes ten times as long."""
    if isinstance(convert, type) and issubclass(convert, StrEnum):
        return {str(member): member for member in convert}.__getitem__
    return convert


def _as_it_is(value: Any) -> Any:
    return value


def _view_class(columns: tuple[str, ...]) -> type:
    names: dict[str, Any] = {}
    body = "; ".join(f"self.{column} = {column}" for column in columns)
    exec(f"def __init__(self, {', '.join(columns)}): {body}", names)
    return type("View", (), {"__slots__": columns, "__init__": names["__init__"]})


def _with(compute: Callable[..., Any], given: dict[str, Any]) -> Callable[[Any], Any]:
    return (lambda row: compute(row, **given)) if given else compute
