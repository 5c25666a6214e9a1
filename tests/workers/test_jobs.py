"""Jobs pass on what their work raises, and go on where a shift has ended."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from app.capture.change_events import Lane
from app.errors import DatabaseUnavailable
from app.webhooks.jobs import Job
from workers.publish.step import Step
from workers.settings import publish


class Redis:
    """Notes which jobs are asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def enqueue_job(self, name: str, **_: Any) -> None:
        self.asked.append(name)


class Work:
    """A publisher and a deliverer at once: one step, then what it was told to do."""

    def __init__(self, *, error: Exception | None = None, is_more: bool = False, is_due: bool = True) -> None:
        self.error = error
        self.is_due = is_due
        self.is_more = is_more
        self.delivered = 0

    async def publish(self, *, on_step: Any) -> bool:
        on_step(
            Step(
                published=1,
                made=1,
                left_over=0,
                lane=Lane.ORDINARY,
                is_full=False,
                is_more=False,
                is_due=self.is_due,
            )
        )
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.is_more

    def wake(self) -> bool:
        return False

    async def deliver_all(self, *, stays: bool) -> bool:
        self.delivered += stays
        return self.is_more


def context_of(work: Work) -> dict[str, Any]:
    doorbell = SimpleNamespace(begun=lambda job: None)
    return {"redis": Redis(), "jobs": SimpleNamespace(publisher=work, deliverer=work, doorbell=doorbell)}


async def test_what_a_step_has_made_is_delivered_by_the_same_job() -> None:
    work = Work()
    context = context_of(work)

    await publish(context)

    assert (work.delivered, context["redis"].asked) == (1, [])


async def test_nothing_is_claimed_after_a_step_whose_events_are_on_their_way() -> None:
    work = Work(is_due=False)

    await publish(context_of(work))

    assert work.delivered == 0


async def test_after_a_shift_both_go_on_by_other_jobs() -> None:
    context = context_of(Work(is_more=True))

    await publish(context)

    assert sorted(context["redis"].asked) == [Job.DELIVER, Job.PUBLISH]


async def test_an_outage_is_raised_as_itself() -> None:
    """The log tells it in one line, by its type."""
    with pytest.raises(DatabaseUnavailable):
        await publish(context_of(Work(error=DatabaseUnavailable("gone"))))
