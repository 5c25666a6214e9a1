"""A worker whose clock is ten minutes off, beside one whose clock is right: what is stored takes PostgreSQL's time.

What a subscriber sees of it: `webhook-timestamp` is the worker's, so one that allows five minutes, as verifiers do,
refuses what such a worker sends. The attempt fails like any other, and the next may be another worker's.
"""

import asyncio
import time

import asyncpg
import pytest
from aiohttp import web

from app.db.pool import retry_if_moved
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.load import create_load, tell
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process

pytestmark = pytest.mark.faults

TEN_MINUTES_S = 600


@pytest.mark.parametrize("off_s", [TEN_MINUTES_S, -TEN_MINUTES_S])
async def test_clock_that_is_off_loses_nothing_and_sends_nothing_twice(
    database_url: str, redis_url: str, receiver: Receiver, off_s: int
) -> None:
    load = await create_load(database_url, receiver, seed=8)
    with (
        worker_process(database_url, redis_url, clock_is_off_s=off_s) as wrong,
        worker_process(database_url, redis_url) as right,
    ):
        await asyncio.gather(started(wrong), started(right))
        await load.write(60)
        recovery_s = await load.arrive()
        # Alone, it must hear of what happens by itself.
        assert await right.stop() == 0
        await load.write(20)
        await load.arrive()
        assert await wrong.stop() == 0

    duplicates = await load.check_duplicates()
    shifts = {round((int(one.headers["webhook-timestamp"]) - time.time()) / 60) for one in receiver.deliveries}
    tell(f"clock off by {off_s} s", recovery_s=recovery_s, duplicates=duplicates, posts=len(receiver.deliveries))
    assert duplicates == 0
    assert round(off_s / 60) in shifts


@pytest.mark.parametrize("by_s", [TEN_MINUTES_S, -TEN_MINUTES_S])
async def test_clock_that_is_set_while_a_worker_works_delays_nothing(
    database_url: str, redis_url: str, receiver: Receiver, by_s: int
) -> None:
    load = await create_load(database_url, receiver, seed=9)
    conn = await asyncpg.connect(database_url)
    with worker_process(database_url, redis_url, clock_is_set_s=by_s) as worker:
        await started(worker)
        writing = asyncio.create_task(load.write(100))
        await receiver.wait_for(count=10)
        worker.set_clock()
        await worker.wait_for("worker.clock_set")
        await writing
        recovery_s = await load.arrive()
        # What a killed worker had in flight is found by the sweep alone, which goes by the clock.
        await create_due_events(conn, await create_subscription(conn, receiver.url("/lost")), state="SENDING")
        over = "update webhook_events set lease_until = now() where state = 'SENDING'"
        await retry_if_moved(conn, lambda: conn.execute(over))
        await receiver.wait_for(lambda one: one.path == "/lost")
        assert await worker.stop() == 0

    duplicates = await load.check_duplicates()
    tell(f"clock set by {by_s} s", recovery_s=recovery_s, duplicates=duplicates, posts=len(receiver.deliveries))
    await conn.close()


async def test_retries_and_leases_keep_to_the_servers_clock(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    conn = await asyncpg.connect(database_url)
    webhook = await create_subscription(conn, receiver.url(), timeout_s=30)
    came: list[float] = []

    async def answer(_: Delivery) -> web.StreamResponse:
        came.append(time.monotonic())
        if len(came) == 3:
            # In flight while a sweep looks for leases that have expired.
            await asyncio.sleep(6)
        return web.Response(status=500 if len(came) <= 2 else 200)

    receiver.answering = answer
    with (
        worker_process(database_url, redis_url, clock_is_off_s=TEN_MINUTES_S) as ahead,
        worker_process(database_url, redis_url, clock_is_off_s=-TEN_MINUTES_S) as behind,
    ):
        await asyncio.gather(started(ahead), started(behind))
        await create_due_events(conn, webhook)
        await until(lambda: conn.fetchval("select bool_and(state = 'DELIVERED') from webhook_events"))

    # After 5 s, give or take a fifth; by a clock that is ten minutes behind it would not have come within the deadline.
    assert came[2] - came[1] > 3.9
    attempts = await conn.fetch(
        "select number, status, abs(extract(epoch from clock_timestamp() - started_at)) < 60 as is_now"
        " from delivery_attempts order by number"
    )
    assert [tuple(row) for row in attempts] == [(1, 500, True), (2, 500, True), (3, 200, True)]
    await conn.close()
