"""Encrypted values of all tables: read and replaced page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.db.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """A column of encrypted values.

    Args:
        key: The columns of the table's primary key, each with its type.
    """

    table: str
    column: str
    key: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedValue:
    key: tuple[Any, ...]
    sealed: bytes


async def count_sealed(conn: Connection, of: SealedColumn) -> int:
    return int(await conn.fetchval(f"select count(*) from {of.table} where {of.column} is not null"))


async def list_sealed(
    conn: Connection, of: SealedColumn, *, after: Sequence[object] | None, limit: int
) -> list[SealedValue]:
    """List one page in the order of the primary key.

    Args:
        after: The key of the last value of the page before. None for the first page.
    """
    names = ", ".join(name for name, _ in of.key)
    marks = ", ".join(f"${place}::{type_}" for place, (_, type_) in enumerate(of.key, start=2))
    beyond = "true" if after is None else f"({names}) > ({marks})"
    rows = await conn.fetch(
        f"select {names}, {of.column} as sealed from {of.table} where {of.column} is not null and {beyond}"
        f" order by {names} limit $1",
        limit,
        *(after or ()),
    )
    return [SealedValue(key=tuple(row[name] for name, _ in of.key), sealed=row["sealed"]) for row in rows]


async def replace_sealed(conn: Connection, of: SealedColumn, value: SealedValue, sealed: bytes) -> bool:
    """Replace a value. Return False, and change nothing, if it was changed or deleted after it was read."""
    where = " and ".join(f"{name} = ${place}::{type_}" for place, (name, type_) in enumerate(of.key, start=3))
    done = await conn.fetchval(
        f"update {of.table} set {of.column} = $1 where {of.column} = $2 and {where} returning true",
        sealed,
        value.sealed,
        *value.key,
    )
    return bool(done)
