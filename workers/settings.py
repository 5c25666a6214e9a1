"""arq's view of the jobs: thin wrappers around functions with explicit resources, cron, limits."""

from dataclasses import dataclass
from typing import Any

from arq.cron import CronJob, cron
from arq.worker import Function, func

from app.webhooks.jobs import Job, enqueue
from workers.deliver.job import Deliverer
from workers.doorbell import Doorbell
from workers.publish.job import publish_steps
from workers.resources import Resources
from workers.upkeep.backfill import backfill_all
from workers.upkeep.catch_up import catch_up_all
from workers.upkeep.replay import render_again, replay_all
from workers.upkeep.retention import retain
from workers.upkeep.sweep import sweep_all

MAX_JOBS = 20
#: A deliver job claims for half a minute at most and then waits for its POSTs, of at most 30 s each.
JOB_TIMEOUT_S = 300
SWEEP_SECONDS = set(range(0, 60, 5))
#: Of every hour: not when everybody's cron jobs run.
RETENTION_MINUTE = 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What jobs work with: one per process, under `bench` in arq's context."""

    resources: Resources
    deliverer: Deliverer
    doorbell: Doorbell


async def publish(ctx: dict[str, Any]) -> None:
    """Publish what waits, then go on to deliver it: a second job would cost another trip through Redis.

    While more than one step's worth waits, another job begins to deliver what the first steps have made.
    """
    bench: Bench = ctx["bench"]
    bench.doorbell.begun(Job.PUBLISH)
    steps = 0
    async for _ in publish_steps(bench.resources):
        steps += 1
        if steps > 1:
            await bench.doorbell.ask(Job.DELIVER)
    if steps:
        await _deliver(ctx, bench)


async def deliver(ctx: dict[str, Any]) -> None:
    bench: Bench = ctx["bench"]
    bench.doorbell.begun(Job.DELIVER)
    await _deliver(ctx, bench)


async def sweep(ctx: dict[str, Any]) -> None:
    bench: Bench = ctx["bench"]
    await sweep_all(bench.resources)


async def retention(ctx: dict[str, Any]) -> None:
    bench: Bench = ctx["bench"]
    await retain(bench.resources)


async def advance(ctx: dict[str, Any]) -> None:
    """Move on what takes many steps: replays, backfills, and webhooks that catch up with what they missed."""
    bench: Bench = ctx["bench"]
    bench.doorbell.begun(Job.ADVANCE)
    handled = await render_again(bench.resources)
    handled += await replay_all(bench.resources)
    handled += await backfill_all(bench.resources)
    handled += await catch_up_all(bench.resources)
    if handled:
        await _deliver(ctx, bench)


async def _deliver(ctx: dict[str, Any], bench: Bench) -> None:
    if await bench.deliverer.deliver_all() and not bench.resources.stopping.is_set():
        await enqueue(ctx["redis"], Job.DELIVER)


FUNCTIONS: list[Function] = [
    func(publish, name=Job.PUBLISH.value, keep_result=0, timeout=JOB_TIMEOUT_S),
    func(deliver, name=Job.DELIVER.value, keep_result=0, timeout=JOB_TIMEOUT_S),
    func(advance, name=Job.ADVANCE.value, keep_result=0, timeout=JOB_TIMEOUT_S),
]
CRON_JOBS: list[CronJob] = [
    cron(sweep, name="sweep", second=SWEEP_SECONDS, keep_result=0, run_at_startup=True),
    cron(retention, name="retention", minute=RETENTION_MINUTE, second=0, keep_result=0, run_at_startup=True),
]
