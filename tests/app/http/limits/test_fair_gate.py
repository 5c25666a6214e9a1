import asyncio

import pytest

from app.errors import RateLimited
from app.http.limits.fair_gate import FairGate


class Visitors:
    """Tasks that enter a gate, and leave it when they are told to."""

    def __init__(self, gate: FairGate) -> None:
        self._gate = gate
        self._tasks: list[asyncio.Task[None]] = []
        self.inside: list[str] = []

    async def come(self, *keys: str) -> None:
        self._tasks += [asyncio.create_task(self._enter(key)) for key in keys]
        await self._settle()

    async def go(self, key: str) -> None:
        self.inside.remove(key)
        self._gate.leave(key)
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _enter(self, key: str) -> None:
        await self._gate.enter(key)
        self.inside.append(key)


async def test_one_key_leaves_places_to_others() -> None:
    visitors = Visitors(FairGate(total=3, per_key=2, wait_s=60))

    await visitors.come("a", "a", "a", "a", "b")

    assert visitors.inside == ["a", "a", "b"]
    await visitors.end()


async def test_a_free_place_goes_to_the_key_with_the_fewest_and_keys_take_turns() -> None:
    visitors = Visitors(FairGate(total=2, per_key=2, wait_s=60))
    await visitors.come(*"aaaaabc")
    came = []

    while visitors.inside:
        await visitors.go(visitors.inside[0])
        came += visitors.inside[1:]

    assert came[:3] == ["b", "a", "c"]
    assert len(came) == 5


async def test_who_waits_too_long_is_refused_and_takes_no_place() -> None:
    gate = FairGate(total=1, per_key=1, wait_s=0.01)
    await gate.enter("a")

    with pytest.raises(RateLimited):
        await gate.enter("b")

    gate.leave("a")
    await gate.enter("c")


async def test_who_gives_up_takes_no_place() -> None:
    gate = FairGate(total=1, per_key=1, wait_s=60)
    await gate.enter("a")
    waiting = asyncio.create_task(gate.enter("b"))
    given = asyncio.create_task(gate.enter("b"))
    await asyncio.sleep(0)

    waiting.cancel()
    await asyncio.sleep(0)
    gate.leave("a")
    given.cancel()  # It was given the place, and did not run since.
    await asyncio.gather(waiting, given, return_exceptions=True)

    await asyncio.wait_for(gate.enter("c"), 10)


async def test_a_key_has_a_limited_number_of_waiting_operations() -> None:
    gate = FairGate(total=1, per_key=1, wait_s=60)
    await gate.enter("a")
    waiting = [asyncio.create_task(gate.enter("a")) for _ in range(20)]
    await asyncio.sleep(0)

    with pytest.raises(RateLimited):
        await gate.enter("a")

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
