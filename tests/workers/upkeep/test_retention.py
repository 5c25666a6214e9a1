"""Retention: partitions are made ahead and dropped when they are old; nothing that is still needed goes with them."""

import asyncio
from datetime import date, timedelta
from itertools import pairwise

import asyncpg

from app.webhooks.db import deliveries, retention
from app.webhooks.db.webhooks import Webhook
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.support.platform import settings_for
from workers.resources import Resources, open_resources
from workers.upkeep.retention import apply_retention, apply_retention_as_of

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"
#: Of audit entries without those of webhooks that a test inserts.
HISTORY = (
    "change_events",
    "delivery_attempts",
    "webhook_events",
    "payloads",
    "audit_entries where action = 'webhookTest'",
)


async def create_past(conn: Conn, webhook: Webhook, day: date, *, state: str = "DELIVERED") -> int:
    """One event of that day with its change event, attempt and payload; its id."""
    event_id: int = await conn.fetchval(
        """
        with at as (select $2::date + time '12:00' at time zone 'UTC' as at),
        changed as (
          insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut, recorded_at,
            published_at)
          select 'Invoice', 1, 'UPDATE', '{}', '[]', false, at, at from at
        ), payload as (
          insert into payloads (digest, day, body) values (sha256($4::text::bytea), $2, $4::text::bytea)
          on conflict do nothing
        ), event as (
          insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, payload_digest, changed,
            changed_at, created_at, finished_at, attempt_count)
          select $1, 'Invoice', 1, 'update', $3, sha256($4::text::bytea), '{}', at, at,
            case when $3 <> 'HELD' then at end, 1 from at returning id, created_at
        ), audited as (
          insert into audit_entries (recorded_at, actor, action, fields, changes)
          select at, 'operator', 'webhookTest', '{}', '[]' from at
        ), attempt as (
          insert into delivery_attempts (webhook_id, webhook_event_id, number, started_at, finished_at)
          select $1, id, 1, created_at, created_at from event
        ) select id from event
        """,
        webhook.id,
        day,
        state,
        f"of {day}",
    )
    return event_id


async def counts(conn: Conn) -> list[int]:
    return [await conn.fetchval(f"select count(*) from {table}") for table in HISTORY]


async def ids(conn: Conn) -> list[int]:
    return [row["id"] for row in await conn.fetch("select id from webhook_events order by id")]


async def add_partitions(conn: Conn, since: date, until: date) -> None:
    """As if they had been made in time."""
    for table in retention.HISTORIES:
        await conn.execute("select add_partition($1, $2, $3)", table, since, until)


async def test_old_history_goes_with_its_partitions(conn: Conn, resources: Resources, today: date) -> None:
    webhook = await create_subscription(conn, URL)
    old, kept = today - timedelta(days=34), today - timedelta(days=31)
    await add_partitions(conn, old, kept)
    await add_partitions(conn, kept, kept + timedelta(days=3))
    await create_past(conn, webhook, old)
    await create_past(conn, webhook, kept - timedelta(days=1))
    young = await create_past(conn, webhook, kept + timedelta(days=1))
    now = await create_past(conn, webhook, today)

    await apply_retention(resources)

    assert await ids(conn) == [young, now]
    assert await counts(conn) == [2] * 5
    names = {partition.name for partition in await retention.list_partitions(conn)}
    assert f"webhook_events_closed_{old:%Y%m%d}" not in names
    assert f"payloads_{old:%Y%m%d}" not in names
    assert f"payloads_{kept:%Y%m%d}" in names


async def test_partitions_are_made_ahead_with_the_same_bounds(conn: Conn, resources: Resources, today: date) -> None:
    before = await retention.list_partitions(conn)
    await apply_retention_as_of(resources, today + timedelta(days=8))

    made = await retention.list_partitions(conn)

    bounds = {table: [(one.since, one.until) for one in made if one.table == table] for table in retention.HISTORIES}
    assert len({tuple(of_table) for of_table in bounds.values()}) == 1
    of_events = bounds["webhook_events_closed"]
    last = max(one.until for one in before)
    assert all(until == since for (_, until), (since, _) in pairwise(of_events))
    assert last < of_events[-1][0]
    assert of_events[-1][1] >= today + timedelta(days=8 + retention.AHEAD_DAYS)
    assert {(until - since).days for since, until in of_events} == {3}


async def test_a_run_that_has_nothing_to_do_changes_nothing(conn: Conn, resources: Resources) -> None:
    await create_past(conn, await create_subscription(conn, URL), date(2026, 1, 1), state="HELD")
    before = await retention.list_partitions(conn)

    await apply_retention(resources)
    await apply_retention(resources)

    assert await retention.list_partitions(conn) == before


async def test_after_missed_weeks_rows_are_in_the_default_and_later_ones_are_not(
    conn: Conn, resources: Resources, today: date
) -> None:
    webhook = await create_subscription(conn, URL)
    later = max(one.until for one in await retention.list_partitions(conn)) + timedelta(days=25)
    await create_past(conn, webhook, later)

    await apply_retention_as_of(resources, later)
    await create_past(conn, webhook, later + timedelta(days=1))

    places = await conn.fetch("select tableoid::regclass::text as place from webhook_events order by id")
    assert [row["place"] for row in places] == [
        "webhook_events_closed_default",
        f"webhook_events_closed_{later + timedelta(days=1):%Y%m%d}",
    ]


async def test_old_rows_of_the_default_partitions_are_deleted(conn: Conn, resources: Resources, today: date) -> None:
    webhook = await create_subscription(conn, URL)
    for days in (400, 60, 31):
        await create_past(conn, webhook, today - timedelta(days=days))
    young = await create_past(conn, webhook, today - timedelta(days=30))

    await apply_retention(resources)

    assert await ids(conn) == [young]
    assert await counts(conn) == [1] * 5


async def test_what_is_open_keeps_its_payload_however_old(conn: Conn, resources: Resources, today: date) -> None:
    webhook = await create_subscription(conn, URL)
    old = today - timedelta(days=60)
    await add_partitions(conn, old, old + timedelta(days=3))
    held = await create_past(conn, webhook, old + timedelta(days=1), state="HELD")
    delivered = await create_past(conn, webhook, old + timedelta(days=2))
    in_default = await create_past(conn, webhook, today - timedelta(days=90), state="HELD")

    await apply_retention(resources)

    assert await ids(conn) == [held, in_default]
    assert delivered not in await ids(conn)
    payloads = await conn.fetch("select convert_from(body, 'UTF8') as body from payloads order by day")
    assert [row["body"] for row in payloads] == [
        f"of {today - timedelta(days=90)}", f"of {old + timedelta(days=1)}", f"of {old + timedelta(days=2)}",
    ]  # fmt: skip


async def test_what_was_open_for_long_stays_as_long_again_and_then_goes_with_its_payload(
    conn: Conn, resources: Resources, today: date
) -> None:
    webhook = await create_subscription(conn, URL)
    old = today - timedelta(days=60)
    await add_partitions(conn, old, old + timedelta(days=3))
    held = await create_past(conn, webhook, old, state="HELD")
    await apply_retention(resources)
    await conn.execute("update webhook_events set state = 'DELIVERED', finished_at = now()")

    await apply_retention(resources)
    soon = await ids(conn), await conn.fetchval("select count(*) from payloads")
    await apply_retention_as_of(resources, today + timedelta(days=32))
    await apply_retention_as_of(resources, today + timedelta(days=32))

    assert soon == ([held], 1)
    assert (await ids(conn), await conn.fetchval("select count(*) from payloads")) == ([], 0)


async def test_partition_with_an_event_that_waits_to_be_rendered_again_is_spared(
    conn: Conn, resources: Resources, today: date
) -> None:
    webhook, deleted = await create_subscription(conn, URL), await create_subscription(conn, URL)
    await conn.execute("update webhooks set is_enabled = false, deleted_at = now() where id = $1", deleted.id)
    old = today - timedelta(days=60)
    await add_partitions(conn, old, old + timedelta(days=3))
    await add_partitions(conn, old + timedelta(days=3), old + timedelta(days=6))
    waiting = await create_past(conn, webhook, old, state="RENDER_FAILED")
    beside = await create_past(conn, webhook, old + timedelta(days=1))
    await create_past(conn, webhook, old + timedelta(days=4), state="RENDER_FAILED")
    forlorn = await create_past(conn, deleted, old + timedelta(days=4), state="RENDER_FAILED")
    await conn.execute("update webhook_events set due_at = now() where id = any($1)", [waiting, forlorn])

    await apply_retention(resources)
    meanwhile = await ids(conn)
    await conn.execute("update webhook_events set due_at = null where id = $1", waiting)
    await apply_retention(resources)

    assert meanwhile == [waiting, beside]
    assert await ids(conn) == []


async def test_zero_days_keep_everything(conn: Conn, database_url: str, today: date) -> None:
    webhook = await create_subscription(conn, URL)
    old = await create_past(conn, webhook, today - timedelta(days=3000))

    async with open_resources(settings_for(database_url, retention_days=0)) as keeping:
        await apply_retention(keeping)

    assert await ids(conn) == [old]
    assert await counts(conn) == [1] * 5


async def test_a_partition_in_use_is_left_for_the_next_run(
    conn: Conn, database_url: str, resources: Resources, today: date
) -> None:
    old = today - timedelta(days=40)
    await add_partitions(conn, old, old + timedelta(days=3))
    await create_past(conn, await create_subscription(conn, URL), old)
    reader = await asyncpg.connect(database_url)

    async with reader.transaction():
        await reader.fetch("select * from webhook_events where state = 'DELIVERED'")
        await apply_retention(resources)
        while_in_use = await counts(conn)
    await apply_retention(resources)
    await reader.close()

    # What nobody looked at has gone; the payload waits for its event.
    assert while_in_use == [0, 0, 1, 1, 0]
    assert await counts(conn) == [0] * 5


async def test_work_goes_on_while_partitions_come_and_go(
    conn: Conn, database_url: str, resources: Resources, today: date
) -> None:
    webhook = await create_subscription(conn, URL)
    for days in range(100, 40, -3):
        await add_partitions(conn, today - timedelta(days=days), today - timedelta(days=days - 3))
        await create_past(conn, webhook, today - timedelta(days=days))
    stop = asyncio.Event()

    async def deliver(entity_id: int) -> int:
        own, done = await asyncpg.connect(database_url), 0
        while not stop.is_set():
            await create_due_events(own, webhook, 5, first_entity=entity_id)
            async with own.transaction():
                due = await deliveries.claim_due(own, limit=5, per_webhook=200, after=0, failing_share=10, lease_s=60)
            async with own.transaction():
                done += len((await deliveries.record_results(own, [result_of(one) for one in due])).ids)
        await own.close()
        return done

    working = [asyncio.create_task(deliver(1000 * n)) for n in (1, 2)]
    await apply_retention(resources)
    await apply_retention_as_of(resources, today + timedelta(days=8))
    stop.set()
    done = sum(await asyncio.gather(*working))

    assert done == await conn.fetchval("select count(*) from webhook_events where state = 'DELIVERED'") > 0
    assert await conn.fetchval("select count(*) from webhook_events where created_at < now() - interval '30 d'") == 0
    assert await conn.fetchval("select count(*) from payloads where day < current_date - 30") == 0


async def test_one_worker_at_a_time(conn: Conn, resources: Resources, today: date) -> None:
    await create_past(conn, await create_subscription(conn, URL), today - timedelta(days=40))

    async with conn.transaction():
        assert await retention.try_lock(conn)
        await apply_retention(resources)
        meanwhile = await counts(conn)
    await apply_retention(resources)

    assert (meanwhile, await counts(conn)) == ([1] * 5, [0] * 5)
