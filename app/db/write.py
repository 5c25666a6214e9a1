"""Insert, lock and update rows of a `Table`.

One statement inserts any number of rows, so its triggers are called once.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import orjson

from app.db.pool import Connection
from app.db.table import Table

Row = TypeVar("Row")


async def insert_rows(conn: Connection, table: Table[Row], values: Sequence[Mapping[str, object]]) -> list[Row]:
    """Insert at least one row and return all of them in the same order.

    Args:
        values: Values by column. All mappings have the same columns. Other columns take their defaults.
    """
    columns = ", ".join(f'"{column}"' for column in values[0])
    records = await conn.fetch(
        f"insert into {table.name} ({columns})"
        f" select {columns} from jsonb_populate_recordset(null::{table.name}, $1::text::jsonb)"
        f" returning {table.select_list(table.name)}",
        orjson.dumps([dict(row) for row in values]).decode(),
    )
    return sorted(table.rows(records), key=_id)


async def insert_row(conn: Connection, table: Table[Row], **values: object) -> Row:
    (row,) = await insert_rows(conn, table, [values])
    return row


async def lock_row(conn: Connection, table: Table[Row], row_id: int) -> Row | None:
    """Lock a row until the transaction ends, and return it; None if there is none."""
    record = await conn.fetchrow(
        f"select {table.select_list('t')} from {table.name} t where t.id = $1 for no key update", row_id
    )
    return None if record is None else table.from_record(record)


async def update_row(conn: Connection, table: Table[Row], row_id: int, values: Mapping[str, object]) -> Row:
    """Set columns of an existing row, and its `updated_at` if it has one. Without any of both, nothing can be set."""
    settings = [f'"{column}" = r."{column}"' for column in values]
    if table.has("updated_at"):
        settings.append("updated_at = now()")
    record = await conn.fetchrow(
        f"update {table.name} t set {', '.join(settings)}"
        f" from jsonb_populate_record(null::{table.name}, $2::text::jsonb) r"
        f" where t.id = $1 returning {table.select_list('t')}",
        row_id,
        orjson.dumps(dict(values)).decode(),
    )
    assert record is not None, "the caller has locked the row"
    return table.from_record(record)


def _id(row: object) -> int:
    key: int = row.id  # type: ignore[attr-defined]  # every table has one
    return key
