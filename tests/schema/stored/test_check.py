"""Checking all webhooks against a schema, and marking those that it broke."""

from dataclasses import replace

import asyncpg
import pytest
from graphql import build_schema
from structlog.testing import capture_logs

from app.db.pool import Connection, create_database
from app.errors import InvalidInput
from app.webhooks.domain.broken_webhook import BrokenWebhook, CheckReport
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.stored.check import check_all, mark_all, problem_of, schema_of
from tests.app.webhooks.services.test_deduplication import WEBHOOK
from tests.support.outbox import running_publisher

GOOD = "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents } } }"
BAD = "query($id: ID!) { node(id: $id) { ... on Invoice { totalCent } } }"
BAD_REASON = (
    "queryString: line 1, column 52: Cannot query field 'totalCent' on type 'Invoice'."
    " Did you mean 'totalCents', 'totalTaxCents', or 'taxCents'?"
)


async def subscribe(conn: asyncpg.Connection, database_url: str, **columns: object) -> int:
    """A webhook as an earlier version may have stored it."""
    async with running_publisher(conn, database_url) as publisher:
        webhook_id = await publisher.subscribe("totalCents")
    for name, value in columns.items():
        await conn.execute(f"update webhooks set {name} = $2 where id = $1", webhook_id, value)
    return webhook_id


async def reasons(conn: Connection) -> list[str | None]:
    rows = await conn.fetch("select broken_reason from webhooks order by id")
    return [row["broken_reason"] for row in rows]


def test_a_sound_webhook_has_no_problem() -> None:
    webhook = replace(WEBHOOK, query_string=GOOD, triggers=("lineItems.quantity",), filter="data.node.totalCents > 1")

    assert problem_of(schema._schema, webhook) is None


def test_query_triggers_and_filter_are_checked() -> None:
    good = replace(WEBHOOK, query_string=GOOD)

    query = problem_of(schema._schema, replace(good, query_string=BAD))
    rest = problem_of(schema._schema, replace(good, triggers=("statusFlags", "lost"), filter="lost"))

    assert (query or "").startswith(BAD_REASON.split(" Did you")[0])
    assert rest == (
        "triggers.1: Invoice has no field 'lost'; a trigger is a path as in lineItems.quantity;"
        " filter: lost is unknown; what can be read is event and data"
    )


def test_a_schema_without_the_type_breaks_the_webhook() -> None:
    other = build_schema("type Query { node(id: ID!): String }")

    assert problem_of(other, replace(WEBHOOK, type=WebhookKlass.SHIPMENT)) == "The schema has no type Shipment."


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(InvalidInput, match="This is not a GraphQL schema: Syntax Error"):
        schema_of("type Query {")


async def test_every_webhook_is_checked_also_a_disabled_one(conn: asyncpg.Connection, database_url: str) -> None:
    await subscribe(conn, database_url)
    broken = await subscribe(
        conn, database_url, query_string=BAD, is_enabled=False, disabled_reason="gone", description="ERP"
    )

    checked = await check_all(conn, schema._schema)

    (found,) = checked.broken
    assert checked == CheckReport(
        count=2,
        broken=[
            BrokenWebhook(
                id=broken, type="INVOICE", seller=None, enabled=False, description="ERP", message=found.message
            )
        ],
    )
    assert found.message.startswith(BAD_REASON.split(" Did you")[0])
    assert await reasons(conn) == [None, None]


async def test_a_schema_that_lost_a_field_breaks_whoever_reads_it(conn: asyncpg.Connection, database_url: str) -> None:
    await subscribe(conn, database_url)
    other = build_schema(schema.as_str().replace("totalCents: Int", "grossCents: Int"))

    assert (await check_all(conn, schema_of(schema.as_str()))).broken == []
    (broken,) = (await check_all(conn, other)).broken
    assert "Cannot query field 'totalCents' on type 'Invoice'" in broken.message


async def test_broken_ones_are_marked_and_logged_and_unmarked_when_sound_again(
    conn: asyncpg.Connection, database_url: str
) -> None:
    sound = await subscribe(conn, database_url)
    broken = await subscribe(conn, database_url, query_string=BAD)
    mended = await subscribe(conn, database_url, broken_reason="of an earlier version")
    before = await conn.fetch("select id, updated_at from webhooks order by id")

    async with create_database(database_url, pool_size=1) as database:
        with capture_logs() as logs:
            await mark_all(database, schema._schema)

    assert [sound, broken, mended] == [row["id"] for row in before]
    first, second, third = await reasons(conn)
    assert (first, third) == (None, None)
    assert second is not None
    assert second.startswith(BAD_REASON.split(" Did you")[0])
    assert logs == [{"event": "webhook.broken", "log_level": "warning", "webhook_id": broken, "reason": second}]
    assert await conn.fetch("select id, updated_at from webhooks order by id") == before
    assert await conn.fetchval("select bool_and(is_enabled) from webhooks")
