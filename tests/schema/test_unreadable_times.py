"""A time that PostgreSQL holds and Python doesn't is an error at its own field, and takes nothing else with it."""

import asyncpg
import orjson
import pytest

from app.docs.links import error_extensions
from tests.builders.sales import create_sales
from tests.support.executors import by_plan, by_reference, context_of, fresh_plans

#: As written, and as PostgreSQL shows it.
TIMES = {
    "20000-01-01": "20000-01-01 00:00:00+00",
    "0044-03-15 12:00:00.5 BC": "0044-03-15 12:00:00.5+00 BC",
    "0001-01-01 00:00:00+02": "0001-12-31 22:00:00+00 BC",
}
PAGE = "{ invoices(first: 50) { nodes { id buyerSurname paidAt order { id surname } } } }"


@pytest.mark.parametrize("written", TIMES)
async def test_page_keeps_everything_but_the_value(conn: asyncpg.Connection, written: str) -> None:
    sales = await create_sales(conn, 3)
    before = orjson.loads(await by_reference(conn, PAGE))
    await conn.execute(f"update invoices set paid_at = '{written}' where id = $1", sales[1].invoice.id)

    answer = orjson.loads(await by_reference(conn, PAGE))
    planned = await by_plan(fresh_plans(), conn, PAGE)

    before["data"]["invoices"]["nodes"][1]["paidAt"] = None
    assert answer["data"] == before["data"]
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]) == (["invoices", "nodes", 1, "paidAt"], error_extensions("UNREADABLE"))
    assert error["message"] == f"The time {TIMES[written]} is beyond the years 1 to 9999."
    # A plan gives it up, and the reference executor says it.
    assert planned is None


async def test_value_that_is_not_asked_for_is_no_error(conn: asyncpg.Connection) -> None:
    await create_sales(conn, 2)
    await conn.execute("update invoices set paid_at = '20000-01-01'")
    text = "{ invoices { nodes { id buyerSurname } } }"

    answer = await by_reference(conn, text)

    assert b'"errors"' not in answer
    assert await by_plan(fresh_plans(), conn, text) == answer


async def test_object_around_a_required_value_is_null(conn: asyncpg.Connection) -> None:
    (sale,) = await create_sales(conn, 1)
    await conn.execute("update orders set created_at = '20000-01-01'")
    text = "query($id: ID!) { node(id: $id) { ... on Invoice { id order { id createdAt } } } }"

    answer = orjson.loads(await by_reference(conn, text, {"id": sale.id_of("invoice")}))

    assert [error["path"] for error in answer["errors"]] == [["node", "order", "createdAt"]]
    assert answer["data"] == {"node": {"id": sale.id_of("invoice"), "order": None}}


async def test_connection_reads_times_as_before_afterwards(conn: asyncpg.Connection) -> None:
    await create_sales(conn, 2)
    await conn.execute("update invoices set paid_at = '20000-01-01' where id = (select min(id) from invoices)")
    context = context_of(conn)

    rows = await context.reader.fetch("select paid_at, created_at from invoices where created_at <= now() order by id")
    after = await context.reader.fetch("select created_at from invoices order by id")

    assert str(rows[0]["paid_at"]) == "20000-01-01 00:00:00+00"
    assert [row["created_at"] for row in rows] == [row["created_at"] for row in after]
    with pytest.raises(OverflowError):
        await conn.fetch("select paid_at from invoices")
