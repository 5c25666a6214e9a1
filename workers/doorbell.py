"""From a commit to a job: LISTEN makes it fast, a look at the tables makes it certain."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog

from app.capture.change_events import Waiting, may_prepare_transactions, work_waits
from app.db.pool import DATABASE_ERRORS, Connection, connection
from app.webhooks.jobs import Job
from workers.resources import Resources

_log = structlog.get_logger()

CHANNEL = "tellgraph"
#: After a ring, looks in this order (seconds): a commit that found the doorbell just rung comes within them.
_FOLLOW_UP_S = (0.02, 0.03, 0.05)
#: A job that has not begun by then was lost with its queue: ask for it again.
_LOST_AFTER_S = 1.0
_RECONNECT_S = 0.5
#: Seconds between looks where no commit rings, since transactions may be prepared: 25 ms more for a change on average.
_UNRUNG_POLL_S = 0.05


class Doorbell:
    """Rings for jobs of this process, at most once until the job has begun."""

    def __init__(self, resources: Resources, ring: Callable[[Job], Awaitable[None]]) -> None:
        self._resources = resources
        self._ring = ring
        self._heard = asyncio.Event()
        self._asked: dict[Job, float] = {}

    def begun(self, job: Job) -> None:
        """A job says that it looks now: what is committed from here on needs another ring."""
        self._asked.pop(job, None)

    def wake(self) -> None:
        """Look now, also at whether the process stops."""
        self._heard.set()

    async def run(self) -> None:
        """Listen and look until the process stops; whatever breaks, begin again."""
        while not self._resources.stopping.is_set():
            try:
                async with connection(self._resources.database) as conn:
                    await self._watch(conn)
            except DATABASE_ERRORS as error:
                _log.warning("doorbell.lost", error=repr(error))
                await self._resources.pause(_RECONNECT_S)

    async def _watch(self, conn: Connection) -> None:
        idle = self._resources.settings.idle_poll_s
        if await may_prepare_transactions(conn):
            idle = min(idle, _UNRUNG_POLL_S)
        await conn.add_listener(CHANNEL, self._hear)
        is_clean = False
        try:
            follow_up = len(_FOLLOW_UP_S)
            while not self._resources.stopping.is_set():
                await self._ask_for(await work_waits(conn))
                if await self._wait(_FOLLOW_UP_S[follow_up] if follow_up < len(_FOLLOW_UP_S) else idle):
                    # A ring means a change: no need to look first.
                    await self.ask(Job.PUBLISH)
                    follow_up = 0
                else:
                    follow_up += 1
        finally:
            with contextlib.suppress(*DATABASE_ERRORS):
                await conn.remove_listener(CHANNEL, self._hear)
                is_clean = not conn.is_closed()
            # A lost connection keeps its listener: the pool must not get it back with one.
            if not is_clean:
                conn.terminate()

    async def _ask_for(self, waiting: Waiting) -> None:
        if waiting.publish:
            await self.ask(Job.PUBLISH)
        if waiting.deliver:
            await self.ask(Job.DELIVER)
        if waiting.advance:
            await self.ask(Job.ADVANCE)

    async def ask(self, job: Job) -> None:
        """Ring for a job, unless it was rung for a moment ago and has not begun yet."""
        now = time.monotonic()
        if self._resources.stopping.is_set() or now - self._asked.get(job, -_LOST_AFTER_S) < _LOST_AFTER_S:
            return
        self._asked[job] = now
        await self._ring(job)

    async def _wait(self, seconds: float) -> bool:
        """Whether the doorbell rang within so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), seconds)
        rang = self._heard.is_set()
        self._heard.clear()
        return rang

    def _hear(self, *_: object) -> None:
        self.wake()
