"""Retention of what grows besides the histories: keys, tokens, runs, operational events, and what was given."""

from datetime import date, timedelta

import asyncpg

from tests.builders.deliveries import create_due_events, create_subscription
from workers.resources import Resources
from workers.upkeep.retention import apply_retention, apply_retention_as_of

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"


async def test_what_was_given_outlives_its_event(conn: Conn, resources: Resources, today: date) -> None:
    webhook = await create_subscription(conn, URL)
    (event_id,) = await create_due_events(conn, webhook, state="DELIVERED")
    await conn.execute(
        "insert into webhook_given"
        " select webhook_id, entity_type, n, id, case n when 1 then 'update' else 'destroy' end, payload_digest"
        " from webhook_events cross join generate_series(1, 2) n"
    )

    await apply_retention_as_of(resources, today + timedelta(days=60))

    assert await conn.fetchval("select count(*) from webhook_events") == 0
    given = await conn.fetch("select entity_id, webhook_event_id, event_name from webhook_given")
    assert [tuple(row) for row in given] == [(1, event_id, "update")]


async def test_what_else_grows_has_an_end(conn: Conn, resources: Resources, today: date) -> None:
    webhook, deleted = await create_subscription(conn, URL), await create_subscription(conn, URL)
    await conn.execute("update webhooks set deleted_at = now() - interval '3 d' where id = $1", deleted.id)
    await conn.execute(
        """
        insert into idempotency_keys (actor, key, field, request_hash, created_at)
          select 'operator', n::text, 'f', '', now() - n * interval '3 d' from generate_series(0, 1) n;
        insert into webhook_tokens (webhook_id, tokens, refilled_at) select id, 1, now() from webhooks;
        insert into webhook_takers select id, now() from webhooks;
        insert into webhook_skips (webhook_id, reason, skipped) select id, 'So.', 1 from webhooks;
        insert into delivery_minutes select now() - n * interval '3 d', 0, 1, 1 from generate_series(0, 1) n;
        insert into webhook_given (webhook_id, entity_type, entity_id, webhook_event_id, event_name)
          select id, 'Invoice', 1, 1, 'update' from webhooks;
        insert into webhook_replays (webhook_id, state, states, finished_at)
          select 1, state, '{FAILED}', now() - interval '40 d' from unnest('{DONE,RUNNING}'::text[]) state;
        insert into webhook_backfills (webhook_id, state, rate_per_second, is_forced, finished_at)
          select 1, 'DONE', 1, false, now() - n * interval '40 d' from generate_series(0, 1) n;
        """
    )

    await apply_retention(resources)

    assert await conn.fetchval("select array_agg(key) from idempotency_keys") == ["0"]
    assert await conn.fetchval("select array_agg(webhook_id) from webhook_tokens") == [webhook.id]
    assert await conn.fetchval("select array_agg(webhook_id) from webhook_takers") == [webhook.id]
    assert await conn.fetchval("select array_agg(webhook_id) from webhook_skips") == [webhook.id]
    assert await conn.fetchval("select array_agg(minute > now() - interval '1 d') from delivery_minutes") == [True]
    assert await conn.fetchval("select array_agg(webhook_id) from webhook_given") == [webhook.id]
    assert await conn.fetchval("select array_agg(state) from webhook_replays") == ["RUNNING"]
    assert await conn.fetchval("select count(*) from webhook_backfills") == 1


async def test_operational_events_end_and_what_was_given_of_them(conn: Conn, resources: Resources, today: date) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook, state="DELIVERED")
    await conn.execute("update webhook_events set entity_type = 'OperationalEvent'")
    await conn.execute(
        "insert into webhook_given select webhook_id, entity_type, entity_id, id, 'create' from webhook_events"
    )
    await conn.execute(
        "insert into operational_events (webhook_id, kind, reason, occurred_at)"
        " select $1, 'FAILING', 'so', now() + n * interval '35 d' from generate_series(0, 1) n",
        webhook.id,
    )

    await apply_retention_as_of(resources, today + timedelta(days=60))

    assert await conn.fetchval("select count(*) from webhook_given") == 0
    assert [row["id"] for row in await conn.fetch("select id from operational_events")] == [2]
