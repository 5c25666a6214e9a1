"""Insert rows or, where one with their unique columns exists, update that: one statement, safe against a race."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import orjson

from app.db.pool import Connection
from app.db.table import Table

Row = TypeVar("Row")


async def upsert_rows(
    conn: Connection, table: Table[Row], values: Sequence[Mapping[str, object]], *, unique: Collection[str]
) -> list[Row]:
    """Insert rows, or set their values where a row has the same `unique` columns, those of a unique constraint.

    Setting what is there already records no change.

    Args:
        values: Column → the value. Every mapping has the columns of the first, and `unique` ones of its own.

    Returns:
        The rows as they are then, in no particular order.
    """
    if not values:
        return []
    columns = ", ".join(f'"{column}"' for column in values[0])
    settings = [f'"{column}" = excluded."{column}"' for column in values[0]]
    if table.has("updated_at"):
        settings.append("updated_at = now()")
    # In the order of their keys: two writers of the same rows must not wait in a circle.
    records = await conn.fetch(
        f"insert into {table.name} as t ({columns})"
        f" select {columns} from jsonb_populate_recordset(null::{table.name}, $1::text::jsonb)"
        f" order by {', '.join(unique)}"
        f" on conflict ({', '.join(unique)}) do update set {', '.join(settings)} returning {table.select_list('t')}",
        orjson.dumps([dict(row) for row in values]).decode(),
    )
    return table.rows(records)
