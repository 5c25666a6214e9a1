"""One statement for all levels: each list is a value of its parent's row, an array of rows.

A page takes one round trip so, and PostgreSQL plans one statement.
"""

from collections.abc import Sequence
from typing import Any

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, order_by
from schema.engine.plans.in_json import row_sql, rows_sql, value_sql
from schema.engine.plans.levels import Below, Level, Page, joined
from schema.engine.statements import Statement, page_of_key, row_rule, source_of


class Nested:
    """Writes one statement; `args` grow with it."""

    def __init__(self, viewer: Viewer, slots: Sequence[Any], args: Sequence[Any]) -> None:
        self.viewer, self._slots = viewer, slots
        self.args = list(args)

    def parameters(self, *values: Any) -> int:
        """The number of the first of further parameters."""
        self.args += values
        return 1 + len(self.args) - len(values)

    def statement(self, root: Level, source: str, *, order: str, also: Sequence[str] = ()) -> Statement:
        """The root's rows, which the statement `source` gives, with its columns and then those of `also`."""
        row = row_sql([*self._wanted(root), *also])
        joins = joined(root, self.viewer, self.args, first=1)
        sql = f"select {row} from ({source}) {root.alias}{joins}{order}"
        return Statement(sql=sql, args=tuple(self.args))

    def _wanted(self, level: Level) -> list[str]:
        return [
            (self._count(column.level) if column.is_count else self._rows(column.level))
            if isinstance(column, Below)
            else value_sql(level.table_of(column[0]), *column)
            for column in level.columns
        ]

    def _rows(self, level: Level) -> str:
        page: Page = self._slots[level.page]
        row = row_sql(self._wanted(level))
        source = self._source(level, page)
        joins = joined(level, self.viewer, self.args, first=1)
        order = f" order by {_order(level, page)}" if level.table.has("id") else ""
        return rows_sql(f"select {row} from ({source}) {level.alias}{joins}{order}")

    def _source(self, level: Level, page: Page) -> str:
        """The level's rows of one parent."""
        relation, key = level.relation, _key(level)
        if page.part is not None:
            first = 1 + len(self.args)
            part = level.read(page.part)
            paged = page_of_key(relation, self.viewer, page.where, part, of=key, parameter=first)
            self.args += paged.args
            return paged.sql
        distinct = "distinct on (t.id) " if relation.link else ""
        return f"select {distinct}t.* from {self._found(level, page)}"

    def _count(self, level: Level) -> str:
        return f"(select count(distinct t.id) from {self._found(level, self._slots[level.page])})"

    def _found(self, level: Level, page: Page) -> str:
        source, key = source_of(level.relation)
        rule, args = row_rule(level.relation, self.viewer, 1 + len(self.args))
        self.args += args
        return f"{source} where {key} = {_key(level)} and {rule} and {page.where}"


def _key(level: Level) -> str:
    return f'{level.parent}."{level.relation.local}"'


def _order(level: Level, page: Page) -> str:
    return f"{level.alias}.id" if page.part is None else order_by(BY_ID, page.part, level.alias)
