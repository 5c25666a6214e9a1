"""A network between a worker and PostgreSQL that goes silent, or loses answers. Nobody is told that it does."""

import asyncio
from functools import partial

import asyncpg
import pytest
from aiohttp import web
from arq.constants import in_progress_key_prefix, job_key_prefix

from app.capture.change_events import claim_batch
from app.db.pool import DATABASE_ERRORS, Connection, transaction
from app.webhooks.jobs import QUEUE, Job, open_redis
from tests.builders.variants import create_variant
from tests.support.load import CHANGES, create_load, tell
from tests.support.partition import Network, network_to
from tests.support.platform import settings_for
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process
from workers.resources import Resources, open_resources

pytestmark = pytest.mark.faults

#: Until a worker takes a silent PostgreSQL for lost; in production, a minute.
TIMEOUT_S = 1


async def test_another_worker_takes_over_from_a_partitioned_one_which_goes_on_when_it_heals(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    load = await create_load(database_url, receiver, seed=6)

    async def answer_after_a_while(_: Delivery) -> web.StreamResponse:
        await asyncio.sleep(load.chance.uniform(0, 0.03))
        return web.Response()

    receiver.answering = answer_after_a_while
    limits = {"database_timeout_s": TIMEOUT_S, "deliver_lease_s": 2}
    async with network_to(database_url) as network:
        with worker_process(network.url, redis_url, **limits) as cut_off:
            await started(cut_off)
            await load.write(CHANGES // 4)
            await receiver.wait_for(count=10)
            writing = asyncio.create_task(load.write(CHANGES // 4))
            network.partition()
            begun = asyncio.get_running_loop().time()
            await cut_off.wait_for("doorbell.lost")
            noticed_s = asyncio.get_running_loop().time() - begun
            with worker_process(database_url, redis_url, **limits) as other:
                await started(other)
                await writing
                taken_over_s = await load.arrive()
                assert await other.stop() == 0
            network.heal()
            await load.write(10)
            recovery_s = await load.arrive()
            assert await cut_off.stop() == 0

    duplicates = await load.check_duplicates()
    tell("partitioned", noticed_s=noticed_s, taken_over_s=taken_over_s, recovery_s=recovery_s, duplicates=duplicates)
    # The statement, asking the server to cancel it, and giving the connection back: each has the same bound.
    assert noticed_s < 4 * TIMEOUT_S + 1


async def fall_silent_while_publishing(resources: Resources, network: Network, other: Connection) -> None:
    """Stay silent until another publisher has the changes that this one had claimed."""
    async with transaction(resources.database) as cut_off:
        assert await claim_batch(cut_off, limit=10)
        network.partition()
        assert not await claim_batch(other, limit=10)
        await until(lambda: claim_batch(other, limit=10), deadline_s=TIMEOUT_S + 5)
        network.heal()


async def test_a_worker_without_postgresql_leaves_its_jobs_to_others(database_url: str, redis_url: str) -> None:
    """It took the sweeps that are asked for in Redis, and failed: nobody released what it had in flight."""
    async with network_to(database_url) as network:
        with worker_process(network.url, redis_url, database_timeout_s=TIMEOUT_S) as cut_off:
            await started(cut_off)
            network.partition()
            await cut_off.wait_for("doorbell.lost")
            redis = open_redis(redis_url)

            asked = await redis.enqueue_job(Job.ADVANCE, _queue_name=QUEUE)
            assert asked is not None
            asked_ms = await redis.zscore(QUEUE, asked.job_id)

            async def two_more_wait() -> bool:
                return bool(await redis.zcount(QUEUE, f"({asked_ms}", "+inf") >= 2)

            async def no_job_waits() -> bool:
                return not await redis.zcard(QUEUE)

            # Sweeps are asked for every five seconds.
            await until(two_more_wait)
            # A long outage leaves one for each of its five seconds: what is old is not made up for.
            old = await redis.enqueue_job(Job.ADVANCE, _queue_name=QUEUE)
            assert old is not None
            await redis.zadd(QUEUE, {old.job_id: asked_ms - 60_000})
            assert await redis.zscore(QUEUE, asked.job_id) is not None
            assert not await redis.exists(in_progress_key_prefix + asked.job_id)
            network.heal()
            await until(no_job_waits)
            # arq deletes the data of a job that it has run.
            assert await redis.exists(job_key_prefix + old.job_id)
            await redis.aclose()
            assert await cut_off.stop() == 0


async def test_locks_of_a_partitioned_publisher_end_on_the_server(database_url: str) -> None:
    conn = await asyncpg.connect(database_url)
    await create_variant(conn)
    # One event only, and so one shard.
    await conn.execute("update change_events set published_at = now() where entity_type <> 'Variant'")

    async with network_to(database_url) as network:
        settings = settings_for(network.url, database_timeout_s=TIMEOUT_S)
        async with open_resources(settings) as resources:
            with pytest.raises(DATABASE_ERRORS):
                await fall_silent_while_publishing(resources, network, conn)
            # The pool has another connection for whoever comes next.
            async with transaction(resources.database) as again:
                assert len(await claim_batch(again, limit=10)) == 1
    await conn.close()


async def more_or_all(receiver: Receiver, wanted: int, writing: asyncio.Task[None]) -> bool:
    return writing.done() or len(receiver.deliveries) >= wanted


async def test_commits_whose_answers_are_lost_lose_nothing_and_send_nothing_twice(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    load = await create_load(database_url, receiver, seed=7)
    async with network_to(database_url) as network:
        with worker_process(network.url, redis_url, deliver_lease_s=2, database_timeout_s=TIMEOUT_S) as worker:
            await started(worker)
            writing, lost = asyncio.create_task(load.write(CHANGES // 2)), 0
            while not writing.done():
                # Of publishing, of claiming, of storing results: whichever comes next.
                network.lost_answers = 1
                lost += 1
                wanted = len(receiver.deliveries) + load.chance.randint(1, 6)
                # The last changes may come to fewer POSTs than that.
                await until(partial(more_or_all, receiver, wanted, writing))
            network.lost_answers = 0
            await writing
            recovery_s = await load.arrive()
            assert await worker.stop() == 0

    duplicates = await load.check_duplicates()
    conn = await asyncpg.connect(database_url)
    unknown = await conn.fetchval("select count(*) from delivery_attempts where error_kind = 'UNKNOWN_OUTCOME'")
    await conn.close()
    tell("answers to commits lost", lost=lost, recovery_s=recovery_s, unknown=unknown, duplicates=duplicates)
    # Claimed by such a commit, it was never sent: the next attempt is the first to arrive.
    assert duplicates == 0
