"""One job of a kind works at a time; who comes meanwhile wakes it."""

import asyncio

import pytest

from app.kernel.cancellation import cancel_tasks
from tests.support.waiting import DEADLINE_S, until
from workers import shifts
from workers.shifts import Shift


class Work:
    """Counts its turns. `left` are the turns after which there is still more to do."""

    def __init__(self, left: int = 0) -> None:
        self.turns = 0
        self.left = left

    async def take_turn(self) -> bool:
        self.turns += 1
        self.left -= 1
        return self.left >= 0

    async def has_taken(self, turns: int) -> bool:
        return self.turns >= turns


async def test_a_job_takes_turns_until_nothing_is_left() -> None:
    work = Work(left=2)

    assert not await Shift(asyncio.Event()).work(work.take_turn, stays=False)
    assert work.turns == 3


async def test_a_second_job_wakes_the_first_and_ends() -> None:
    shift, work = Shift(asyncio.Event()), Work()
    first = asyncio.create_task(shift.work(work.take_turn, stays=True))
    await until(lambda: work.has_taken(1))

    assert not await shift.work(work.take_turn, stays=True)
    await until(lambda: work.has_taken(2))
    assert shift.wake()
    await until(lambda: work.has_taken(3))
    assert not first.done()
    await cancel_tasks(first)
    assert not shift.wake()


async def test_what_comes_between_two_jobs_is_done_by_the_next() -> None:
    shift, work = Shift(asyncio.Event()), Work()
    await shift.work(work.take_turn, stays=False)

    assert not shift.wake()
    await shift.work(work.take_turn, stays=False)
    assert work.turns == 2


async def test_it_waits_for_what_is_under_way() -> None:
    shift, work = Shift(asyncio.Event()), Work()
    under_way = [1]
    working = asyncio.create_task(shift.work(work.take_turn, is_busy=lambda: bool(under_way), stays=False))
    await until(lambda: work.has_taken(1))
    under_way.clear()
    shift.stir()

    # Nobody wants another turn.
    assert not await asyncio.wait_for(working, DEADLINE_S)
    assert work.turns == 1


@pytest.mark.parametrize(
    ("left", "is_busy", "has_to_go_on"), [(10**9, False, True), (0, True, True), (0, False, False)]
)
async def test_at_the_end_of_a_shift_somebody_goes_on_if_there_is_more(
    monkeypatch: pytest.MonkeyPatch, left: int, is_busy: bool, has_to_go_on: bool
) -> None:
    monkeypatch.setattr(shifts, "SHIFT_S", 0.05)
    work = Work(left)

    async def take_turn() -> bool:
        await asyncio.sleep(0)
        return await work.take_turn()

    assert await Shift(asyncio.Event()).work(take_turn, is_busy=lambda: is_busy, stays=True) is has_to_go_on
    assert work.turns >= 1


async def test_a_process_that_stops_asks_nobody_to_go_on() -> None:
    stopping = asyncio.Event()
    shift, work = Shift(stopping), Work()
    working = asyncio.create_task(shift.work(work.take_turn, is_busy=lambda: True, stays=True))
    await until(lambda: work.has_taken(1))
    stopping.set()
    shift.wake()

    assert not await asyncio.wait_for(working, DEADLINE_S)


async def test_after_a_turn_that_failed_another_job_may_work() -> None:
    shift = Shift(asyncio.Event())

    async def fail() -> bool:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await shift.work(fail, stays=True)
    assert not shift.wake()
    work = Work()
    await shift.work(work.take_turn, stays=False)
    assert work.turns == 1
