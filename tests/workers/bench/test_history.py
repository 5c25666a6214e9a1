"""The past that the bench makes is one that Tellgraph could have left."""

import asyncpg

from tests.builders.deliveries import create_subscription
from workers.bench.environment.history import create_history


async def test_past_is_whole_and_in_its_partitions(conn: asyncpg.Connection) -> None:
    webhook = await create_subscription(conn, "http://127.0.0.1:9/")

    await create_history(conn, events=3000, invoices=40)

    row = await conn.fetchrow(
        """
        select count(*) as events, count(distinct e.tableoid) as partitions, count(p.digest) as payloads,
          count(a.id) as attempts, max(e.created_at) < now() as is_past, max(e.webhook_id) as webhook_id,
          (select count(distinct tableoid) from change_events) as of_changes,
          (select count(*) from webhook_given) as given
        from webhook_events e
        left join payloads p on p.digest = e.payload_digest and p.day = (e.created_at at time zone 'UTC')::date
        left join delivery_attempts a on a.webhook_event_id = e.id and a.started_at = e.attempted_at
        """
    )
    assert row is not None
    assert dict(row) == {
        "events": 3000, "partitions": 10, "payloads": 3000, "attempts": 3000, "is_past": True,
        "webhook_id": webhook.id, "of_changes": 10, "given": 40,
    }  # fmt: skip
    assert await conn.fetchval("select count(*) from webhook_events_closed_default") == 0
