"""The statements of a plan: one per list, with the to-one relations joined into it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.auth import Viewer
from app.db.keyset import BY_ID, Slice, order_by
from app.db.table import Table
from schema.declarations import Relation
from schema.statements import Statement, distinct_rows, page_of_key, row_order, row_rule, source_of


@dataclass(slots=True, kw_only=True)
class Join:
    """A to-one relation under its alias, from the alias that it hangs on."""

    alias: str
    source: str
    relation: Relation


@dataclass(slots=True, kw_only=True)
class Level:
    """Rows of one list relation (or of the root) of a whole batch, and the lists below them.

    number    its place among the plan's levels; its groups of rows have the same.
    key       of the parent's record: the index of the column that the relation starts from.
    part      the page of each parent, for a connection; None for a plain list.
    counts    whether `totalCount` is asked for; whether rows are, too.
    columns   alias and column of each place of the record, after place 0, which is the relation's key.
    """

    number: int
    relation: Relation
    where: str = "true"
    key: int = 0
    part: Slice | None = None
    counts: bool = False
    has_rows: bool = True
    columns: list[tuple[str, str]] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    children: list["Level"] = field(default_factory=list)

    @property
    def table(self) -> Table[Any]:
        return self.relation.target

    def column(self, alias: str, name: str) -> int:
        """The place of a column in the record; selected once however often it is read."""
        wanted = (alias, name)
        if wanted not in self.columns:
            self.columns.append(wanted)
        return self.columns.index(wanted) + 1

    def join(self, source: str, relation: Relation) -> str:
        """The alias of a to-one relation; the same relation from the same row is joined once."""
        for made in self.joins:
            if (made.source, made.relation) == (source, relation):
                return made.alias
        alias = f"j{len(self.joins)}"
        self.joins.append(Join(alias=alias, source=source, relation=relation))
        return alias


def rows_statement(level: Level, viewer: Viewer) -> Statement:
    """The level's rows for many keys (`$1`): key, then the level's columns; in the order of keys and ids."""
    relation = level.relation
    wanted = "".join(f', {alias}."{name}"' for alias, name in level.columns)
    if level.part is not None:
        page = page_of_key(relation, viewer, level.where, level.part)
        joins, args = _joins(level, viewer, page.args)
        return Statement(
            sql=f"select k.key{wanted} from unnest($1::{relation.key_type}[]) k(key)"
            f" cross join lateral ({page.sql}) t{joins} order by k.key, {order_by(BY_ID, level.part)}",
            args=args,
        )
    source, key = source_of(relation)
    rule, rule_args = row_rule(relation, viewer, 2)
    joins, args = _joins(level, viewer, tuple(rule_args))
    return Statement(
        sql=f"select {distinct_rows(relation)}{key}{wanted} from {source}{joins}"
        f" where {key} = any($1::{relation.key_type}[]) and {rule} and {level.where} order by {row_order(relation)}",
        args=args,
    )


def _joins(level: Level, viewer: Viewer, args: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The to-one relations as left joins, each under its type's rule; arguments go on after `args`."""
    sql = ""
    for join in level.joins:
        relation = join.relation
        rule, rule_args = row_rule(relation, viewer, len(args) + 2, join.alias)
        args = (*args, *rule_args)
        on = f'{join.alias}."{relation.remote}" = {join.source}."{relation.local}"'
        sql += f" left join {relation.target.name} {join.alias} on {on} and {rule}"
    return sql, args


Rows = dict[Any, Any]
"""A level's records by key; of a counted level also `("count", key)` → number."""

Build = Callable[[Any, list[Rows]], Any]
"""`build(record, groups)`: one object of the response."""
