"""Which viewer sees which rows: one rule per type, applied wherever its rows are read.

The operator sees every row. For a seller each rule is a SQL condition over the row's alias, in which
`$seller` stands for the parameter that holds the viewer's seller id.
"""

from dataclasses import dataclass
from typing import Protocol

from app.auth import Viewer
from app.errors import Forbidden


class Visibility(Protocol):
    def sql(self, alias: str) -> str:
        """The condition under which a seller sees the row `alias`."""
        ...

    def reads(self, table: str) -> frozenset[str]:
        """`table.column` of all that the condition depends on."""
        ...

    def check(self, viewer: Viewer) -> None:
        """Raises Forbidden where the viewer may see no row at all, and should be told so."""
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
        """Every viewer has rows of their own."""


@dataclass(frozen=True, slots=True)
class Through:
    """The row is seen by whoever sees the row of `table` that `column` points to."""

    column: str
    table: str
    rule: Visibility

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
class Everyone:
    """Reference data, such as carriers."""

    def sql(self, alias: str) -> str:
        return "true"

    def reads(self, table: str) -> frozenset[str]:
        return frozenset()

    def check(self, viewer: Viewer) -> None:
        """Nobody is refused."""


@dataclass(frozen=True, slots=True)
class OperatorOnly:
    """A marketplace-level object: for a seller it is a permission error, not an absence."""

    what: str

    def sql(self, alias: str) -> str:
        return "false"

    def reads(self, table: str) -> frozenset[str]:
        return frozenset()

    def check(self, viewer: Viewer) -> None:
        if not viewer.is_operator:
            raise Forbidden(f"{self.what} can be seen by the marketplace operator only.")


def condition(rule: Visibility, viewer: Viewer, parameter: int, alias: str = "t") -> tuple[str, list[int]]:
    """The rule as a WHERE condition for this viewer, with its arguments, numbered from `$parameter`."""
    if viewer.seller_id is None:
        return "true", []
    sql = rule.sql(alias)
    if "$seller" not in sql:
        return sql, []
    return sql.replace("$seller", f"${parameter}::bigint"), [viewer.seller_id]
