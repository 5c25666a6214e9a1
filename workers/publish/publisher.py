"""Publish for one process, for as long as changes keep coming."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from workers.deliver.job import Deliverer
from workers.publish.job import publish_steps
from workers.publish.step import Step
from workers.resources import Resources
from workers.shifts import Shift

#: Seconds between the beginnings of two looks at what waits. Nobody is notified for so long after a commit has rung
#: (tellgraph_ring.sql). What is committed meanwhile is published together, which costs little more than one change.
GATHER_S: Final = 0.02


class Publisher:
    """Publishes for one process. Only one of its jobs works at a time, and stays for a whole shift.

    A measured optimisation: with a job and a step for each change, an event of a stream took twice the CPU.
    """

    def __init__(self, resources: Resources, deliverer: Deliverer | None = None) -> None:
        self._resources = resources
        self._deliverer = deliverer
        self._shift = Shift(resources.stopping)

    def wake(self) -> bool:
        """Have the working job look again. Return whether there is one."""
        return self._shift.wake()

    async def publish(self, *, on_step: Callable[[Step], None]) -> bool:
        """Publish whatever waits until the shift ends. Return whether more may wait.

        If another job of this process is publishing already, that job is told to look again instead.

        Args:
            on_step: Called after each step, once it is committed.

        Raises:
            DatabaseUnavailable: And other errors of a lost connection.
        """

        async def publish_gathered() -> bool:
            begun_at, was_full = time.monotonic(), False
            async for step in publish_steps(self._resources, self._deliverer):
                on_step(step)
                if not step.is_more:
                    continue
                # Not after the small step of one lane while another one has a backlog.
                if not (step.is_full or was_full):
                    await asyncio.sleep(begun_at + GATHER_S - time.monotonic())
                begun_at, was_full = time.monotonic(), step.is_full
            await asyncio.sleep(begun_at + GATHER_S - time.monotonic())
            return False

        return await self._shift.work(publish_gathered, stays=True)
