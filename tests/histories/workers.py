"""The workers of a history: the real publisher and deliverers, in this process, and some that die at their work."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

import httpx

from schema.entities import global_ids
from workers.deliver.job import Deliverer
from workers.publish.job import publish_all
from workers.resources import Resources
from workers.upkeep.backfill import backfill_all
from workers.upkeep.catch_up import catch_up_all

#: For POSTs that nobody answers: long enough for them to arrive. Nothing depends on it but how far things get.
_A_WHILE_S = 0.05

#: claimed: before the POST leaves. posted: before what came of it is stored.
Stage = Literal["claimed", "posted"]


class DoomedTransport(httpx.AsyncBaseTransport):
    """The transport of a worker that will be killed. `events`: what it has claimed."""

    def __init__(self, sound: httpx.AsyncBaseTransport, stage: Stage) -> None:
        self.events: list[int] = []
        self._sound = sound
        self._stage = stage
        self._sending: set[asyncio.Task[httpx.Response]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.events.append(global_ids.decode(request.headers["webhook-id"])[1])
        sending = asyncio.create_task(self._send(request))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        try:
            return await sending
        except asyncio.CancelledError:
            raise ConnectionError("killed") from None

    async def kill(self) -> None:
        for sending in self._sending:
            sending.cancel()
        if self._sending:
            await asyncio.wait(self._sending)

    async def _send(self, request: httpx.Request) -> httpx.Response:
        if self._stage == "claimed":
            await asyncio.Event().wait()
        return await self._sound.handle_async_request(request)


@dataclass(slots=True, kw_only=True)
class Workers:
    """Several workers on one database; `delivering` are jobs that wait for answers."""

    resources: Sequence[Resources]
    deliverers: Sequence[Deliverer]
    delivering: set[asyncio.Task[bool]] = field(default_factory=set)

    @property
    def is_quiet(self) -> bool:
        self.delivering = {job for job in self.delivering if not job.done()}
        return not self.delivering

    async def publish(self) -> None:
        """Publish with all workers. The first one sends at once what it can; of the others, claims find everything."""
        first, *others = self.resources
        await asyncio.gather(publish_all(first, self.deliverers[0]), *(publish_all(one) for one in others))

    async def backfill(self) -> None:
        await asyncio.gather(*(backfill_all(one) for one in self.resources))

    async def catch_up(self) -> None:
        await asyncio.gather(*(catch_up_all(one) for one in self.resources))

    async def publish_and_die(self, after_s: float) -> None:
        """Publish, and die before the commit: everything is rolled back."""
        publishing = asyncio.create_task(publish_all(self.resources[0]))
        await asyncio.wait({publishing}, timeout=after_s)
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)

    async def deliver(self, *, to_the_end: bool) -> None:
        """Deliver all due events; return before the end if answers are held back."""
        jobs = {asyncio.create_task(one.deliver_all()) for one in self.deliverers}
        _, waiting = await asyncio.wait(jobs, timeout=None if to_the_end else _A_WHILE_S)
        self.delivering |= waiting

    async def deliver_and_die(self, stage: Stage) -> list[int]:
        """Claim what is due, and never store what came of it. Returns the events."""
        transport = DoomedTransport(self.resources[0].transport, stage)
        # Nothing records for it: that is how it is dead.
        doomed = Deliverer(replace(self.resources[0], transport=transport))
        job = asyncio.create_task(doomed.deliver_all())
        await asyncio.wait({job}, timeout=_A_WHILE_S)
        await transport.kill()
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        return transport.events

    async def finish(self) -> None:
        """Wait for the jobs that wait for answers, which come by now."""
        if self.delivering:
            await asyncio.wait(self.delivering)


@asynccontextmanager
async def running_workers(resources: Sequence[Resources]) -> AsyncIterator[Workers]:
    async with AsyncExitStack() as stack:
        deliverers = [await stack.enter_async_context(Deliverer(one).recording()) for one in resources]
        yield Workers(resources=resources, deliverers=deliverers)
