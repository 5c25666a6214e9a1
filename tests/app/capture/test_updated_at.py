"""Whoever changes a row by SQL raises its `updated_at`, and the tables stay free to be altered."""

import asyncpg
import pytest

from app.capture.triggers import list_stale_tables
from tests.builders.invoices import create_invoice
from tests.builders.variants import create_variant

#: A table without generated columns, and one with some, which a function compares.
TABLES = pytest.mark.parametrize(("table", "column"), [("invoices", "buyer_surname"), ("variants", "label")])


async def raised(conn: asyncpg.Connection, table: str, change: str) -> bool:
    before = await conn.fetchval(f"select max(updated_at) from {table}")
    await conn.execute(f"update {table} set {change}")
    return bool(await conn.fetchval(f"select max(updated_at) > $1 from {table}", before))


@TABLES
async def test_a_change_raises_it_and_the_same_values_do_not(conn: asyncpg.Connection, table: str, column: str) -> None:
    await create_invoice(conn)
    await create_variant(conn)

    assert await raised(conn, table, f"{column} = 'King'")
    assert not await raised(conn, table, f"{column} = 'King'")


@TABLES
async def test_an_altered_column_is_compared_in_the_same_session(
    conn: asyncpg.Connection, table: str, column: str
) -> None:
    await create_invoice(conn)
    await create_variant(conn)
    assert await raised(conn, table, f"{column} = 'King'")

    await conn.execute(f"alter table {table} alter column {column} type varchar(100)")

    assert await raised(conn, table, f"{column} = 'Queen'")
    assert not await raised(conn, table, f"{column} = 'Queen'")


async def test_another_function_in_its_place_is_noticed(conn: asyncpg.Connection) -> None:
    assert await list_stale_tables(conn) == []
    await conn.execute(
        "create or replace function capture_variants_updated_at() returns trigger language plpgsql as"
        " 'begin return new; end'"
    )

    assert await list_stale_tables(conn) == ["variants"]
