"""PostgreSQL and Redis that restart, forget or stay away under load. TELLGRAPH_LONG_FAULTS=1 runs the long form."""

import asyncio

import asyncpg
import pytest
from aiohttp import web
from redis.asyncio import Redis

from app.tools.embedded.server import StopMode
from tests.support.load import CHANGES, IS_LONG, Load, create_load, tell
from tests.support.receiver import Delivery, Receiver
from tests.support.servers import PrivateServers
from tests.support.waiting import DEADLINE_S
from tests.support.worker_process import WorkerProcess, started, worker_process

pytestmark = pytest.mark.faults

# The client of Redis tries for some 4.5 s; then arq's worker is made anew.
OUTAGES_S = (3, 6, 40) if IS_LONG else (3, 6)


async def finish(load: Load, worker: WorkerProcess, writing: asyncio.Task[None], what: str) -> int:
    """Wait for all that was written, stop the worker, and return how much was sent twice."""
    await writing
    recovery_s = await load.arrive(within_s=40)
    status = await worker.stop()
    duplicates = await load.check_duplicates()
    tell(what, recovery_s=recovery_s, duplicates=duplicates, posts=len(load.receiver.deliveries))
    assert status == 0
    assert "never retrieved" not in worker.read()
    assert "Warning" not in worker.read()
    return duplicates


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_restarted_postgresql_loses_nothing(
    private_servers: PrivateServers, receiver: Receiver, mode: StopMode
) -> None:
    load = await create_load(private_servers.database_url, receiver, seed=1)
    with worker_process(private_servers.database_url, private_servers.redis_url, deliver_lease_s=2) as worker:
        await started(worker)
        writing = asyncio.create_task(load.write())
        for _ in range(10 if IS_LONG else 2):
            await receiver.wait_for(count=len(receiver.deliveries) + 10)
            await asyncio.to_thread(private_servers.postgres.restart, mode)
        load.stopped = True
        await finish(load, worker, writing, f"PostgreSQL restarted, {mode}")


async def test_result_that_comes_while_postgresql_is_away_is_stored_and_nothing_sent_twice(
    private_servers: PrivateServers, receiver: Receiver
) -> None:
    load = await create_load(private_servers.database_url, receiver, seed=2, variants=1)
    answer, answered = asyncio.Event(), asyncio.Event()

    async def when_told(_: Delivery) -> web.StreamResponse:
        await answer.wait()
        answered.set()
        return web.Response()

    receiver.answering = when_told
    conn = await asyncpg.connect(private_servers.database_url)
    await conn.execute("update webhooks set timeout_s = 30")
    await conn.close()
    with worker_process(private_servers.database_url, private_servers.redis_url) as worker:
        await started(worker)
        await receiver.wait_for()
        await asyncio.to_thread(private_servers.postgres.stop, "fast")
        answer.set()
        await answered.wait()
        await worker.wait_for("delivery.record_failed", 3)
        await asyncio.to_thread(private_servers.postgres.start)
        duplicates = await finish(load, worker, asyncio.create_task(load.write(3)), "result while PostgreSQL was away")

    assert duplicates == 0


async def test_flushed_redis_loses_nothing(private_servers: PrivateServers, receiver: Receiver) -> None:
    load = await create_load(private_servers.database_url, receiver, seed=3)
    with worker_process(private_servers.database_url, private_servers.redis_url) as worker:
        await started(worker)
        writing = asyncio.create_task(load.write(CHANGES))
        async with Redis.from_url(private_servers.redis_url) as redis:
            while not writing.done():
                await redis.flushall()
                await asyncio.sleep(0.02)
        assert await finish(load, worker, writing, "Redis flushed") == 0


@pytest.mark.parametrize("outage_s", OUTAGES_S)
async def test_redis_away_loses_nothing_and_sends_nothing_twice(
    private_servers: PrivateServers, receiver: Receiver, outage_s: int
) -> None:
    load = await create_load(private_servers.database_url, receiver, seed=4)
    with worker_process(private_servers.database_url, private_servers.redis_url) as worker:
        await started(worker)
        writing = asyncio.create_task(load.write(CHANGES))
        await receiver.wait_for(count=10)
        await asyncio.to_thread(private_servers.redis.stop)
        await asyncio.sleep(outage_s)
        await asyncio.to_thread(private_servers.redis.start)
        assert await finish(load, worker, writing, f"Redis away for {outage_s} s") == 0


async def test_worker_waits_for_both_servers_at_its_start(private_servers: PrivateServers, receiver: Receiver) -> None:
    load = await create_load(private_servers.database_url, receiver, seed=5)
    await asyncio.to_thread(private_servers.postgres.stop)
    await asyncio.to_thread(private_servers.redis.stop)
    with worker_process(private_servers.database_url, private_servers.redis_url) as worker:
        worker.start()
        await worker.wait_for("worker.waiting_for_postgresql")
        await asyncio.to_thread(private_servers.postgres.start)
        await worker.wait_for("worker.started")
        await worker.wait_for("worker.restarting")
        await asyncio.to_thread(private_servers.redis.start)
        await worker.wait_for("worker.back")
        # Said once, without a traceback, however many tries there were.
        assert [len(worker.lines(f"worker.{name}")) for name in ("waiting_for_postgresql", "restarting")] == [1, 1]
        assert "Traceback" not in worker.read()
        assert await finish(load, worker, asyncio.create_task(load.write(5)), "both away at the start") == 0


async def test_answer_that_comes_too_late_is_why_something_is_sent_twice(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    load = await create_load(database_url, receiver, seed=11, variants=1)
    is_told_again = asyncio.Event()

    async def be_late_once(_: Delivery) -> web.StreamResponse:
        # Longer than the webhook waits, which is what a busy machine does to these tests now and then.
        if len(receiver.deliveries) == 1:
            await is_told_again.wait()
        is_told_again.set()
        return web.Response()

    receiver.answering = be_late_once
    with worker_process(database_url, redis_url) as worker:
        await started(worker)
        # The variant's creation is the only change: a second one would be sent in the place of the retry.
        await load.arrive()
        await worker.stop()

    conn = await asyncpg.connect(database_url)
    attempts = await conn.fetch("select number, status, error_kind from delivery_attempts order by number")
    await conn.close()
    # More than two if the machine was that busy once more.
    first, *_, last = [tuple(row) for row in attempts]
    assert (first, last[1:]) == ((1, None, "TIMEOUT"), (200, None))
    assert len(receiver.deliveries) >= 2
    assert await load.check_duplicates() == 0


async def test_worker_that_has_waited_for_a_newer_database_says_so_and_ends(private_servers: PrivateServers) -> None:
    conn = await asyncpg.connect(private_servers.database_url)
    await conn.execute("update alembic_version set version_num = '9999_newer'")
    await conn.close()
    await asyncio.to_thread(private_servers.postgres.stop)
    with worker_process(private_servers.database_url, private_servers.redis_url) as worker:
        worker.start()
        await worker.wait_for("worker.waiting_for_postgresql")
        await asyncio.to_thread(private_servers.postgres.start)
        assert worker.process is not None
        status = await asyncio.to_thread(worker.process.wait, DEADLINE_S)

        assert status == 1
        *_, last = worker.read().splitlines()
        assert last.startswith("tellgraph: The database is at revision 9999_newer, which this version doesn't know")
        assert "Traceback" not in worker.read()
        worker.process = None


async def test_worker_that_waits_can_be_stopped(private_servers: PrivateServers) -> None:
    await asyncio.to_thread(private_servers.redis.stop)
    with worker_process(private_servers.database_url, private_servers.redis_url) as worker:
        await started(worker)
        without_redis = await worker.stop()
        await asyncio.to_thread(private_servers.postgres.stop)
        worker.start()
        await worker.wait_for("worker.waiting_for_postgresql")
        without_both = await worker.stop()

    assert (without_redis, without_both) == (0, 0)
