"""The worker process. It runs arq's worker, wakes it instead of letting it poll, and restarts it after errors."""

import asyncio
import contextlib
import signal
import time
from datetime import datetime, timedelta
from typing import Any

import structlog
from arq.connections import ArqRedis
from arq.worker import Worker
from redis.exceptions import RedisError

from app.kernel.cancellation import cancel_tasks
from app.settings import Settings
from app.telemetry.outages import Outage
from app.webhooks.jobs import QUEUE, Job, clear_left, deserialize, enqueue, open_redis, serialize
from schema import schema
from schema.stored.check import background_marking
from workers.counts import storing_counts
from workers.deliver.job import Deliverer
from workers.doorbell import Doorbell
from workers.publish.publisher import Publisher
from workers.resources import Resources, open_resources
from workers.settings import CRON_JOBS, FUNCTIONS, JOB_TIMEOUT_S, MAX_JOBS, JobContext

_log = structlog.get_logger()
_RESTART_S = 1.0
#: Seconds. A smaller difference of two clocks does not mean that one was set: reading both takes time.
_CLOCK_SET_S = 1.0
#: Seconds for Redis commands that are under way when the process stops.
_LAST_COMMANDS_S = 1.0


class _WorkerEnded(Exception):
    """Ends the main loop of arq's worker."""


class WokenWorker(Worker):
    """arq's worker, which looks into its queue when `ring` is called instead of polling.

    A job starts after 3 ms, and an idle worker takes a quarter of a percent of a core. It relies on names of arq 0.28:
    `_poll_iteration`, `_release_sem_dec_counter_on_complete`, `job_counter`, `run_cron`, `finish_job`,
    `finish_failed_job`.
    """

    idle_poll_s = 0.5  # cron's window in arq: never more

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        fixed = {"poll_delay": 0, "job_serializer": serialize, "job_deserializer": deserialize}
        super().__init__(*args, **{**kwargs, **fixed})
        self._rung = asyncio.Event()
        self._rung.set()
        self._clocks: tuple[datetime, float] | None = None
        self._is_over = False
        #: The tasks that tell Redis of a job's end. arq shields them, so they outlive a cancelled job.
        self.endings: set[asyncio.Task[Any]] = set()

    def ring(self) -> None:
        """Have the worker look into its queue now."""
        self._rung.set()

    def end(self) -> None:
        """End `main` between two commands."""
        self._is_over = True
        self.ring()

    async def _poll_iteration(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), self.idle_poll_s)
        # Cleared before the queue is read, or a ring in between would be lost.
        self._rung.clear()
        if self._is_over:
            raise _WorkerEnded
        await super()._poll_iteration()

    async def finish_job(self, *args: Any, **kwargs: Any) -> None:
        self._note_ending()
        await super().finish_job(*args, **kwargs)

    async def finish_failed_job(self, *args: Any, **kwargs: Any) -> None:
        self._note_ending()
        await super().finish_failed_job(*args, **kwargs)

    def _note_ending(self) -> None:
        ending = asyncio.current_task()
        assert ending is not None
        self.endings.add(ending)
        ending.add_done_callback(self.endings.discard)

    async def run_cron(self, n: datetime, delay: float, num_windows: int = 2) -> None:
        """Run the cron jobs that are due at `n`. After the clock was set, run all of them, as at the start.

        arq computes the next run from the one before. After the clock is set back, it would wait until that time comes
        again; after it is set forward, it would make up for each run in between.
        """
        if self._was_clock_set(n):
            _log.warning("worker.clock_set", now=n.isoformat())
            for job in self.cron_jobs:
                job.next_run = None
        await super().run_cron(n, delay, num_windows)

    def _was_clock_set(self, now: datetime) -> bool:
        """Return whether the time of day and the monotonic clock have diverged since the last call."""
        steady = time.monotonic()
        before, self._clocks = self._clocks, (now, steady)
        if before is None:
            return False
        passed = now - before[0] - timedelta(seconds=steady - before[1])
        return abs(passed.total_seconds()) > _CLOCK_SET_S

    def _release_sem_dec_counter_on_complete(self) -> None:
        # A full worker reads nothing from its queue, so it looks again once a place is free.
        was_full = self.job_counter >= self.max_jobs
        super()._release_sem_dec_counter_on_complete()
        if was_full:
            self.ring()


async def run_worker(settings: Settings, *, stopping: asyncio.Event | None = None) -> None:
    """Run the worker until it is told to stop. Outages of PostgreSQL or Redis are waited out, also at the start.

    Args:
        settings: The settings of the process.
        stopping: Ends the worker when it is set; None: SIGTERM and SIGINT end it.

    Raises:
        PostgresError: Waiting can't help, as with a wrong password.
        Conflict: The database must be migrated first, or another version has made it.
    """
    stopping = stopping or _stopped_by_signals()
    async with (
        open_resources(settings, stopping=stopping) as resources,
        # It ends after the deliverer, whose last results are counted, too.
        storing_counts(resources),
        # The deliverer belongs to the process and outlives arq's worker: POSTs go on when Redis is lost.
        Deliverer(resources).recording() as deliverer,
    ):
        _log.info("worker.started")
        outage = Outage("worker.restarting", "worker.back")
        async with background_marking(resources.database, schema._schema):
            while not stopping.is_set():
                await _work(resources, deliverer, outage)
        _log.info("worker.stopping", posts=deliverer.in_flight)
    _log.info("worker.stopped")


async def _work(resources: Resources, deliverer: Deliverer, outage: Outage) -> None:
    """Run arq's worker once, until the process stops or Redis is away for longer than the client waits.

    Args:
        outage: That of Redis, or of whatever else ends arq's worker.
    """
    try:
        assert resources.settings.redis_url is not None, "the command fills in the embedded server's URL"
        redis = await _connect(resources.settings.redis_url, resources.stopping)
    except (RedisError, OSError) as error:
        await _restart_later(resources, outage, error)
        return
    if redis is None:
        return
    outage.end()
    with contextlib.suppress(RedisError, OSError):
        await clear_left(redis)
    worker: WokenWorker | None = None

    async def ring(job: Job) -> None:
        # If a job of this process does that work, it only needs to look again.
        if (job is Job.DELIVER and deliverer.wake()) or (job is Job.PUBLISH and publisher.wake()):
            doorbell.begun(job)
            return
        with contextlib.suppress(RedisError, OSError):
            await enqueue(redis, job)
        if worker is not None:
            worker.ring()

    async def take_jobs(has_database: bool) -> None:
        # Without PostgreSQL it would take the sweep from workers that could do it, and fail.
        if worker is None or resources.stopping.is_set():
            return
        if has_database and not worker.allow_pick_jobs:
            # After a long outage, as many sweeps would wait as there were times for one.
            with contextlib.suppress(RedisError, OSError):
                await clear_left(redis)
        worker.allow_pick_jobs = has_database
        worker.ring()

    publisher = Publisher(resources, deliverer)
    doorbell = Doorbell(resources, ring, take_jobs)
    worker = WokenWorker(
        functions=FUNCTIONS,
        cron_jobs=CRON_JOBS,
        redis_pool=redis,
        queue_name=QUEUE,
        handle_signals=False,
        max_jobs=MAX_JOBS,
        job_timeout=JOB_TIMEOUT_S,
        keep_result=0,
        ctx={"jobs": JobContext(resources=resources, publisher=publisher, deliverer=deliverer, doorbell=doorbell)},
    )
    listening = asyncio.create_task(doorbell.run())
    working = asyncio.create_task(worker.main())
    stopped = asyncio.create_task(resources.stopping.wait())
    try:
        await asyncio.wait({working, listening, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if resources.stopping.is_set():
            deliverer.wake()
            publisher.wake()
            doorbell.wake()
            await _finish(worker, resources.settings.shutdown_grace_s)
            # A task that is cancelled during a command would leave its connection open.
            await asyncio.wait({working, listening}, timeout=_LAST_COMMANDS_S)
        else:
            await _restart_later(resources, outage, _failure(working, listening))
    finally:
        await _close(worker, redis, working, listening, stopped)


async def _connect(url: str, stopping: asyncio.Event) -> ArqRedis | None:
    """Connect to Redis. Return None if the process stops first. Raise RedisError or OSError on failure."""
    redis = open_redis(url)
    is_connected = False
    connecting = asyncio.ensure_future(redis.ping())
    stopped = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({connecting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        is_connected = connecting.done() and bool(connecting.result())
    finally:
        await cancel_tasks(connecting, stopped)
        if not is_connected:
            await _disconnect(redis)
    return redis if is_connected else None


async def _finish(worker: WokenWorker, grace_s: float) -> None:
    """Start no new jobs, and wait for those that run. They end early, and leave their POSTs to the deliverer."""
    worker.allow_pick_jobs = False
    if worker.tasks:
        await asyncio.wait(worker.tasks.values(), timeout=grace_s)
    worker.end()


async def _close(worker: WokenWorker, redis: ArqRedis, *tasks: asyncio.Task[Any]) -> None:
    # asyncio.wait_for may swallow a cancellation, so `main` is told to end as well.
    worker.end()
    await cancel_tasks(*tasks, *worker.tasks.values())
    # Wait for these before closing: a job's end that is sent later would open a connection that nobody closes.
    if worker.endings:
        await asyncio.wait(worker.endings, timeout=_LAST_COMMANDS_S)
    await cancel_tasks(*worker.endings)
    await _disconnect(redis)


async def _disconnect(redis: ArqRedis) -> None:
    with contextlib.suppress(RedisError, OSError):
        await redis.aclose()


def _failure(*tasks: asyncio.Task[Any]) -> BaseException | None:
    return next((task.exception() for task in tasks if task.done() and not task.cancelled()), None)


async def _restart_later(resources: Resources, outage: Outage, error: BaseException | None) -> None:
    outage.note(error)
    await resources.pause(_RESTART_S)


def _stopped_by_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping
