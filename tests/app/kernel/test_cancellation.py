"""Tasks are cancelled for certain, also those that swallow it; and what must not be broken off is not."""

import asyncio
from contextlib import suppress

import pytest

from app.kernel import cancellation
from app.kernel.cancellation import cancel_tasks
from app.kernel.unbroken import unbroken


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "_AGAIN_S", 0.01)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1

    async def fail() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(fail())]
    await asyncio.sleep(0)

    await cancel_tasks(*tasks)

    assert swallowed == 3
    assert all(task.done() for task in tasks)


async def test_unbroken_work_ends_although_its_caller_is_cancelled_twice() -> None:
    may_end, has_ended = asyncio.Event(), False

    async def work() -> None:
        nonlocal has_ended
        await may_end.wait()
        has_ended = True

    caller = asyncio.create_task(unbroken(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()

    may_end.set()
    with suppress(asyncio.CancelledError):
        await caller
    assert has_ended
    assert caller.cancelled()
