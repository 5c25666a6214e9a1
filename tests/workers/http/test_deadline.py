import asyncio
import time

import pytest

from workers.http.deadline import TICK_S, TimeLimit


async def wait_at_most(seconds: float) -> None:
    with TimeLimit(seconds):
        await asyncio.Event().wait()


async def test_what_takes_too_long_is_broken_off() -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError) as raised:
        await wait_at_most(0.1)

    assert isinstance(raised.value.__cause__, asyncio.CancelledError)
    # On this side exact: never sooner.
    assert time.monotonic() - started >= 0.1


async def test_what_ends_in_time_is_left_alone() -> None:
    with TimeLimit(TICK_S):
        await asyncio.sleep(0)
    # Were it not forgotten, it would end this.
    await asyncio.sleep(3 * TICK_S)

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_each_of_many_has_its_own_limit() -> None:
    ended: list[int] = []

    async def wait(number: int) -> None:
        try:
            await wait_at_most(number * 2 * TICK_S)
        except TimeoutError:
            ended.append(number)

    await asyncio.gather(*(wait(number) for number in (3, 1, 2, 1)))

    assert ended == [1, 1, 2, 3]


async def test_cancelling_from_outside_stays_cancelling() -> None:
    task = asyncio.create_task(wait_at_most(60))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelling_from_outside_wins_over_the_limit() -> None:
    async def wait() -> None:
        with TimeLimit(0.01):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                # By the limit; and now by somebody else, too.
                me = asyncio.current_task()
                assert me is not None
                me.cancel()
                raise

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(wait())


async def test_other_errors_go_through() -> None:
    with pytest.raises(KeyError), TimeLimit(60):
        raise KeyError


async def test_inner_limit_leaves_the_outer_one_alone() -> None:
    ended: list[str] = []

    async def wait() -> None:
        with TimeLimit(4 * TICK_S):
            try:
                await wait_at_most(TICK_S)
            except TimeoutError:
                ended.append("inner")
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await wait()

    assert ended == ["inner"]


def test_each_event_loop_has_a_clock_of_its_own() -> None:
    for _ in range(2):
        with pytest.raises(TimeoutError):
            asyncio.run(wait_at_most(TICK_S))
