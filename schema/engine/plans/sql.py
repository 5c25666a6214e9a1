"""The SQL of a plan: one statement for all levels, in which each list is an array in its parent's row.

So a page takes one round trip, and PostgreSQL plans one statement.
"""

from collections.abc import Sequence

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, order_by
from app.db.pool import Record
from schema.engine.plans.compile import Compiler
from schema.engine.plans.errors import BailOut
from schema.engine.plans.json_rows import JsonRow, read_rows, row_sql, rows_sql, value_sql
from schema.engine.plans.levels import ChildRows, Level, Page, joins_sql
from schema.engine.reader import Reader
from schema.engine.statements import Statement, page_of_key, row_rule, source_of

#: Statements kept for one root. Each filter, order and page size makes another statement.
_MAX_STATEMENTS = 16


class SqlWriter:
    """Writes one statement and collects its arguments in `args`."""

    def __init__(self, viewer: Viewer, slots: Sequence[object], args: Sequence[object]) -> None:
        self.viewer, self._slots = viewer, slots
        self.args = list(args)

    def add_parameters(self, *values: object) -> int:
        """Append arguments; return the parameter number of the first one."""
        self.args += values
        return 1 + len(self.args) - len(values)

    def statement(self, root: Level, source: str, *, order: str, extra: Sequence[str] = ()) -> Statement:
        """Return the statement that reads the root's rows and everything below them.

        Args:
            root: The level whose columns are selected first.
            source: The statement that gives the root's rows.
            order: The ORDER BY clause with a leading space, or an empty text.
            extra: Expressions that are selected after the columns.
        """
        row = row_sql([*self._columns(root), *extra])
        joins = joins_sql(root, self.viewer, self.args, first=1)
        sql = f"select {row} from ({source}) {root.alias}{joins}{order}"
        return Statement(sql=sql, args=tuple(self.args))

    def _columns(self, level: Level) -> list[str]:
        return [
            (self._count(column.level) if column.is_count else self._rows(column.level))
            if isinstance(column, ChildRows)
            else value_sql(level.table_of(column[0]), *column)
            for column in level.columns
        ]

    def _page(self, level: Level) -> Page:
        page = self._slots[level.page]
        assert isinstance(page, Page)
        return page

    def _rows(self, level: Level) -> str:
        page = self._page(level)
        row = row_sql(self._columns(level))
        source = self._source(level, page)
        joins = joins_sql(level, self.viewer, self.args, first=1)
        order = f" order by {_order(level, page)}" if level.table.has("id") else ""
        return rows_sql(f"select {row} from ({source}) {level.alias}{joins}{order}")

    def _source(self, level: Level, page: Page) -> str:
        """Return the statement that finds the level's rows of one parent."""
        relation, key = level.relation, _key(level)
        if page.part is not None:
            first = 1 + len(self.args)
            part = level.read(page.part)
            paged = page_of_key(relation, self.viewer, page.where, part, of=key, parameter=first)
            self.args += paged.args
            return paged.sql
        distinct = "distinct on (t.id) " if relation.link else ""
        return f"select {distinct}t.* from {self._matching(level, page)}"

    def _count(self, level: Level) -> str:
        return f"(select count(distinct t.id) from {self._matching(level, self._page(level))})"

    def _matching(self, level: Level, page: Page) -> str:
        """Return FROM and WHERE of the level's rows of one parent."""
        source, key = source_of(level.relation)
        rule, args = row_rule(level.relation, self.viewer, 1 + len(self.args))
        self.args += args
        return f"{source} where {key} = {_key(level)} and {rule} and {page.where}"


class SqlCache:
    """Keeps the generated SQL of one root. It is only used for the operator: a seller's SQL has its own parameters.

    It saves time and nothing depends on it; a reader may skip it.
    """

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._statements: dict[tuple[str, ...], str] = {}

    def statement(self, writer: SqlWriter, level: Level, source: str, order: str, extra: Sequence[str]) -> Statement:
        """Return the statement that `writer` would write, from the cache if it is there."""
        if not writer.viewer.is_operator or self._compiler.slots.made:
            return writer.statement(level, source, order=order, extra=extra)
        args, key = tuple(writer.args), (source, order, *extra)
        if key in self._statements:
            return Statement(sql=self._statements[key], args=args)
        statement = writer.statement(level, source, order=order, extra=extra)
        if statement.args == args and len(self._statements) < _MAX_STATEMENTS:
            self._statements[key] = statement.sql
        return statement


async def read(
    reader: Reader,
    writer: SqlWriter,
    level: Level,
    cache: SqlCache,
    source: str,
    *,
    order: str = "",
    extra: Sequence[str] = (),
) -> list[JsonRow]:
    """Read the root's rows. If the API key is not confirmed yet, the same statement asks whether it is still valid.

    Raises:
        BailOut: The key is no longer valid, so the rows must not be shown.
    """
    key_check = reader.key_check
    if key_check is None or key_check.is_confirmed:
        statement = cache.statement(writer, level, source, order, extra)
        return read_rows(await _fetch(reader, statement))
    is_live = key_check.column(writer.add_parameters(*key_check.args))
    statement = cache.statement(writer, level, source, order, [*extra, is_live])
    rows = read_rows(await _fetch(reader, statement))
    if rows:
        key_check.is_confirmed = rows[0][-1]
        if not key_check.is_confirmed:
            raise BailOut
    return rows


async def _fetch(reader: Reader, statement: Statement) -> list[Record]:
    """Return the records, each with one column: a row as JSON. The reader counts their characters."""
    records = await reader.fetch(statement.sql, *statement.args)
    reader.characters += sum(len(record[0]) for record in records)
    return records


def _key(level: Level) -> str:
    return f'{level.parent}."{level.relation.local}"'


def _order(level: Level, page: Page) -> str:
    return f"{level.alias}.id" if page.part is None else order_by(BY_ID, page.part, level.alias)
