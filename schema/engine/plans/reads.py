"""The statement of one root: written once, and read."""

from collections.abc import Sequence
from typing import Any

from app.db.pool import Record
from schema.engine.plans.compile import Compiler
from schema.engine.plans.in_json import read_rows
from schema.engine.plans.leaves import BailOut
from schema.engine.plans.levels import Level
from schema.engine.plans.nested import Nested
from schema.engine.reader import Reader
from schema.engine.statements import Statement

#: Statements kept of one root: filters, orders and sizes of pages each make another one.
_MAX_WRITTEN = 16


class Written:
    """Statements of one root that were written before, for the operator: no rule adds to them what is the viewer's."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler
        self._known: dict[tuple[str, ...], str] = {}

    def statement(self, nested: Nested, level: Level, source: str, order: str, also: Sequence[str]) -> Statement:
        if not nested.viewer.is_operator or self._compiler.slots.made:
            return nested.statement(level, source, order=order, also=also)
        given, key = tuple(nested.args), (source, order, *also)
        if key in self._known:
            return Statement(sql=self._known[key], args=given)
        made = nested.statement(level, source, order=order, also=also)
        if made.args == given and len(self._known) < _MAX_WRITTEN:
            self._known[key] = made.sql
        return made


async def read(
    reader: Reader,
    nested: Nested,
    level: Level,
    written: Written,
    source: str,
    *,
    order: str = "",
    also: Sequence[str] = (),
) -> list[list[Any]]:
    """The root's rows; where the reader has a witness that has not spoken yet, they bring what it has to say."""
    witness = reader.witness
    if witness is None or witness.is_confirmed:
        statement = written.statement(nested, level, source, order, also)
        return read_rows(await _fetched(reader, statement))
    said = witness.column(nested.parameters(*witness.args))
    statement = written.statement(nested, level, source, order, [*also, said])
    rows = read_rows(await _fetched(reader, statement))
    if rows:
        witness.is_confirmed = rows[0][-1]
        if not witness.is_confirmed:
            raise BailOut
    return rows


async def _fetched(reader: Reader, statement: Statement) -> list[Record]:
    """The records, whose one column is a row's JSON. The reader counts their characters."""
    records = await reader.fetch(statement.sql, *statement.args)
    reader.characters += sum(len(record[0]) for record in records)
    return records
