"""Results of attempts are stored. Only the next failure disables a webhook that has failed for too long."""

from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from app.db.pool import create_database
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.retry import FAILING_REASON
from app.webhooks.domain.webhook_event import WebhookEventState
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.workers.deliver.test_deliver import claim, failed
from workers.deliver.record import record

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"


async def create_failing(conn: Conn, *, days: float, events: int = 2) -> None:
    """A webhook none of whose deliveries has succeeded for so many days, with due events."""
    webhook = await create_subscription(conn, URL, is_failing=True)
    await create_due_events(conn, webhook, events)
    await conn.execute(
        "update webhooks set failing_since = now() - $2 * interval '1 day' where id = $1", webhook.id, days
    )


async def record_first(conn: Conn, database_url: str, *outcomes: dict[str, Any]) -> None:
    """Claim as many events as there are outcomes, and store those."""
    results = [
        failed(due, **given) for due, given in zip(await claim(conn, limit=len(outcomes)), outcomes, strict=True)
    ]
    async with create_database(database_url, pool_size=2) as database:
        await record(results, database)


async def test_failure_after_five_days_of_them_disables_the_webhook_and_holds_its_events(
    conn: Conn, database_url: str
) -> None:
    await create_failing(conn, days=5)

    with capture_logs() as logs:
        await record_first(conn, database_url, {})

    row = await conn.fetchrow("select is_enabled, disabled_reason from webhooks")
    assert row is not None
    assert tuple(row) == (False, FAILING_REASON)
    assert [row[0] for row in await conn.fetch("select state from webhook_events")] == ["HELD", "HELD"]
    told = [log for log in logs if log["event"] == "delivery.webhook_disabled"]
    assert [(log["webhook_id"], log["reason"]) for log in told] == [(1, FAILING_REASON)]


@pytest.mark.parametrize(
    ("days", "outcomes"),
    [
        pytest.param(4.99, [{}], id="less than five days"),
        pytest.param(20, [{}, {"state": WebhookEventState.DELIVERED, "status": 200}], id="one of them succeeds"),
        pytest.param(20, [{"error_kind": ErrorKind.CANCELLED, "status": None}], id="the worker was stopped"),
        pytest.param(20, [{"error_kind": ErrorKind.UNSENT, "status": None}], id="never sent"),
        pytest.param(20, [{"is_test": True}], id="a test"),
    ],
)
async def test_nothing_else_disables_it(
    conn: Conn, database_url: str, days: float, outcomes: list[dict[str, Any]]
) -> None:
    await create_failing(conn, days=days)

    with capture_logs() as logs:
        await record_first(conn, database_url, *outcomes)

    assert await conn.fetchval("select is_enabled from webhooks")
    assert [log for log in logs if log["event"] == "delivery.webhook_disabled"] == []


async def test_gone_is_logged_once_however_many_say_so(conn: Conn, database_url: str) -> None:
    await create_due_events(conn, await create_subscription(conn, URL), 3)
    gone = {"state": WebhookEventState.FAILED, "status": 410, "disable_reason": "Gone."}

    with capture_logs() as logs:
        await record_first(conn, database_url, gone, gone)

    told = [log["reason"] for log in logs if log["event"] == "delivery.webhook_disabled"]
    assert told == ["Gone."]
    assert await conn.fetchval("select disabled_reason from webhooks") == "Gone."
    states = await conn.fetch("select state from webhook_events order by id")
    assert [row[0] for row in states] == ["FAILED", "FAILED", "HELD"]


@pytest.mark.parametrize("kind", [ErrorKind.CANCELLED, ErrorKind.UNSENT])
async def test_our_own_fault_is_no_attempt_of_the_event_and_no_failure_of_the_webhook(
    conn: Conn, database_url: str, kind: ErrorKind
) -> None:
    await create_due_events(conn, await create_subscription(conn, URL), 2)

    await record_first(conn, database_url, {"error_kind": kind, "status": None}, {"error_kind": kind, "status": None})

    rows = await conn.fetch("select attempt_count, attempts_before from webhook_events")
    assert [tuple(row) for row in rows] == [(1, 1), (1, 1)]
    assert await conn.fetchval("select not is_failing and failing_since is null from webhooks")


async def test_success_ends_the_days_of_failures(conn: Conn, database_url: str) -> None:
    await create_failing(conn, days=20, events=3)
    async with create_database(database_url, pool_size=2) as database:
        first, second = await claim(conn, limit=2)

        await record([result_of(first)], database)
        await record([failed(second)], database)

    row = await conn.fetchrow("select is_enabled, is_failing, failing_since > now() - interval '1 min' from webhooks")
    assert row is not None
    assert tuple(row) == (True, True, True)
