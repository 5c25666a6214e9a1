"""After an outage that was reported, the first success brings forward what waits for a retry, by steps."""

from typing import Any

import asyncpg
import pytest

from app.db.pool import create_database
from app.webhooks.db.webhook_outages import FIRST_STEP
from app.webhooks.db.webhooks import Webhook
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.support.platform import settings_for
from tests.workers.deliver.test_deliver import claim, failed
from workers.deliver.record import record
from workers.resources import open_resources
from workers.upkeep.sweep import sweep_all

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"
DUE = "select count(*) from webhook_events where state = 'RETRYING' and due_at <= clock_timestamp()"


async def create_outage(conn: Conn, waiting: int, **overrides: Any) -> Webhook:
    """A webhook that has failed for an hour, as was reported, with so many events whose retry is hours away."""
    webhook = await create_subscription(conn, URL, is_failing=True, **overrides)
    await create_due_events(conn, webhook, waiting, first_entity=1_000, state="RETRYING")
    await conn.execute(
        "update webhook_events set due_at = now() + interval '4 h' + id * interval '1 s', attempt_count = 8,"
        " attempted_at = now() - interval '1 h'"
    )
    await conn.execute(
        "update webhooks set failing_since = now() - interval '1 h', outage_reported_at = now() - interval '50 min'"
    )
    return webhook


async def store(conn: Conn, database_url: str, webhook: Webhook, *, is_success: bool, entity: int = 1) -> None:
    """Store the result of an attempt of another event."""
    await create_due_events(conn, webhook, first_entity=entity)
    (due,) = [due for due in await claim(conn) if due.entity_id == entity]
    async with create_database(database_url, pool_size=2) as database:
        await record([result_of(due) if is_success else failed(due, delay_s=600.0)], database)


async def sweep(conn: Conn, database_url: str) -> int:
    """Sweep as if the time to the next step had passed. Returns how many retries are due."""
    await conn.execute("update webhooks set resume_stepped_at = now() - interval '5 s'")
    async with open_resources(settings_for(database_url)) as resources:
        await sweep_all(resources)
    return int(await conn.fetchval(DUE))


async def test_each_step_brings_twice_as_many_forward_until_all_are_due(conn: Conn, database_url: str) -> None:
    webhook = await create_outage(conn, 5 * FIRST_STEP)

    await store(conn, database_url, webhook, is_success=True)
    at_once = await conn.fetchval(DUE)
    due = [await sweep(conn, database_url) for _ in range(4)]

    assert at_once == 0
    assert due == [FIRST_STEP, 3 * FIRST_STEP, 5 * FIRST_STEP, 5 * FIRST_STEP]
    assert await conn.fetchval("select resumed_at is null and resume_size is null from webhooks")
    # What would have been due soonest comes first, and each has an attempt more.
    rows = await conn.fetch("select id, attempts_before from webhook_events where state = 'RETRYING' order by due_at")
    assert [row["id"] for row in rows[:FIRST_STEP]] == sorted(row["id"] for row in rows)[:FIRST_STEP]
    assert {row["attempts_before"] for row in rows} == {1}


async def test_several_sweepers_take_one_step(conn: Conn, database_url: str) -> None:
    webhook = await create_outage(conn, 5 * FIRST_STEP)
    await store(conn, database_url, webhook, is_success=True)

    first = await sweep(conn, database_url)
    async with open_resources(settings_for(database_url)) as resources:
        await sweep_all(resources)

    assert (first, await conn.fetchval(DUE)) == (FIRST_STEP, FIRST_STEP)


async def test_failing_again_ends_it(conn: Conn, database_url: str) -> None:
    webhook = await create_outage(conn, 5 * FIRST_STEP)
    await store(conn, database_url, webhook, is_success=True)
    await conn.execute("update webhook_events set due_at = due_at + interval '1 day'")

    await store(conn, database_url, webhook, is_success=False, entity=2)

    assert await sweep(conn, database_url) == 0
    assert await conn.fetchval("select resumed_at is null from webhooks")


async def test_what_somebody_asked_for_goes_on_though_it_fails(conn: Conn, database_url: str) -> None:
    webhook = await create_outage(conn, 5 * FIRST_STEP)
    await conn.execute("update webhooks set resumed_at = clock_timestamp(), resume_size = null")

    await store(conn, database_url, webhook, is_success=False)

    assert await sweep(conn, database_url) == 5 * FIRST_STEP


@pytest.mark.parametrize("paused", [False, True])
async def test_nothing_is_brought_forward_without_a_reported_outage_or_during_a_pause(
    conn: Conn, database_url: str, paused: bool
) -> None:
    webhook = await create_outage(conn, 5)
    if not paused:
        # It failed now and then: the poisonous event alone would be tried again and again.
        await conn.execute("update webhooks set outage_reported_at = null")

    await store(conn, database_url, webhook, is_success=True)
    if paused:
        await conn.execute("update webhooks set paused_until = now() + interval '1 h'")

    assert await sweep(conn, database_url) == 0
    assert await conn.fetchval("select resumed_at is not null from webhooks") is paused
