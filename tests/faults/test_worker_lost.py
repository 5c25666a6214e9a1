"""Workers that are killed, or told to stop, while they deliver. TELLGRAPH_LONG_FAULTS=1 runs the long form."""

import asyncio
import time

import asyncpg
import pytest
from aiohttp import web
from redis.asyncio import Redis

from app.webhooks.jobs import QUEUE
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.load import IS_LONG, create_load, tell
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process

pytestmark = pytest.mark.faults

KILLS = 40 if IS_LONG else 5
SEEDS = range(5) if IS_LONG else range(1)


class Gate:
    """Answers nothing until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def answer(self, _: Delivery) -> web.StreamResponse:
        await self.opened.wait()
        return web.Response()


@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_again_and_again_loses_nothing(
    database_url: str, redis_url: str, receiver: Receiver, seed: int
) -> None:
    load = await create_load(database_url, receiver, seed=seed)

    async def answer_after_a_while(_: Delivery) -> web.StreamResponse:
        await asyncio.sleep(load.chance.uniform(0, 0.03))
        return web.Response()

    receiver.answering = answer_after_a_while
    with worker_process(database_url, redis_url, deliver_lease_s=2) as worker:
        await started(worker)
        writing = asyncio.create_task(load.write())
        for _ in range(KILLS):
            # In the midst of its work, wherever that is then: it claims, sends and records all the time.
            await receiver.wait_for(count=len(receiver.deliveries) + load.chance.randint(1, 20))
            await asyncio.sleep(load.chance.uniform(0, 0.03))
            worker.kill()
            await started(worker)
        load.stopped = True
        await writing
        recovery_s = await load.arrive()
        status = await worker.stop()

    duplicates = await load.check_duplicates()
    tell("killed", kills=KILLS, recovery_s=recovery_s, duplicates=duplicates, posts=len(receiver.deliveries))
    assert status == 0
    assert load.written > KILLS


async def test_jobs_that_killed_workers_left_keep_nobody_from_what_is_asked_for_since(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    load = await create_load(database_url, receiver, seed=12)
    async with Redis.from_url(redis_url) as redis:
        left = [f"left-{number}" for number in range(150)]
        await redis.zadd(QUEUE, dict.fromkeys(left, (time.time() - 60) * 1000))
        await redis.mset({f"arq:in-progress:{job}": 1 for job in left})

    with worker_process(database_url, redis_url) as worker:
        await started(worker)
        await load.write(1)
        await load.arrive()
        assert await worker.stop() == 0


async def test_second_worker_takes_over_what_a_killed_one_had_in_flight(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    gate = Gate()
    receiver.answering = gate.answer
    conn = await asyncpg.connect(database_url)
    webhook = await create_subscription(conn, receiver.url(), timeout_s=1)
    with worker_process(database_url, redis_url, deliver_lease_s=2) as killed:
        await started(killed)
        await create_due_events(conn, webhook, 20)
        await receiver.wait_for(count=20)
        killed.kill()
    gate.opened.set()

    with worker_process(database_url, redis_url) as other:
        await started(other)
        await receiver.wait_for(count=40)
        await until(lambda: conn.fetchval("select count(*) = 20 from webhook_events where state = 'DELIVERED'"))

    attempts = await conn.fetch(
        "select number, status, error_kind, count(*) from delivery_attempts group by 1, 2, 3 order by 1"
    )
    assert [tuple(row) for row in attempts] == [(1, None, "UNKNOWN_OUTCOME", 20), (2, 200, None, 20)]
    assert len({one.headers["webhook-id"] for one in receiver.deliveries}) == 20
    assert len(receiver.deliveries) == 40
    await conn.close()


async def test_told_to_stop_records_what_is_in_flight_and_claims_no_more(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    gate = Gate()
    receiver.answering = gate.answer
    conn = await asyncpg.connect(database_url)
    webhook = await create_subscription(conn, receiver.url(), concurrent_send_limit=100)
    with worker_process(database_url, redis_url) as worker:
        await started(worker)
        await create_due_events(conn, webhook, 130)
        await receiver.wait_for(count=100)
        stopping = asyncio.create_task(worker.stop())
        (said,) = await worker.wait_for("worker.stopping")
        gate.opened.set()
        status = await stopping
        assert len(worker.lines("worker.stopped")) == 1

    assert (status, said["posts"]) == (0, 100)
    states = await conn.fetch("select state, count(*) from webhook_events group by 1 order by 1")
    assert [tuple(row) for row in states] == [("DELIVERED", 100), ("PENDING", 30)]
    assert len(receiver.deliveries) == len({one.headers["webhook-id"] for one in receiver.deliveries}) == 100
    await conn.close()


async def test_stopped_with_posts_that_do_not_end_hands_them_over_at_once(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    gate = Gate()
    receiver.answering = gate.answer
    conn = await asyncpg.connect(database_url)
    webhook = await create_subscription(conn, receiver.url(), timeout_s=30, max_retries=0)
    with worker_process(database_url, redis_url, shutdown_grace_s=0.5) as worker:
        await started(worker)
        async with conn.transaction():
            *_, last = await create_due_events(conn, webhook, 11)
            await conn.execute("update webhook_events set event_name = 'test' where id = $1", last)
        await receiver.wait_for(count=11)
        status = await worker.stop(within_s=20)

    attempts = await conn.fetch(
        "select error_kind, finished_at is not null, count(*) from delivery_attempts group by 1, 2 order by 1"
    )
    states = await conn.fetch(
        "select state, due_at < now() + interval '1 s', attempt_count - attempts_before, count(*)"
        " from webhook_events group by 1, 2, 3 order by 1"
    )
    gate.opened.set()
    assert status == 0
    # What people try out is tried once; all else goes out again, and it counts against nothing.
    assert [tuple(row) for row in attempts] == [("CANCELLED", True, 10), ("INTERNAL", True, 1)]
    assert [tuple(row) for row in states] == [("FAILED", None, 1, 1), ("RETRYING", True, 0, 10)]
    assert await conn.fetchval("select not is_failing and failing_since is null from webhooks")
    await conn.close()


async def test_late_record_of_an_expired_lease_changes_nothing(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    gate = Gate()
    receiver.answering = gate.answer
    conn = await asyncpg.connect(database_url)
    webhook = await create_subscription(conn, receiver.url(), timeout_s=30, max_retries=0)
    with worker_process(database_url, redis_url) as worker:
        await started(worker)
        await create_due_events(conn, webhook)
        await receiver.wait_for()
        # As if another worker's sweep had found the lease expired: the second attempt is then in flight, too.
        await conn.execute("update webhook_events set lease_until = now() - interval '1 s'")
        await receiver.wait_for(count=2)
        gate.opened.set()
        await until(lambda: conn.fetchval("select state = 'DELIVERED' from webhook_events"))
        await worker.stop()

    attempts = await conn.fetch("select number, status, error_kind from delivery_attempts order by number")
    assert [tuple(row) for row in attempts] == [(1, None, "UNKNOWN_OUTCOME"), (2, 200, None)]
    assert await conn.fetchval("select attempt_count from webhook_events") == 2
    await conn.close()
