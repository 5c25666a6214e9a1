"""The worker process: few connections, many jobs, and a queue that is looked into when rung."""

import asyncio
import pickle
import subprocess
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import orjson
import pytest
from aiohttp import web
from arq import ArqRedis, func
from arq.cron import cron
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError
from structlog.testing import capture_logs

from app.kernel import clock
from app.webhooks.jobs import QUEUE, Job, enqueue, open_redis
from tests.support.load import create_load
from tests.support.partition import network_to
from tests.support.platform import running_worker, settings_for
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process
from workers import process, shifts
from workers.process import WokenWorker
from workers.settings import SWEEP_SECONDS, sweep


async def test_two_connections_are_enough_for_all_jobs(database_url: str, redis_url: str, receiver: Receiver) -> None:
    load = await create_load(database_url, receiver, seed=1, variants=40)

    async with running_worker(settings_for(database_url, redis_url, database_pool_size=2)):
        await asyncio.gather(*(load.write(25) for _ in range(4)))
        await load.arrive()

    assert load.written == 100


async def test_worker_in_this_process_stops_with_what_is_in_flight_recorded(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    load = await create_load(database_url, receiver, seed=2, variants=5)

    async with running_worker(settings_for(database_url, redis_url)):
        await receiver.wait_for(count=5)

    # Stopped without waiting for the results to be stored.
    assert await load.open_events() == 0
    assert len(receiver.deliveries) == 5


@pytest.mark.parametrize("minutes", [10, -10])
async def test_cron_jobs_run_once_when_the_clock_is_set_and_go_on_by_it(redis_url: str, minutes: int) -> None:
    # Four seconds before the next run.
    begun = clock.now().replace(second=1, microsecond=0)
    set_to = begun + timedelta(minutes=minutes)
    async with open_redis(redis_url) as redis:
        worker = WokenWorker(
            cron_jobs=[cron(sweep, name="sweep", second=SWEEP_SECONDS, run_at_startup=True)], redis_pool=redis
        )
        await worker.run_cron(begun, 0.5)
        await redis.flushdb()

        await worker.run_cron(set_to, 0.5)
        await worker.run_cron(set_to, 0.5)

        assert len(await redis.keys("arq:job:*")) == 1
    assert worker.cron_jobs[0].next_run is not None
    assert worker.cron_jobs[0].next_run - set_to == timedelta(seconds=4, microseconds=123_456)


async def test_stop_does_not_wait_for_all_that_is_due(database_url: str, redis_url: str, receiver: Receiver) -> None:
    load = await create_load(database_url, receiver, seed=3, variants=300)

    async def answer(_: Delivery) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        return web.Response()

    receiver.answering = answer
    async with running_worker(settings_for(database_url, redis_url, deliver_max_in_flight=5)):
        await receiver.wait_for(count=10)

    conn = await asyncpg.connect(database_url)
    states = {row[0] for row in await conn.fetch("select distinct state from webhook_events")}
    await conn.close()
    assert states == {"DELIVERED", "PENDING"}
    assert len(receiver.deliveries) < 300
    assert load.written == 0


async def test_idle_worker_takes_little_of_a_core(database_url: str, redis_url: str) -> None:
    with worker_process(database_url, redis_url) as worker:
        await started(worker)
        conn = await asyncpg.connect(database_url)
        before_s, begun = worker.cpu_s(), time.monotonic()
        await until(lambda: asyncio.sleep(0.1, time.monotonic() - begun > 3))
        share = (worker.cpu_s() - before_s) / (time.monotonic() - begun)
        await conn.close()

    assert share < 0.2


async def test_worker_that_stops_breaks_no_command_to_redis_off(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is cancelled leaves its connection behind."""
    ended: list[bool] = []
    polled = asyncio.Event()
    close, poll = process._close, WokenWorker._poll_iteration

    async def look(worker: WokenWorker, redis: ArqRedis, *tasks: asyncio.Task[Any]) -> None:
        ended.extend(task.done() for task in tasks)
        await close(worker, redis, *tasks)

    async def note(worker: WokenWorker) -> None:
        polled.set()
        await poll(worker)

    monkeypatch.setattr(process, "_close", look)
    monkeypatch.setattr(WokenWorker, "_poll_iteration", note)
    async with running_worker(settings_for(database_url, redis_url)):
        await polled.wait()

    # What looks for jobs, what listens to the database, and what waits for the end.
    assert ended == [True, True, True]


class _Touch:
    """Runs a program as soon as it is read by pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.run, (("touch", str(self.path)),)


async def test_job_that_a_stranger_plants_in_redis_runs_nothing_and_stops_nobody(
    database_url: str, redis_url: str, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A job that publishes keeps its place in the queue for its whole shift.
    monkeypatch.setattr(shifts, "SHIFT_S", 1.0)
    load = await create_load(database_url, receiver, seed=4, variants=5)
    touched = tmp_path / "touched"
    planted = [
        pickle.dumps({"t": None, "f": "publish", "a": (_Touch(touched),), "k": {}, "et": 1}),
        pickle.dumps(_Touch(touched)),
        b"",
        b"null",
        b'{"f": "publish", "a": [1], "k": {"x": 2}, "t": "five", "et": 1e300}',
        b'{"f": "publish", "et": "never"}',
        b'{"f": "no such job", "et": 1}',
        b"[" * 100_000,
        orjson.dumps({"f": "publish", "a": ["x" * 1_000_000], "et": 1}),
    ]
    async with Redis.from_url(redis_url) as redis:
        for number, data in enumerate(planted):
            await redis.set(f"arq:job:planted{number}", data)
            await redis.zadd(QUEUE, {f"planted{number}": time.time() * 1000})

        with capture_logs() as logs:
            async with running_worker(settings_for(database_url, redis_url)):
                await until(lambda: _is_gone(redis, len(planted)))
                await load.write(20)
                await load.arrive()

    assert not touched.exists()
    assert [one for one in logs if one["event"] == "worker.restarting"] == []


async def _is_gone(redis: Redis, count: int) -> bool:
    return not any([await redis.zscore(QUEUE, f"planted{number}") for number in range(count)])


async def test_jobs_are_json_in_redis(redis_url: str) -> None:
    redis = open_redis(redis_url)
    await enqueue(redis, Job.DELIVER)
    (key,) = await redis.keys("arq:job:*")
    job = orjson.loads(await redis.get(key))
    await redis.aclose()

    assert (job["f"], job["a"], job["k"]) == ("deliver", [], {})


async def test_job_whose_end_redis_does_not_hear_of_leaves_no_command(redis_url: str) -> None:
    """Its shielded command opened another connection once its own was closed, and nobody closed that."""
    async with network_to(redis_url) as network:

        async def publish(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:
            network.partition()

        redis = open_redis(network.url)
        worker = WokenWorker(
            functions=[func(publish, name=Job.PUBLISH)], redis_pool=redis, queue_name=QUEUE, handle_signals=False
        )
        await enqueue(redis, Job.PUBLISH)
        working = asyncio.create_task(worker.main())
        await until(lambda: asyncio.sleep(0, _jobs_end()))

        await process._close(worker, redis, working)

        assert not _jobs_end()


def _jobs_end() -> bool:
    """Whether arq is telling Redis that a job has ended."""
    return any("finish_job" in repr(task.get_coro()) for task in asyncio.all_tasks())


async def test_connection_to_a_redis_that_refuses_is_closed(redis_url: str) -> None:
    parts = urlsplit(redis_url)
    host = parts.netloc.rpartition("@")[2]
    async with Redis.from_url(redis_url) as redis:
        await redis.execute_command("ACL", "SETUSER", "powerless", "on", "nopass", "-@all", "+select")
        try:
            url = urlunsplit(parts._replace(netloc=f"powerless:any@{host}"))
            with pytest.raises(NoPermissionError) as refusal:
                await process._connect(url, asyncio.Event())

            async def powerless_are_gone() -> bool:
                return "user=powerless" not in str(await redis.execute_command("CLIENT", "LIST"))

            # The error's traceback is kept, and with it what a client that was dropped would hold.
            await until(powerless_are_gone)
            assert refusal.value
        finally:
            await redis.execute_command("ACL", "DELUSER", "powerless")
