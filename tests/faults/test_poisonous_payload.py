"""An endpoint that answers 500 to one payload and 200 to all others: the next state of the entity goes out at once."""

import asyncio
import time

import asyncpg
import pytest
from aiohttp import web

from tests.builders.deliveries import create_subscription
from tests.builders.variants import create_variant
from tests.support.load import IS_LONG, QUERY, tell
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process

pytestmark = pytest.mark.faults

VARIANTS = 100 if IS_LONG else 10
POISON, NEXT = 13, 14
#: From the failed attempt's answer to the POST of the next state.
NEXT_WITHIN_S = 1.0 if IS_LONG else 3.0


async def test_a_state_that_waits_behind_a_failing_one_goes_out_when_the_attempt_has_failed(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    failed_at: dict[str, float] = {}
    waited_s: list[float] = []
    published = asyncio.Event()

    async def answer(delivery: Delivery) -> web.StreamResponse:
        entity, count = delivery.json["entity"]["id"], delivery.data["node"]["countOnHand"]
        if count == POISON:
            # In flight until the next state waits behind it.
            await published.wait()
            failed_at[entity] = time.monotonic()
            return web.Response(status=500)
        waited_s.append(time.monotonic() - failed_at[entity])
        return web.Response()

    receiver.answering = answer
    conn = await asyncpg.connect(database_url)
    await create_subscription(conn, receiver.url(), type="VARIANT", query_string=QUERY, timeout_s=15)
    for _ in range(VARIANTS):
        await create_variant(conn)
    await conn.execute("update change_events set published_at = now()")
    with (
        worker_process(database_url, redis_url) as one,
        worker_process(database_url, redis_url) as other,
    ):
        await asyncio.gather(started(one), started(other))
        await conn.execute("update variants set count_on_hand = $1", POISON)
        await receiver.wait_for(count=VARIANTS)
        await conn.execute("update variants set count_on_hand = $1", NEXT)
        waiting = "select count(*) = $1 from webhook_events where state = 'PENDING'"
        await until(lambda: conn.fetchval(waiting, VARIANTS))
        published.set()
        await receiver.wait_for(lambda one: one.data["node"]["countOnHand"] == NEXT, count=VARIANTS)
        await until(
            lambda: conn.fetchval("select count(*) = $1 from webhook_events where state = 'DELIVERED'", VARIANTS)
        )
        states = await conn.fetch("select state, attempt_count, count(*) from webhook_events group by 1, 2 order by 1")

    tell("behind a poisonous payload", longest_s=max(waited_s), posts=len(receiver.deliveries))
    assert [tuple(row) for row in states] == [("DELIVERED", 1, VARIANTS), ("SUPERSEDED", 1, VARIANTS)]
    assert len(receiver.deliveries) == 2 * VARIANTS
    assert max(waited_s) <= NEXT_WITHIN_S
    await conn.close()
