"""Upsert: insert rows, or update the row with the same unique columns, by one statement that is safe against races."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import orjson

from app.db.pool import Connection
from app.db.table import Table

Row = TypeVar("Row")


async def upsert_rows(
    conn: Connection, table: Table[Row], values: Sequence[Mapping[str, object]], *, unique: Collection[str]
) -> list[Row]:
    """Insert rows, or update those with the same values of a unique constraint's columns.

    Setting equal values records no change.

    Args:
        values: Values by column. All mappings have the same columns, and different values of the `unique` ones.
        unique: The columns of the unique constraint.

    Returns:
        The rows after the change, in no particular order.
    """
    if not values:
        return []
    columns = ", ".join(f'"{column}"' for column in values[0])
    settings = [f'"{column}" = excluded."{column}"' for column in values[0]]
    if table.has("updated_at"):
        settings.append("updated_at = now()")
    # Rows are locked in the order of their keys, so that two writers of the same rows don't deadlock.
    records = await conn.fetch(
        f"insert into {table.name} as t ({columns})"
        f" select {columns} from jsonb_populate_recordset(null::{table.name}, $1::text::jsonb)"
        f" order by {', '.join(unique)}"
        f" on conflict ({', '.join(unique)}) do update set {', '.join(settings)} returning {table.select_list('t')}",
        orjson.dumps([dict(row) for row in values]).decode(),
    )
    return table.rows(records)
