"""Rules of visibility: one for each table, from what the table says, applied wherever its rows are read.

The operator sees every row. For a seller each rule is a SQL condition over the row's alias, in which
`$seller` stands for the parameter that holds the viewer's seller id.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from app.auth.viewers import Viewer
from app.db import table as declared
from app.db.graph import owners_of, references_to
from app.db.table import Table
from app.errors import Forbidden


class Visibility(Protocol):
    """A rule: which sellers see a row of a table."""

    def sql(self, alias: str) -> str:
        """Return the condition under which a seller sees the row `alias`."""
        ...

    def reads(self, table: str) -> frozenset[str]:
        """Return `table.column` of each column that the condition depends on."""
        ...

    def check(self, viewer: Viewer) -> None:
        """Raise Forbidden if the viewer may see no row of the table at all."""
        ...


@dataclass(frozen=True, slots=True)
class OfSeller:
    """The row names its seller."""

    column: str = "seller_id"

    def sql(self, alias: str) -> str:
        return f'{alias}."{self.column}" = $seller'

    def reads(self, table: str) -> frozenset[str]:
        return frozenset({f"{table}.{self.column}"})

    def check(self, viewer: Viewer) -> None:
        """Refuse nobody: every seller may have rows."""


@dataclass(frozen=True, slots=True)
class Through:
    """A seller sees the row if it sees the row of `table` that `column` points to.

    Attributes:
        is_of_few: Whether a seller sees few rows of `table`, each with many rows that point to it. A list is then read
            row by row of `table`.
        copy: A column of the row with the seller of the row of `table`, by which lists are read. Empty: there is none.
    """

    column: str
    table: str
    rule: Visibility
    is_of_few: bool = False
    copy: str = ""

    def sql(self, alias: str) -> str:
        parent = f"{alias}_p"
        return (
            f"exists (select from {self.table} {parent} where {parent}.id = {alias}.{self.column}"
            f" and {self.rule.sql(parent)})"
        )

    def reads(self, table: str) -> frozenset[str]:
        return self.rule.reads(self.table) | {f"{table}.{self.column}"}

    def check(self, viewer: Viewer) -> None:
        self.rule.check(viewer)


@dataclass(frozen=True, slots=True)
class PointedAtBy:
    """A seller sees the row if it sees a row of `table` that points to it by one of `columns`."""

    table: str
    columns: tuple[str, ...]
    rule: Visibility

    def sql(self, alias: str) -> str:
        holder = f"{alias}_h"
        # One look-up for each column: with an OR inside, PostgreSQL would not use their indexes.
        return _any(
            f"exists (select from {self.table} {holder} where {holder}.{column} = {alias}.id"
            f" and {self.rule.sql(holder)})"
            for column in self.columns
        )

    def reads(self, table: str) -> frozenset[str]:
        own = {f"{self.table}.{column}" for column in self.columns}
        return self.rule.reads(self.table) | own | {f"{table}.id"}

    def check(self, viewer: Viewer) -> None:
        """Refuse nobody: the viewer may see another row that points to it."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A seller sees the row if one of the rules says so."""

    rules: tuple[Visibility, ...]

    def sql(self, alias: str) -> str:
        return _any(rule.sql(alias) for rule in self.rules)

    def reads(self, table: str) -> frozenset[str]:
        return frozenset().union(*(rule.reads(table) for rule in self.rules))

    def check(self, viewer: Viewer) -> None:
        """Refuse nobody: one of the rules may show something."""


@dataclass(frozen=True, slots=True)
class ThroughOwner:
    """The row names its owner by GraphQL type and id. A seller sees the row if it sees the owner.

    Attributes:
        owners: GraphQL type, table and rule of each type that may own such rows. No seller sees rows of other owners.
    """

    owners: tuple[tuple[str, str, Visibility], ...]

    def sql(self, alias: str) -> str:
        owner = f"{alias}_o"
        return _any(
            f"{alias}.owner_type = '{name}' and exists (select from {table} {owner}"
            f" where {owner}.id = {alias}.owner_id and {rule.sql(owner)})"
            for name, table, rule in self.owners
        )

    def reads(self, table: str) -> frozenset[str]:
        rules = frozenset[str]().union(*(rule.reads(of) for _, of, rule in self.owners))
        return rules | {f"{table}.owner_type", f"{table}.owner_id"}

    def check(self, viewer: Viewer) -> None:
        """Refuse nobody: every viewer sees some owner."""


@dataclass(frozen=True, slots=True)
class Everyone:
    """Every seller sees all rows, which are reference data such as carriers."""

    def sql(self, alias: str) -> str:
        return "true"

    def reads(self, table: str) -> frozenset[str]:
        return frozenset()

    def check(self, viewer: Viewer) -> None:
        """Refuse nobody."""


@dataclass(frozen=True, slots=True)
class OperatorOnly:
    """Only the operator sees the rows. A seller that asks for them gets a permission error, not an empty result."""

    what: str

    def sql(self, alias: str) -> str:
        return "false"

    def reads(self, table: str) -> frozenset[str]:
        return frozenset()

    def check(self, viewer: Viewer) -> None:
        if not viewer.is_operator:
            raise Forbidden(f"{self.what} can be seen by the marketplace operator only.")


def _any(conditions: Iterable[str]) -> str:
    return f"({' or '.join(f'({one})' for one in conditions)})"


def condition(rule: Visibility, viewer: Viewer, parameter: int, alias: str = "t") -> tuple[str, list[int]]:
    """Return the rule as a WHERE condition for this viewer, and its arguments, numbered from `$parameter`."""
    if viewer.seller_id is None:
        return "true", []
    sql = rule.sql(alias)
    if "$seller" not in sql:
        return sql, []
    return sql.replace("$seller", f"${parameter}::bigint"), [viewer.seller_id]


@cache
def rule_of(table: Table[object]) -> Visibility:
    """Return the rule of a table's rows.

    Raises:
        TypeError: The table does not say who sees its rows.
    """
    rule = table.seen_by
    if isinstance(rule, declared.OfSeller):
        return OfSeller(rule.column)
    if isinstance(rule, declared.OperatorOnly):
        return OperatorOnly(rule.what)
    if isinstance(rule, declared.Through):
        keys = [table.keys[column] for column in rule.columns]
        ways = tuple(Through(key.column, key.to.name, rule_of(key.to), rule.is_of_few, rule.copy) for key in keys)
        return ways[0] if len(ways) == 1 else AnyOf(ways)
    if rule is declared.EVERYONE:
        return Everyone()
    if rule is declared.WITH_OWNER:
        owners = dict.fromkeys(owner for owner, _ in owners_of(table))
        return ThroughOwner(tuple((owner.type_name, owner.name, rule_of(owner)) for owner in owners))
    if rule is declared.WITH_REFERRERS:
        return AnyOf(tuple(_pointed_at(table)))
    raise TypeError(f"The table {table.name} does not say who sees its rows.")


def _pointed_at(table: Table[object]) -> Iterator[PointedAtBy]:
    """Return one rule for each table that names the rows, unless only the operator sees that table."""
    columns: dict[Table[object], list[str]] = {}
    for key in references_to(table):
        columns.setdefault(key.table, []).append(key.column)
    for of, named in columns.items():
        if not isinstance(rule := rule_of(of), OperatorOnly):
            yield PointedAtBy(of.name, tuple(named), rule)
