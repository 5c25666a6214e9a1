"""arq's jobs, cron jobs and limits. Each job is a thin wrapper around a function with explicit resources."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import structlog
from arq.cron import CronJob, cron
from arq.worker import Function, func

from app.db.pool import DATABASE_ERRORS, is_outage
from app.kernel.error_reason import reason_of
from app.webhooks.jobs import Job, enqueue
from workers.deliver.job import Deliverer
from workers.doorbell import Doorbell
from workers.publish.publisher import Publisher
from workers.publish.step import Step
from workers.resources import Resources
from workers.upkeep.backfill import backfill_all
from workers.upkeep.catch_up import catch_up_all
from workers.upkeep.reconcile import reconcile_all
from workers.upkeep.replay import render_again, replay_all
from workers.upkeep.retention import apply_retention
from workers.upkeep.sweep import sweep_all

_log = structlog.get_logger()

MAX_JOBS = 20
#: Seconds. A job that publishes or delivers does so for half a minute at most; its POSTs go on without it.
JOB_TIMEOUT_S = 300
SWEEP_SECONDS = set(range(0, 60, 5))
#: Minute of every hour, chosen apart from the usual times of cron jobs.
RETENTION_MINUTE = 23

#: What arq hands to each job.
ArqContext: TypeAlias = dict[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """The objects that jobs work with: one per process, stored under `jobs` in arq's context."""

    resources: Resources
    publisher: Publisher
    deliverer: Deliverer
    doorbell: Doorbell


async def publish(ctx: ArqContext) -> None:
    """Publish what waits and, meanwhile, deliver it. A second job would take another round trip through Redis."""
    context: JobContext = ctx["jobs"]
    context.doorbell.begun(Job.PUBLISH)
    try:
        async with asyncio.TaskGroup() as delivering:

            def deliver_step(step: Step) -> None:
                if step.is_due and not context.deliverer.wake():
                    delivering.create_task(_deliver(ctx, context))

            if await context.publisher.publish(on_step=deliver_step):
                await enqueue(ctx["redis"], Job.PUBLISH)
    except ExceptionGroup as errors:
        # An outage ends both, and the log tells it by the error itself.
        raise errors.exceptions[0] from None


async def deliver(ctx: ArqContext) -> None:
    context: JobContext = ctx["jobs"]
    context.doorbell.begun(Job.DELIVER)
    await _deliver(ctx, context)


async def sweep(ctx: ArqContext) -> None:
    context: JobContext = ctx["jobs"]
    with _given_up_in_an_outage():
        await sweep_all(context.resources)


async def retention(ctx: ArqContext) -> None:
    context: JobContext = ctx["jobs"]
    with _given_up_in_an_outage():
        await apply_retention(context.resources)


@contextlib.contextmanager
def _given_up_in_an_outage() -> Iterator[None]:
    """Leave a job that comes by the clock to its next time. The doorbell logs the outage."""
    try:
        yield
    except DATABASE_ERRORS as error:
        if not is_outage(error):
            raise
        _log.debug("worker.job_given_up", reason=reason_of(error))


async def advance(ctx: ArqContext) -> None:
    """Move on work of many steps: replays, backfills, missed changes, reconciles."""
    context: JobContext = ctx["jobs"]
    context.doorbell.begun(Job.ADVANCE)
    handled = await render_again(context.resources)
    handled += await replay_all(context.resources)
    handled += await backfill_all(context.resources)
    handled += await catch_up_all(context.resources)
    handled += await reconcile_all(context.resources)
    if handled and not context.deliverer.wake():
        await enqueue(ctx["redis"], Job.DELIVER)


async def _deliver(ctx: ArqContext, context: JobContext) -> None:
    if await context.deliverer.deliver_all(stays=True):
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
