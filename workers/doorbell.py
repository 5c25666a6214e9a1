"""Start jobs after commits. LISTEN makes it fast; looking at the tables makes it certain."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from app.capture.change_events import may_prepare_transactions, work_waits
from app.db.pool import DATABASE_ERRORS, Connection, connection
from app.telemetry.outages import Outage
from app.webhooks.jobs import Job
from workers.resources import Resources

CHANNEL = "tellgraph"
#: Seconds between the looks after a ring. They find commits that did not ring because the doorbell had just rung.
_FOLLOW_UP_S = (0.02, 0.03, 0.05)
#: Seconds. A job that has not begun by then was lost with its queue, and is asked for again.
_LOST_AFTER_S = 1.0
_RECONNECT_S = 0.5
#: Seconds between looks if no commit rings, because transactions may be prepared. A change waits 25 ms on average.
_UNRUNG_POLL_S = 0.05
#: Seconds between looks at all that waits to be published. The others begin where the publisher has found the first.
_FULL_LOOK_S = 5.0
#: The same while something is left over, which the other looks pass by. Its own publisher takes it at once, unless
#: another one has locked its shard and ends before.
_LEFT_OVER_LOOK_S = 1.0


class Doorbell:
    """Asks for jobs of this process, each at most once until it has begun."""

    def __init__(
        self,
        resources: Resources,
        ring: Callable[[Job], Awaitable[None]],
        note_connection: Callable[[bool], Awaitable[None]],
    ) -> None:
        """Make a doorbell.

        Args:
            resources: The resources of the process.
            ring: Asks for a job.
            note_connection: Called with True whenever PostgreSQL is reached, and with False whenever it is lost.
        """
        self._resources = resources
        self._ring = ring
        self._note_connection = note_connection
        self._heard = asyncio.Event()
        self._asked: dict[Job, float] = {}
        self._fully_looked_at = float("-inf")
        self._outage = Outage("doorbell.lost", "doorbell.back")

    def begun(self, job: Job) -> None:
        """Note that a job has begun. Anything committed from now on needs another ring."""
        self._asked.pop(job, None)

    def wake(self) -> None:
        """Look at the tables now, and check whether the process stops."""
        self._heard.set()

    async def run(self) -> None:
        """Listen and look until the process stops. After a lost connection, begin again."""
        while not self._resources.stopping.is_set():
            try:
                async with connection(self._resources.database) as conn:
                    await self._watch(conn)
            except DATABASE_ERRORS as error:
                self._outage.note(error)
                await self._note_connection(False)
                await self._resources.pause(_RECONNECT_S)

    async def _watch(self, conn: Connection) -> None:
        idle = self._resources.settings.idle_poll_s
        if await may_prepare_transactions(conn):
            idle = min(idle, _UNRUNG_POLL_S)
        await conn.add_listener(CHANNEL, self._hear)
        self._outage.end()
        is_clean = False
        try:
            await self._note_connection(True)
            await self._look(conn)
            follow_up = len(_FOLLOW_UP_S)
            while not self._resources.stopping.is_set():
                if await self._wait(_FOLLOW_UP_S[follow_up] if follow_up < len(_FOLLOW_UP_S) else idle):
                    # A ring means a change: no need to look.
                    await self.ask(Job.PUBLISH)
                    follow_up = 0
                else:
                    await self._look(conn)
                    follow_up += 1
        finally:
            with contextlib.suppress(*DATABASE_ERRORS):
                await conn.remove_listener(CHANNEL, self._hear)
                is_clean = not conn.is_closed()
            # A connection that may still have its listener must not go back to the pool.
            if not is_clean:
                with contextlib.suppress(*DATABASE_ERRORS):
                    conn.terminate()

    async def _look(self, conn: Connection) -> None:
        """Ask for the jobs that have work."""
        now, floors = time.monotonic(), self._resources.floors
        has_left_over = floors.has_left_over
        if is_full := now - self._fully_looked_at >= (_LEFT_OVER_LOOK_S if has_left_over else _FULL_LOOK_S):
            self._fully_looked_at = now
            # Before the look: a step that ends meanwhile may leave over more.
            floors.has_left_over = False
        waiting = await work_waits(conn, floor=0 if is_full else floors.lowest)
        if is_full and has_left_over and waiting.publish:
            floors.has_left_over = True
        if waiting.publish:
            await self.ask(Job.PUBLISH)
        if waiting.deliver:
            await self.ask(Job.DELIVER)
        if waiting.advance:
            await self.ask(Job.ADVANCE)

    async def ask(self, job: Job) -> None:
        """Ask for a job, unless it was asked for within the last second and has not begun yet."""
        now = time.monotonic()
        if self._resources.stopping.is_set() or now - self._asked.get(job, -_LOST_AFTER_S) < _LOST_AFTER_S:
            return
        self._asked[job] = now
        await self._ring(job)

    async def _wait(self, seconds: float) -> bool:
        """Wait for the doorbell. Return whether it rang in time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), seconds)
        rang = self._heard.is_set()
        self._heard.clear()
        return rang

    def _hear(self, *_: object) -> None:
        self.wake()
