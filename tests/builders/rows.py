"""The one INSERT that all builders share."""

from collections.abc import Mapping
from typing import Any, TypeVar

from app.db.pool import Connection
from app.db.table import Table

Row = TypeVar("Row")


async def insert_row(
    conn: Connection, table: Table[Row], defaults: Mapping[str, Any], overrides: Mapping[str, Any]
) -> Row:
    """Insert a row of `defaults`, with `overrides` winning, and return it as the database has it."""
    values = {**defaults, **overrides}
    columns = ", ".join(f'"{column}"' for column in values)
    parameters = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    record = await conn.fetchrow(
        f"insert into {table.name} as t ({columns}) overriding system value values ({parameters})"
        f" returning {table.select_list('t')}",
        *values.values(),
    )
    assert record is not None
    return table.from_record(record)
