"""Capture looks at as many rows, whatever the session did before and whatever its plans were made for.

Rows and no milliseconds: a busy machine takes the processor away, and makes a good plan look like a bad one.
"""

import asyncpg
import pytest

from app.capture.captured import CAPTURED
from tests.builders.bulk_rows import CHANGES, columns_of, insert_copies
from tests.builders.whole_sales import create_whole_sale
from tests.support.plan_cost import CostMeter, metered
from tests.support.plan_histories import PLAIN

_ROWS = 400
#: Measured: 1.0 when all is well, 100 and more when old and new rows are compared each with each.
_RATIO = 1.5
TABLES = [captured.table for captured in CAPTURED if not captured.is_log]

#: Tables whose look-ups lead through others, with what each row of them points to.
CHAINS = {
    "orders": {},
    "invoices": {"order_id": "orders"},
    "line_items": {"invoice_id": "invoices"},
    "shipments": {"invoice_id": "invoices"},
    "shipped_items": {"shipment_id": "shipments"},
    "refund_requests": {"invoice_id": "invoices"},
    "return_shipments": {"refund_request_id": "refund_requests"},
    "return_shipped_items": {"return_shipment_id": "return_shipments"},
    "adverts": {},
    "variants": {"advert_id": "adverts"},
    "inventories": {"variant_id": "variants"},
    "variant_option_values": {"variant_id": "variants"},
}


async def cost_of(meter: CostMeter, statement: str) -> int:
    """Return how many rows the statement and its triggers look at; the statement is undone."""
    transaction = meter.conn.transaction()
    await transaction.start()
    async with meter.counting():
        await meter.conn.execute(statement)
    await transaction.rollback()
    return meter.cost


def changed(table: str, first_id: int, last_id: int) -> str:
    return f"update {table} set {CHANGES[table]} where id between {first_id} and {last_id}"


@pytest.mark.parametrize("table", TABLES)
async def test_bulk_update_costs_the_same_after_single_rows(
    conn: asyncpg.Connection, database_url: str, table: str
) -> None:
    await create_whole_sale(conn)
    ids = await insert_copies(conn, table, _ROWS)

    async with metered(database_url, **PLAIN) as used, metered(database_url, **PLAIN) as fresh:
        for one in ids[:7]:
            await cost_of(used, changed(table, one, one))
        of_used = await cost_of(used, changed(table, ids[0], ids[-1]))
        of_fresh = await cost_of(fresh, changed(table, ids[0], ids[-1]))

    assert _ROWS < of_used <= _RATIO * of_fresh


@pytest.mark.parametrize("table", TABLES)
async def test_single_row_costs_the_same_after_a_bulk_update(
    conn: asyncpg.Connection, database_url: str, table: str
) -> None:
    await create_whole_sale(conn)
    ids = await insert_copies(conn, table, _ROWS)

    async with metered(database_url, **PLAIN) as used, metered(database_url, **PLAIN) as fresh:
        await cost_of(used, changed(table, ids[0], ids[-1]))
        of_used = await cost_of(used, changed(table, ids[0], ids[0]))
        of_fresh = await cost_of(fresh, changed(table, ids[0], ids[0]))

    assert 0 < of_used <= _RATIO * of_fresh


@pytest.mark.parametrize("operation", ["update", "insert", "delete"])
@pytest.mark.parametrize("is_analyzed", [True, False])
async def test_plans_made_for_empty_tables_serve_full_ones(
    conn: asyncpg.Connection, database_url: str, operation: str, is_analyzed: bool
) -> None:
    async with metered(database_url, **PLAIN) as early, metered(database_url, **PLAIN) as late:
        if is_analyzed:
            await conn.execute("analyze")
        for table in CHAINS:
            await early.conn.execute(await _of_no_row(conn, operation, table))
        await create_whole_sale(conn)
        for table, parents in CHAINS.items():
            await insert_copies(conn, table, _ROWS, parents)
        costs = {}
        for table in CHAINS:
            statement = await _of_many_rows(conn, operation, table)
            costs[table] = await cost_of(early, statement), await cost_of(late, statement)

    assert min(of_early for of_early, _ in costs.values()) > _ROWS
    assert {table: both for table, both in costs.items() if both[0] > _RATIO * both[1]} == {}


async def _of_no_row(conn: asyncpg.Connection, operation: str, table: str) -> str:
    if operation == "insert":
        columns = ", ".join(await columns_of(conn, table))
        return f"insert into {table} ({columns}) select {columns} from {table} where false"
    return (
        f"update {table} set {CHANGES[table]} where false"
        if operation == "update"
        else f"delete from {table} where false"
    )


async def _of_many_rows(conn: asyncpg.Connection, operation: str, table: str) -> str:
    last = await conn.fetchval(f"select max(id) from {table}")
    # Foreign keys are checked in another role alone: one more statement for each row, which nothing here is about.
    unchecked = "set local session_replication_role = replica;"
    if operation == "insert":
        columns = await columns_of(conn, table)
        values = ", ".join("token || '-'" if name == "token" else name for name in columns)
        return (
            f"{unchecked} insert into {table} ({', '.join(columns)})"
            f" select {values} from {table} where id > {last - _ROWS + 1}"
        )
    if operation == "delete":
        return f"{unchecked} delete from {table} where id > {last - _ROWS + 1}"
    return changed(table, last - _ROWS + 2, last)
