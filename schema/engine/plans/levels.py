"""What a plan reads: one level per list of the query, with the to-one relations joined into it."""

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
    """A to-one relation under its alias, from the alias that it hangs on.

    only  a column of the latter, and the value without which there is no row.
    """

    alias: str
    source: str
    relation: Relation
    only: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the arguments of a list ask for. `part`: None for a plain list."""

    where: str = "true"
    part: Slice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """A value of a row: the rows of a level below, or how many there are."""

    level: "Level"
    is_count: bool


@dataclass(slots=True, kw_only=True, eq=False)
class Level:
    """Rows of one list relation (or of the root), and the lists below them.

    number   its slot, which holds a root's rows.
    page     the slot of its Page.
    parent   the alias of the parent's rows.
    counts   whether `totalCount` is asked for; whether rows are, too; and whether there are more than those.
    columns  alias and column of each place of the row, or what stands there of a level below.
    """

    number: int
    relation: Relation
    page: int
    parent: str = ""
    counts: bool = False
    has_rows: bool = True
    looks_ahead: bool = False
    columns: list[tuple[str, str] | Below] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)

    @property
    def alias(self) -> str:
        """Of its rows."""
        return f"r{self.number}"

    @property
    def table(self) -> Table[Any]:
        return self.relation.target

    def table_of(self, alias: str) -> Table[Any]:
        """Of its own rows, or of those joined under an alias."""
        return next((join.relation.target for join in self.joins if join.alias == alias), self.table)

    def read(self, part: Slice) -> Slice:
        """What a statement is to read of a page: it reads one row more by itself, which tells of more."""
        return part if self.looks_ahead else replace(part, size=part.size - 1)

    def column(self, alias: str, name: str) -> int:
        """The place of a column in the row; selected once however often it is read."""
        return self._place((alias, name))

    def below(self, level: "Level", *, is_count: bool = False) -> int:
        """The place of a lower level's rows in the row, or of their number."""
        return self._place(Below(level=level, is_count=is_count))

    def join(self, source: str, relation: Relation, *, only: tuple[str, str] | None = None) -> str:
        """The alias of a to-one relation; the same relation from the same row is joined once."""
        for made in self.joins:
            if (made.source, made.relation, made.only) == (source, relation, only):
                return made.alias
        alias = f"j{self.number}_{len(self.joins)}"
        self.joins.append(Join(alias=alias, source=source, relation=relation, only=only))
        return alias

    def _place(self, wanted: tuple[str, str] | Below) -> int:
        for place, column in enumerate(self.columns):
            if column == wanted:
                return place
        self.columns.append(wanted)
        return len(self.columns) - 1


def joins_sql(level: Level, viewer: Viewer, args: list[Any], *, first: int) -> str:
    """The to-one relations as left joins, each under its type's rule, whose arguments are added to `args`.

    first  the number of the parameter that `args[0]` is.
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
            # One content may be stored once for each of several days: any of them will do.
            found = f"select {join.alias}.* from {relation.target.name} {join.alias} where {on} and {rule} limit 1"
            sql += f" left join lateral ({found}) {join.alias} on true"
    return sql


Build = Callable[[Any, list[Any]], Any]
"""`build(row, slots)`: one object of the response."""
