"""Whatever befalls a plan, the reference executor renders in its place: what was committed is told all the same."""

import gc
import itertools
import weakref
from collections.abc import Callable

import asyncpg
import pytest

from app.auth.viewers import OPERATOR
from app.telemetry.metrics import RENDERINGS
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.engine.context import Context
from schema.engine.limits import MAX_CHARACTERS
from schema.engine.plans.levels import ChildRows, Join
from schema.engine.reader import Reader
from schema.stored.execute import execute_stored_query, render_stored_query
from schema.stored.plan import Plan, plan_of
from schema.stored.validate import MAX_CACHED_CHARACTERS, StoredQuery, stored_query
from tests.builders.invoices import create_invoice
from tests.builders.sales import Sale, create_sale, create_sales
from tests.support.expanding import expanding_fragments
from tests.support.outbox import recorded, running_publisher
from tests.support.platform import settings_for

FORM = "query($id: ID!) { node(id: $id) { ... on Invoice { %s } } }"
SELECTION = "buyerSurname lineItems { quantity }"
_NUMBERS = itertools.count()


def _context(conn: asyncpg.Connection) -> Context:
    return Context.for_rendering(Reader(conn), OPERATOR, settings_for("postgresql://unused"))


def _plan(query: StoredQuery) -> Plan:
    plan = plan_of(schema._schema, query)
    assert plan is not None
    return plan


def _query(selection: str) -> StoredQuery:
    """With a text of its own: what is known of a stored query is known to the whole process."""
    return stored_query(schema._schema, FORM % f"a{next(_NUMBERS)}: id {selection}", WebhookKlass.INVOICE)


def _join_what_is_not_there(plan: Plan) -> None:
    level = plan.objects._level
    level.joins.append(Join(alias="j", source="gone", relation=level.relation))


def _read_a_slot_that_is_not_there(plan: Plan) -> None:
    (below,) = [one for one in plan.objects._level.columns if isinstance(one, ChildRows)]
    below.level.page = 99


def _lose_a_name(plan: Plan) -> None:
    # As a fault in the generated code would show itself.
    plan.objects.build = lambda row, slots: row["gone"]


@pytest.mark.parametrize("spoil", [_join_what_is_not_there, _read_a_slot_that_is_not_there, _lose_a_name])
async def test_reference_executor_takes_the_place_of_a_plan_that_fails(
    conn: asyncpg.Connection, spoil: Callable[[Plan], None]
) -> None:
    sale, query = await create_sale(conn), _query(SELECTION)
    expected = await execute_stored_query(schema, query, sale.invoice.id, _context(conn))
    spoil(_plan(query))
    before = RENDERINGS.labels("reference")._value.get()

    rendered = await render_stored_query(schema, query, [sale.invoice.id], _context(conn))

    assert rendered == {sale.invoice.id: expected}
    assert b'"errors"' not in expected
    assert RENDERINGS.labels("reference")._value.get() == before + 1


async def test_statement_that_is_refused_holds_up_no_publishing(conn: asyncpg.Connection, database_url: str) -> None:
    async with running_publisher(conn, database_url) as publisher:
        await create_invoice(conn)
        await recorded(conn)
        for selection in ("buyerSurname buyerFirstName", "buyerSurname legacyId"):
            await publisher.subscribe(selection)
        spoilt = "query($id: ID!) { node(id: $id) { ... on Invoice { buyerSurname buyerFirstName } } }"
        _join_what_is_not_there(_plan(stored_query(schema._schema, spoilt, WebhookKlass.INVOICE)))
        await conn.execute("update invoices set buyer_surname = 'King'")

        made = await publisher.publish()

    assert [one.response["data"]["node"]["buyerSurname"] for one in made] == ["King", "King"]


async def test_plan_goes_on_after_a_migration_of_what_it_reads(conn: asyncpg.Connection, database_url: str) -> None:
    """Rows arrive as JSON, whatever a column's type becomes: nothing that was prepared is refused."""
    async with running_publisher(conn, database_url) as publisher:
        await create_invoice(conn)
        await recorded(conn)
        await publisher.subscribe("buyerSurname buyerPhone")
        await conn.execute("update invoices set buyer_surname = 'King'")
        await publisher.publish()
        await conn.execute("alter table invoices alter column buyer_surname type varchar(100)")
        await conn.execute("update invoices set buyer_surname = 'Queen'")
        before = RENDERINGS.labels("plan")._value.get()

        *_, made = await publisher.publish()

    assert made.response["data"]["node"]["buyerSurname"] == "Queen"
    assert RENDERINGS.labels("plan")._value.get() == before + 1


async def test_value_that_cannot_be_read_is_told_of_its_own_entity_alone(
    conn: asyncpg.Connection, database_url: str
) -> None:
    """Python has no times before the year 1; PostgreSQL, and whoever writes to it, has."""
    async with running_publisher(conn, database_url) as publisher:
        sales = await create_sales(conn, 5)
        seller_id = sales[0].seller.id
        await conn.execute("update invoices set seller_id = $1", seller_id)
        await recorded(conn)
        await publisher.subscribe("buyerSurname paidAt")
        await publisher.subscribe("buyerSurname paidAt", seller_id=seller_id)
        odd = sales[2].invoice.id
        await conn.execute("update invoices set paid_at = '0044-03-15 BC' where id = $1", odd)
        await conn.execute("update invoices set buyer_surname = 'King'")

        made = await publisher.publish()

    whole = {"buyerSurname": "King", "paidAt": None}
    assert [one.response["data"]["node"] for one in made] == [whole] * 10
    errors = [(one.entity[1], error) for one in made for error in one.response.get("errors", [])]
    assert [(entity, error["path"], error["extensions"]["code"]) for entity, error in errors] == [
        (odd, ["node", "paidAt"], "UNREADABLE")
    ] * 2


async def test_changes_beside_a_value_that_cannot_be_read_are_told(conn: asyncpg.Connection, database_url: str) -> None:
    async with running_publisher(conn, database_url) as publisher:
        await create_invoice(conn)
        await conn.execute("update invoices set paid_at = '20000-01-01'")
        await recorded(conn)
        await publisher.subscribe("buyerSurname paidAt")

        told = []
        for name in ("one", "two", "three"):
            await conn.execute("update invoices set buyer_surname = $1", name)
            told += [one.response["data"]["node"]["buyerSurname"] for one in await publisher.publish()]

    assert told[-1] == "three"
    assert {"one", "two", "three"} <= set(told)


def _nested(depth: int) -> str:
    """Expands to four times as much with each level, and costs nothing, since it is below a page of no rows."""
    below = "order { invoices(first: 0) { nodes { ...F0 } } }"
    leaves = "id legacyId buyerSurname buyerFirstName totalFormatted statusFlags"
    return f"{FORM % below} {expanding_fragments(depth, leaves)}"


async def test_query_that_expands_too_far_is_left_to_the_reference_executor(conn: asyncpg.Connection) -> None:
    sale: Sale = await create_sale(conn)
    query = stored_query(schema._schema, _nested(5), WebhookKlass.INVOICE, max_cost=1_000)

    rendered = await render_stored_query(schema, query, [sale.invoice.id], _context(conn))

    assert plan_of(schema._schema, query) is None
    assert rendered == {
        sale.invoice.id: b'{"data":{"node":{"order":{"invoices":{"nodes":[]}}}}}',
    }


def test_plans_count_for_what_is_kept_of_stored_queries() -> None:
    oldest = weakref.ref(stored_query(schema._schema, f"{_nested(1)} # the oldest", WebhookKlass.INVOICE))
    fills = [MAX_CHARACTERS] * (MAX_CACHED_CHARACTERS // MAX_CHARACTERS - 1) + [MAX_CHARACTERS * 3 // 4]
    for number, characters in enumerate(fills):
        stored_query(schema._schema, f"{FORM % 'id'} #{number}".ljust(characters), WebhookKlass.INVOICE)
    was_kept = oldest() is not None

    # Their texts alone would take a third of what is left.
    for number in range(12):
        _plan(stored_query(schema._schema, f"{_nested(3)} #{number}", WebhookKlass.INVOICE))

    gc.collect()
    assert was_kept
    assert oldest() is None
