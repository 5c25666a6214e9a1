"""The sweep: expired leases, events that slipped past a webhook's disabling."""

import asyncpg
from prometheus_client import REGISTRY

from app.webhooks.db import deliveries, webhook_outages
from app.webhooks.db.webhook_events import MAX_AT_ONCE
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.platform import settings_for
from workers.resources import open_resources
from workers.upkeep.sweep import COUNT_EVERY_S, sweep_all

URL = "http://127.0.0.1:9/"


async def sweep(database_url: str) -> int:
    async with open_resources(settings_for(database_url)) as resources:
        return await sweep_all(resources)


async def claim(conn: asyncpg.Connection) -> None:
    await deliveries.claim_due(conn, limit=9, per_webhook=9, after=0, failing_share=9, lease_s=60)


async def test_expired_lease_makes_due_again_and_a_running_one_does_not(
    conn: asyncpg.Connection, database_url: str
) -> None:
    webhook = await create_subscription(conn, URL)
    expired, running = await create_due_events(conn, webhook, 2)
    await claim(conn)
    await conn.execute("update webhook_events set lease_until = now() - interval '1 ms' where id = $1", expired)

    assert await sweep(database_url) == 1

    rows = await conn.fetch("select id, state, due_at <= now(), lease_until is null from webhook_events order by id")
    assert [tuple(row) for row in rows] == [(expired, "RETRYING", True, True), (running, "SENDING", True, False)]
    attempts = await conn.fetch("select webhook_event_id, error_kind from delivery_attempts order by 1")
    assert [tuple(row) for row in attempts] == [(expired, "UNKNOWN_OUTCOME"), (running, None)]
    assert await sweep(database_url) == 0


async def test_expired_lease_of_a_disabled_webhook_is_held(conn: asyncpg.Connection, database_url: str) -> None:
    await create_due_events(conn, await create_subscription(conn, URL))
    await claim(conn)
    await conn.execute("update webhook_events set lease_until = now() - interval '1 ms'")
    await conn.execute("update webhooks set is_enabled = false")

    assert await sweep(database_url) == 1

    row = await conn.fetchrow("select state, due_at from webhook_events")
    assert row is not None
    assert tuple(row) == ("HELD", None)


async def test_time_alone_disables_no_webhook(conn: asyncpg.Connection, database_url: str) -> None:
    webhook = await create_subscription(conn, URL, is_failing=True)
    await conn.execute("update webhooks set failing_since = now() - interval '20 days'")
    await create_due_events(conn, webhook)

    await sweep(database_url)

    assert await conn.fetchval("select is_enabled from webhooks")
    assert await conn.fetchval("select state from webhook_events") == "PENDING"


async def test_event_published_while_its_webhook_was_being_disabled_is_held(
    conn: asyncpg.Connection, database_url: str
) -> None:
    disabled = await create_subscription(conn, URL, is_enabled=False)
    enabled = await create_subscription(conn, URL)
    for webhook in (disabled, enabled):
        await create_due_events(conn, webhook)

    await sweep(database_url)

    assert [row[0] for row in await conn.fetch("select state from webhook_events order by id")] == ["HELD", "PENDING"]


async def test_a_backlog_of_any_size_is_held_released_and_cancelled_part_by_part(
    conn: asyncpg.Connection, database_url: str
) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook, MAX_AT_ONCE + 1)
    states = []

    async def look() -> None:
        rows = await conn.fetch("select state, count(*) from webhook_events group by state order by state")
        states.append({row["state"]: row["count"] for row in rows})

    async with conn.transaction():
        await webhook_outages.disable_webhook(conn, webhook.id, "By hand.")
    await look()
    assert await deliveries.claim_due(conn, limit=9, per_webhook=9, after=0, failing_share=9, lease_s=60) == []
    await sweep(database_url)
    await look()
    await conn.execute("update webhooks set is_enabled = true")
    for _ in range(2):
        await sweep(database_url)
        await look()
    await conn.execute("update webhooks set is_enabled = false, deleted_at = now()")
    for _ in range(2):
        await sweep(database_url)
        await look()

    whole = MAX_AT_ONCE + 1
    assert states == [
        {"HELD": MAX_AT_ONCE, "PENDING": 1},
        {"HELD": whole},
        {"HELD": 1, "PENDING": MAX_AT_ONCE},
        {"PENDING": whole},
        {"CANCELLED": MAX_AT_ONCE, "PENDING": 1},
        {"CANCELLED": whole},
    ]


async def test_figures_tell_of_webhooks_that_do_not_work_and_of_held_events(
    conn: asyncpg.Connection, database_url: str
) -> None:
    settings = settings_for(database_url).model_copy(update={"metrics_port": 1})
    failing = await create_subscription(conn, URL, is_failing=True)
    await conn.execute("update webhooks set failing_since = now() where id = $1", failing.id)
    disabled = await create_subscription(conn, URL, is_enabled=False)
    await create_due_events(conn, disabled, 3, state="HELD")

    async with open_resources(settings) as resources:
        await sweep_all(resources)
        told = figures()
        await conn.execute("update webhooks set is_failing = false, failing_since = null")
        await sweep_all(resources)
        within_half_a_minute = figures()
        assert resources.counted_at is not None
        resources.counted_at -= COUNT_EVERY_S
        await sweep_all(resources)

    assert told == within_half_a_minute == {"FAILING": 1, "DISABLED": 1, "BROKEN": 0, "held": 3}
    assert figures() == {"FAILING": 0, "DISABLED": 1, "BROKEN": 0, "held": 3}


def figures() -> dict[str, float | None]:
    found = {
        health: REGISTRY.get_sample_value("tellgraph_webhooks", {"health": health})
        for health in ("FAILING", "DISABLED", "BROKEN")
    }
    return {**found, "held": REGISTRY.get_sample_value("tellgraph_webhook_events_held")}
