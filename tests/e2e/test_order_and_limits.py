"""With several workers: one POST at a time for an entity, in order; limits hold."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import pytest
from aiohttp import web

from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_subscription, make_retries_due
from tests.builders.variants import create_variant
from tests.support.platform import Platform, running_platform, running_worker, settings_for
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process

QUERY = "query($id: ID!) { node(id: $id) { ... on Variant { countOnHand } } }"
_SETTLED = "select not exists (select from webhook_events where state in ('PENDING', 'SENDING', 'RETRYING'))"
_PUBLISHED = "select not exists (select from change_events where published_at is null)"


@pytest.fixture
async def two_workers(database_url: str, redis_url: str) -> AsyncIterator[Platform]:
    """API and a worker in this process, and a second worker in one of its own."""
    with worker_process(database_url, redis_url) as second:
        async with running_platform(settings_for(database_url, redis_url)) as platform:
            await started(second)
            yield platform


@dataclass(slots=True)
class Watch:
    """Count the POSTs in flight, in all and for each entity, while each is answered after a while."""

    answer_after_s: float
    failing_share: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    in_flight: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    overlaps: list[str] = field(default_factory=list)
    most: int = 0

    async def answer(self, delivery: Delivery) -> web.StreamResponse:
        entity = delivery.json["entity"]["id"]
        self.in_flight[entity] += 1
        if self.in_flight[entity] > 1:
            self.overlaps.append(entity)
        self.most = max(self.most, sum(self.in_flight.values()))
        await asyncio.sleep(self.answer_after_s)
        self.in_flight[entity] -= 1
        return web.Response(status=500 if self.chance.random() < self.failing_share else 200)


async def settle(conn: asyncpg.Connection) -> None:
    """Wait until everything is published and closed, making each retry due at once."""

    async def is_settled() -> bool:
        await make_retries_due(conn)
        return bool(await conn.fetchval(_PUBLISHED) and await conn.fetchval(_SETTLED))

    await until(is_settled)


async def test_entity_has_one_post_in_flight_and_its_sequences_rise(two_workers: Platform, receiver: Receiver) -> None:
    conn = two_workers.conn
    watch = Watch(answer_after_s=0.01, failing_share=0.2)
    receiver.answering = watch.answer
    variants = [(await create_variant(conn)).id for _ in range(4)]
    await two_workers.create_webhook(receiver.url(), QUERY, type="VARIANT", maxRetries=50)

    for number in range(300):
        await conn.execute("update variants set count_on_hand = $1 where id = $2", number + 100, variants[number % 4])
    await settle(conn)

    assert watch.overlaps == []
    last: dict[str, Delivery] = {}
    for delivery in receiver.deliveries:
        before = last.get(delivery.json["entity"]["id"])
        assert before is None or before.json["sequence"] <= delivery.json["sequence"]
        last[delivery.json["entity"]["id"]] = delivery
    present = {global_ids.encode("Variant", id): 396 + place for place, id in enumerate(variants)}
    assert {entity: one.data["node"]["countOnHand"] for entity, one in last.items()} == present
    attempts = await conn.fetchval("select count(*) from delivery_attempts")
    assert attempts == len(receiver.deliveries)


async def test_every_change_is_sent_in_order_when_asked_for(two_workers: Platform, receiver: Receiver) -> None:
    conn = two_workers.conn
    watch = Watch(answer_after_s=0.002, failing_share=0.2)
    receiver.answering = watch.answer
    await two_workers.create_webhook(receiver.url(), QUERY, type="VARIANT", everyChange=True, maxRetries=50)
    variant = await create_variant(conn)

    for number in range(40):
        await conn.execute("update variants set count_on_hand = $1 where id = $2", number + 100, variant.id)
    await settle(conn)

    sequences = list(dict.fromkeys(one.json["sequence"] for one in receiver.deliveries))
    assert watch.overlaps == []
    assert sequences == sorted(sequences)
    # The variant's creation, and 40 updates.
    assert await conn.fetchval("select count(*) from webhook_events where state = 'DELIVERED'") == 41
    assert len(sequences) == 41


async def test_concurrent_send_limit_holds_over_two_workers(two_workers: Platform, receiver: Receiver) -> None:
    watch = Watch(answer_after_s=0.02)
    receiver.answering = watch.answer
    webhook = await create_subscription(two_workers.conn, receiver.url(), concurrent_send_limit=5)

    await create_due_events(two_workers.conn, webhook, 200)

    await receiver.wait_for(count=200)
    await settle(two_workers.conn)
    assert watch.most == 5
    assert len({one.headers["webhook-id"] for one in receiver.deliveries}) == len(receiver.deliveries) == 200


async def test_failing_webhook_gets_the_small_share_until_it_recovers(
    two_workers: Platform, receiver: Receiver
) -> None:
    conn = two_workers.conn
    failing, recovered = Watch(answer_after_s=0.02, failing_share=1), Watch(answer_after_s=0.02)
    receiver.answering = failing.answer
    webhook = await create_subscription(conn, receiver.url(), is_failing=True, concurrent_send_limit=50, max_retries=0)

    await create_due_events(conn, webhook, 60)
    await receiver.wait_for(count=60)
    await settle(conn)
    receiver.answering = recovered.answer
    await create_due_events(conn, webhook, 200, first_entity=100)
    await receiver.wait_for(count=260)
    await settle(conn)

    assert failing.most == 10
    assert 10 < recovered.most <= 50
    assert await conn.fetchval("select not is_failing and failing_since is null from webhooks")


async def test_blocked_events_do_not_keep_a_worker_busy(database_url: str, redis_url: str, receiver: Receiver) -> None:
    conn = await asyncpg.connect(database_url)
    webhook = await create_subscription(conn, receiver.url(), concurrent_send_limit=1)
    gate = asyncio.Event()

    async def answer(_: Delivery) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    receiver.answering = answer
    with worker_process(database_url, redis_url) as worker:
        await started(worker)
        await create_due_events(conn, webhook, 50)
        await receiver.wait_for()
        before_s, begun = worker.cpu_s(), time.monotonic()
        # Long enough for some ten of its looks at the tables; what matters is the share of a core, not the time.
        await until(lambda: asyncio.sleep(0.1, time.monotonic() - begun > 3))
        busy = (worker.cpu_s() - before_s) / (time.monotonic() - begun)
        gate.set()
        await receiver.wait_for(count=50)

    assert busy < 0.25
    await conn.close()


async def test_two_workers_in_one_process_share_the_work(database_url: str, redis_url: str, receiver: Receiver) -> None:
    settings = settings_for(database_url, redis_url, deliver_max_in_flight=3)
    gate = asyncio.Event()

    async def answer(_: Delivery) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    receiver.answering = answer
    conn = await asyncpg.connect(database_url)
    webhook = await create_subscription(conn, receiver.url())

    async with running_worker(settings), running_worker(settings):
        await create_due_events(conn, webhook, 60)
        # Neither may have more than three in flight.
        await receiver.wait_for(count=6)
        in_flight = await conn.fetchval("select count(*) from webhook_events where state = 'SENDING'")
        gate.set()
        await receiver.wait_for(count=60)
        await settle(conn)

    assert in_flight == 6
    assert len({one.headers["webhook-id"] for one in receiver.deliveries}) == len(receiver.deliveries) == 60
    await conn.close()
