"""`claim_webhook_events` for one webhook whose receivers take its messages, and for all the others."""

import asyncio
from typing import Any

import asyncpg
import orjson
import pytest

from app.auth.db.api_keys import ApiKeyId
from app.capture.change_events import work_waits
from app.db.pool import Connection
from app.webhooks.db.deliveries import DueEvent, Taker, claim_due
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookDelivery
from tests.builders.deliveries import (
    claim_all,
    create_due_events,
    create_pulled_subscription,
    create_subscription,
)
from tests.support.waiting import until

TAKER = Taker(key_id=ApiKeyId(7), key_name="till", address="192.0.2.1")


async def _take(conn: Connection, webhook_id: WebhookId, limit: int = 99) -> list[DueEvent]:
    return await claim_due(
        conn,
        limit=limit,
        per_webhook=limit,
        after=0,
        failing_share=limit,
        lease_s=20,
        pulled=webhook_id,
        taker=TAKER,
    )


async def test_workers_claim_nothing_of_a_pulled_webhook(conn: Connection) -> None:
    pulled, pushed = await create_pulled_subscription(conn), await create_subscription(conn, "https://example.com/")
    await create_due_events(conn, pulled, 2)
    assert not (await work_waits(conn)).deliver
    await create_due_events(conn, pushed, 1)

    assert [one.webhook_id for one in await claim_all(conn)] == [pushed.id]


async def test_taker_claims_of_its_webhook_alone(conn: Connection) -> None:
    pulled, other = await create_pulled_subscription(conn), await create_pulled_subscription(conn)
    ids = await create_due_events(conn, pulled, 3)
    await create_due_events(conn, other, 3)

    taken = await _take(conn, pulled.id, limit=2)

    assert [one.id for one in taken] == ids[:2]
    assert [one.url for one in taken] == [None, None]
    attempts = await conn.fetch("select api_key_id, api_key_name, address from delivery_attempts")
    assert [tuple(row) for row in attempts] == [tuple(TAKER)] * 2
    # The time limit of a POST, 15 s, and the 2 s after it do not count.
    leases = await conn.fetch(
        "select lease_until, (lease_until - attempted_at) between interval '19 s' and interval '20 s' as is_asked_for"
        " from webhook_events where state = 'SENDING' order by id"
    )
    assert [(one.lease_until, True) for one in taken] == [tuple(row) for row in leases]


async def test_limit_of_a_pulled_webhook_counts_what_is_taken(conn: Connection) -> None:
    pulled = await create_pulled_subscription(conn, concurrent_send_limit=1000)
    await create_due_events(conn, pulled, 1100)

    assert len(await _take(conn, pulled.id, limit=600)) == 600
    assert len(await _take(conn, pulled.id, limit=600)) == 400
    assert await _take(conn, pulled.id) == []


@pytest.mark.parametrize("limits", [{"concurrent_send_limit": 1001}, {"url": "https://example.com/"}])
async def test_table_refuses_what_does_not_fit_the_delivery(conn: Connection, limits: dict[str, Any]) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await create_subscription(conn, **{"url": None, "delivery": WebhookDelivery.PULL, **limits})


async def test_events_are_kept_apart_by_a_foreign_key(conn: Connection) -> None:
    pushed = await create_subscription(conn, "https://example.com/")
    (event,) = await create_due_events(conn, pushed)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await conn.execute("update webhook_events_open set is_pulled = true where id = $1", event)


async def test_whoever_waits_is_told_of_what_may_be_taken(conn: Connection, database_url: str) -> None:
    """Of a new event, and of one that has left the queue; of no event that is POSTed, and of no claim."""
    heard: list[str] = []
    listener, writer = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    await listener.add_listener("tellgraph_messages", lambda *args: heard.append(str(args[-1])))

    async def wait_for(count: int) -> None:
        async def has_heard() -> bool:
            await writer.execute("notify tellgraph_messages, 'end'")
            return len([one for one in heard if one != "end"]) >= count and "end" in heard

        await until(has_heard)

    try:
        pulled, pushed = (
            await create_pulled_subscription(writer),
            await create_subscription(writer, "https://example.com/"),
        )
        await create_due_events(writer, pushed, 2)
        assert len(await claim_all(writer)) == 2
        await create_due_events(writer, pulled, 2)
        await wait_for(1)
        assert len(await _take(writer, pulled.id)) == 2
        await writer.execute("update webhook_events set state = 'DELIVERED' where is_pulled")
        await wait_for(2)
        assert [one for one in heard if one != "end"] == [str(pulled.id)] * 2
    finally:
        await asyncio.gather(listener.close(), writer.close())


async def test_many_pending_messages_slow_no_claim_of_others(conn: Connection) -> None:
    """Neither the claim of what is POSTed nor the look at what waits reads them."""
    pulled, pushed = await create_pulled_subscription(conn), await create_subscription(conn, "https://example.com/")
    await create_due_events(conn, pulled, 20_000)
    await create_due_events(conn, pushed, 1)

    read = 0
    for _ in range(3):
        plan = await conn.fetchval(
            "explain (analyze, buffers, format json) select * from claim_webhook_events(99, 99, 0, 9, 60)"
        )
        root = orjson.loads(plan)[0]["Plan"]
        read = root["Shared Hit Blocks"] + root["Shared Read Blocks"]

    assert read < 300
    assert not (await work_waits(conn)).deliver
