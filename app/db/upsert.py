"""Insert a row or, where one with its unique columns exists, update that: one statement, safe against a race."""

from collections.abc import Collection, Mapping
from typing import TypeVar

import orjson

from app.db.pool import Connection
from app.db.table import Table

Row = TypeVar("Row")


async def upsert_row(
    conn: Connection, table: Table[Row], values: Mapping[str, object], *, unique: Collection[str]
) -> Row:
    """Insert `values`, or set them in the row that has the same `unique` columns, those of a unique constraint.

    Setting what is there already records no change.
    """
    columns = ", ".join(f'"{column}"' for column in values)
    settings = [f'"{column}" = excluded."{column}"' for column in values]
    if table.has("updated_at"):
        settings.append("updated_at = now()")
    record = await conn.fetchrow(
        f"insert into {table.name} as t ({columns})"
        f" select {columns} from jsonb_populate_record(null::{table.name}, $1::text::jsonb)"
        f" on conflict ({', '.join(unique)}) do update set {', '.join(settings)} returning {table.select_list('t')}",
        orjson.dumps(dict(values)).decode(),
    )
    assert record is not None
    return table.from_record(record)
