"""While changes keep coming, one job publishes them, and those that come together are published together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from app.capture import change_events
from app.capture.change_events import ChangeEvent, Lane, claim_batch
from app.db.pool import Connection
from app.kernel.cancellation import cancel_tasks
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher as Outbox
from tests.support.waiting import until
from workers.publish import publisher as module
from workers.publish.job import publish_steps
from workers.publish.publisher import Publisher
from workers.publish.step import Step


@asynccontextmanager
async def working(outbox: Outbox) -> AsyncIterator[tuple[Publisher, list[int]]]:
    """A publisher at work, with an entry for each of its steps."""
    publisher, steps = Publisher(outbox.resources), []
    job = asyncio.create_task(publisher.publish(on_step=lambda _: steps.append(len(steps))))
    try:
        yield publisher, steps
    finally:
        await cancel_tasks(job)


async def unpublished(conn: Connection) -> int:
    count: int = await conn.fetchval("select count(*) from change_events_open")
    return count


async def test_one_job_publishes_what_comes_later_too(publisher: Outbox) -> None:
    async with working(publisher) as (at_work, steps):
        for number in range(1, 4):
            await create_variant(publisher.conn)
            assert at_work.wake()

            async def is_published(number: int = number) -> bool:
                return len(steps) >= number and await unpublished(publisher.conn) == 0

            await until(is_published)


async def test_what_comes_just_after_a_look_is_gathered(publisher: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHER_S", 1.0)
    await create_variant(publisher.conn)
    await publisher.publish()
    await publisher.conn.execute("update variants set count_on_hand = 100")
    with capture_logs() as logs:
        async with working(publisher) as (at_work, steps):
            await until(lambda: _has(steps, 1))
            for count in range(101, 106):
                await publisher.conn.execute("update variants set count_on_hand = $1", count)
                at_work.wake()
            await until(lambda: _has(steps, 2))

    assert await unpublished(publisher.conn) == 0
    assert len([log for log in logs if log["event"] == "publish.step"]) == 2


async def test_after_a_step_that_took_everything_nothing_more_is_claimed(
    publisher: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = []

    async def counted(conn: Connection, **given: Any) -> list[ChangeEvent]:
        claims.append(1)
        return await claim_batch(conn, **given)

    monkeypatch.setattr(change_events, "claim_batch", counted)
    await create_variant(publisher.conn)
    steps = [step async for step in publish_steps(publisher.resources)]

    assert (len(steps), len(claims), await unpublished(publisher.conn)) == (1, 1, 0)


@pytest.mark.parametrize("steps", [1, 3])
async def test_looks_are_so_far_apart_and_no_further(
    publisher: Outbox, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Once after each look: a pause after the step and another one before the next look would be twice as long."""
    pauses = []

    async def note(_: float) -> None:
        pauses.append(1)
        if len(pauses) == steps:
            publisher.resources.stopping.set()

    async def steps_of(*_: object) -> AsyncIterator[Step]:
        for number in range(1, steps + 1):
            yield Step(
                published=1,
                made=0,
                left_over=0,
                lane=Lane.ORDINARY,
                is_full=False,
                is_more=number < steps,
                is_due=False,
            )

    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=note))
    monkeypatch.setattr(module, "publish_steps", steps_of)
    await Publisher(publisher.resources).publish(on_step=lambda _: None)

    assert len(pauses) == steps


async def _has(steps: list[int], number: int) -> bool:
    return len(steps) >= number
