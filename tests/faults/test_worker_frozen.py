"""A worker that is stopped in its claim, and goes on when the lease is over, sends nothing of what it claimed."""

from collections import defaultdict

import asyncpg
import pytest

from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.frozen import frozen_after_claim
from tests.support.receiver import Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process

pytestmark = pytest.mark.faults

ENTITIES = 20


async def test_worker_frozen_in_its_claim_sends_nothing_older_than_what_was_sent_meanwhile(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    conn = await asyncpg.connect(database_url)
    webhook = await create_subscription(conn, receiver.url(), timeout_s=1, concurrent_send_limit=50)
    settings = {"deliver_lease_s": 3}
    old: list[int] = []

    async def change() -> None:
        old.extend(await create_due_events(conn, webhook, ENTITIES))

    with worker_process(database_url, redis_url, **settings) as worker:
        await started(worker)
        async with frozen_after_claim(database_url, [worker], change):
            await until(lambda: conn.fetchval("select bool_and(state = 'SENDING') from webhook_events"))
            # Only now: it must not have claimed any of them first.
            with worker_process(database_url, redis_url, **settings) as other:
                await started(other)
                await receiver.wait_for(count=ENTITIES)
                new = await create_due_events(conn, webhook, ENTITIES)
                await receiver.wait_for(count=2 * ENTITIES)

                worker.thaw()
                dropped = await worker.wait_for("delivery.lease_over", ENTITIES)
                await other.stop()
        # What it claims from now on is sent.
        await create_due_events(conn, webhook, first_entity=1_000)
        await receiver.wait_for(count=2 * ENTITIES + 1)
        assert await worker.stop() == 0

    assert sorted(line["webhook_event_id"] for line in dropped) == old
    assert len(receiver.deliveries) == 2 * ENTITIES + 1
    sent = defaultdict(list)
    for delivery in receiver.deliveries[:-1]:
        sent[delivery.json["entity"]["id"]].append((delivery.json["sequence"], delivery.headers["tellgraph-attempt"]))
    assert sorted(sent.values()) == [[(first, "2"), (last, "1")] for first, last in zip(old, new, strict=True)]
    await conn.close()
