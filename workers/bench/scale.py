"""Measure how several workers share one database: what they deliver, what it costs, and who waits for locks."""

import asyncio
import statistics
from collections.abc import Mapping
from contextlib import AsyncExitStack

import asyncpg

from app.kernel.cancellation import cancel_tasks
from workers.bench.environment.history import create_webhooks
from workers.bench.environment.lab import Lab, endpoint_of
from workers.bench.environment.marketplace import STORED_QUERY
from workers.bench.environment.pipeline import Pipeline
from workers.bench.figures import Figure, median_of

_WORKERS = (1, 2, 4, 8)
#: Each changed invoice is sent to so many webhooks.
_WEBHOOKS = 20
#: Seconds between two looks at who waits for a lock.
_LOOK_S = 0.01

_WAITING = """
select count(*) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock' and application_name = 'tellgraph'
"""


async def measure_scale(lab: Lab) -> list[Figure]:
    """Deliver the same burst by one worker, and by several that share the machine."""
    return [figure for workers in _WORKERS for figure in await _with(lab, workers)]


async def _with(lab: Lab, workers: int) -> list[Figure]:
    async with lab.database() as site, endpoint_of(lab) as endpoint, AsyncExitStack() as stack:
        running = [await stack.enter_async_context(site.running("worker")) for _ in range(workers)]
        watcher = await asyncpg.connect(site.database_url)
        stack.push_async_callback(watcher.close)
        pipeline = Pipeline(
            site=site,
            worker=running[0],
            others=running[1:],
            endpoint=endpoint,
            uncounted=[await watcher.fetchval("select pg_backend_pid()")],
        )
        await create_webhooks(site.conn, site.secret_key, f"{lab.receiver}/hook", STORED_QUERY, count=_WEBHOOKS)
        ids = range(1, lab.scale.invoices // _WEBHOOKS + 1)
        await pipeline.warm_up(ids, len(ids) * _WEBHOOKS)
        rounds = [await _round(pipeline, watcher, ids) for _ in range(lab.scale.rounds)]
    counts = f"{workers} workers, {len(ids)} invoices changed at once, each sent to {_WEBHOOKS} webhooks"
    return [
        Figure(
            key=f"scale.{workers}.events_per_s",
            value=median_of(rounds, "per_s"),
            unit="1/s",
            counts=f"wall time from the change to the last POST; all processes share the machine; {counts}",
        ),
        Figure(
            key=f"scale.{workers}.cpu_ms",
            value=median_of(rounds, "total"),
            unit="ms",
            counts=f"CPU of all workers, PostgreSQL (without the writer's backend) and Redis per POST; {counts}",
        ),
        Figure(
            key=f"scale.{workers}.lock_waits",
            value=median_of(rounds, "waiting"),
            unit="",
            counts=f"workers' sessions that waited for a lock, on average of all looks; {counts}",
        ),
    ]


async def _round(pipeline: Pipeline, watcher: asyncpg.Connection, ids: range) -> Mapping[str, float]:
    seen: list[int] = []

    async def look() -> None:
        while True:
            seen.append(await watcher.fetchval(_WAITING))
            await asyncio.sleep(_LOOK_S)

    looking = asyncio.create_task(look())
    try:
        measured = await pipeline.deliver(ids, len(ids) * _WEBHOOKS)
    finally:
        await cancel_tasks(looking)
    return {**measured, "waiting": statistics.fmean(seen)}
