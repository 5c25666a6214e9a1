"""Levels: a plan reads one level per list of the query, with the to-one relations joined into it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from app.auth.viewers import Viewer
from app.db.keyset import Slice
from app.db.table import Table
from schema.engine.statements import row_rule
from schema.entities.declarations import Relation


@dataclass(slots=True, kw_only=True)
class Join:
    """A to-one relation that is joined under an alias.

    Args:
        source: The alias of the row that the relation starts from.
        only: A column of `source` and the value that it must have; otherwise there is no row. None: no condition.
    """

    alias: str
    source: str
    relation: Relation
    only: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The condition and the part of a list that its arguments ask for.

    Args:
        part: None for a plain list.
    """

    where: str = "true"
    part: Slice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRows:
    """A value of a row that is a list of a lower level, or the number of its rows."""

    level: "Level"
    is_count: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Level:
    """The rows of one list relation (or of the root), with the lists below them.

    Args:
        number: The slot that holds a root's rows.
        page: The slot of the Page.
        parent: The alias of the parent's rows.
        counts: Whether `totalCount` is selected.
        has_rows: Whether rows are selected.
        looks_ahead: Whether one row more is read, to tell whether there are more.
        columns: The values of a row: alias and column, or a list of a lower level.
    """

    number: int
    relation: Relation
    page: int
    parent: str = ""
    counts: bool = False
    has_rows: bool = True
    looks_ahead: bool = False
    columns: list[tuple[str, str] | ChildRows] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)

    @property
    def alias(self) -> str:
        """Return the alias of its rows."""
        return f"r{self.number}"

    @property
    def table(self) -> Table[object]:
        return self.relation.target

    def table_of(self, alias: str) -> Table[object]:
        """Return the table of an alias: a joined one, or the level's own."""
        return next((join.relation.target for join in self.joins if join.alias == alias), self.table)

    def read(self, part: Slice) -> Slice:
        """Return the part that a statement has to read.

        Statements read one row more than asked for; it is wanted only if the level looks ahead.
        """
        return part if self.looks_ahead else replace(part, size=part.size - 1)

    def column(self, alias: str, name: str) -> int:
        """Return the place of a column in the row. Each column is selected once."""
        return self._place((alias, name))

    def below(self, level: "Level", *, is_count: bool = False) -> int:
        """Return the place of a lower level's rows in the row, or of their number."""
        return self._place(ChildRows(level=level, is_count=is_count))

    def join(self, source: str, relation: Relation, *, only: tuple[str, str] | None = None) -> str:
        """Join a to-one relation and return its alias. The same relation from the same row is joined once."""
        for made in self.joins:
            if (made.source, made.relation, made.only) == (source, relation, only):
                return made.alias
        alias = f"j{self.number}_{len(self.joins)}"
        self.joins.append(Join(alias=alias, source=source, relation=relation, only=only))
        return alias

    def _place(self, wanted: tuple[str, str] | ChildRows) -> int:
        for place, column in enumerate(self.columns):
            if column == wanted:
                return place
        self.columns.append(wanted)
        return len(self.columns) - 1


def joins_sql(level: Level, viewer: Viewer, args: list[object], *, first: int) -> str:
    """Return the left joins of the to-one relations, each with the visibility rule of its type.

    Args:
        args: The statement's arguments; those of the rules are appended.
        first: The parameter number of `args[0]`.
    """
    sql = ""
    for join in level.joins:
        relation = join.relation
        rule, rule_args = row_rule(relation, viewer, first + len(args), join.alias)
        args += rule_args
        on = f'{join.alias}."{relation.remote}" = {join.source}."{relation.local}"'
        if join.only is not None:
            column, value = join.only
            on += f""" and {join.source}."{column}" = '{value}'"""
        if relation.remote == "id":
            sql += f" left join {relation.target.name} {join.alias} on {on} and {rule}"
        else:
            # The same content may be stored once per day; any of these rows will do.
            found = f"select {join.alias}.* from {relation.target.name} {join.alias} where {on} and {rule} limit 1"
            sql += f" left join lateral ({found}) {join.alias} on true"
    return sql


#: `build(row, slots)` returns one object of the response.
Build = Callable[[Any, list[Any]], Any]
