"""Let one job of a process do all work of a kind. Whoever finds more to do wakes it, which costs nothing."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final

#: How long a job goes on before it hands over, so that a busy worker's jobs end.
SHIFT_S: Final = 30.0


class Shift:
    """The jobs of one kind in one process: the first one works, and later ones wake it and end at once.

    `stopping` ends the work between two turns.
    """

    def __init__(self, stopping: asyncio.Event) -> None:
        self._stopping = stopping
        self._is_woken = False
        self._stirred = asyncio.Event()
        self._is_working = False

    def wake(self) -> bool:
        """Have the job that works take another turn. Return whether there is one."""
        self._is_woken = True
        self._stirred.set()
        return self._is_working

    def stir(self) -> None:
        """Have the job that waits look whether it is still busy. It takes no turn for that."""
        self._stirred.set()

    async def until_stirred(self, limit_s: float | None = None) -> None:
        """Wait until somebody wakes or stirs the job, for at most so many seconds."""
        self._stirred.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stirred.wait(), limit_s)

    async def work(
        self, take_turn: Callable[[], Awaitable[bool]], *, stays: bool, is_busy: Callable[[], bool] = lambda: False
    ) -> bool:
        """Take turns whenever somebody wakes this job, until the shift ends.

        Args:
            take_turn: Does what there is to do. Returns whether there may be more.
            stays: Whether to stay for the whole shift. If not, the work ends as soon as nothing is left.
            is_busy: Tells whether something is under way that wakes or stirs this job when it ends.

        Returns:
            Whether somebody has to go on, because the shift has ended before the work.
        """
        if self.wake():
            return False
        self._is_working, ends_at = True, time.monotonic() + SHIFT_S
        try:
            while not self._stopping.is_set() and (left_s := ends_at - time.monotonic()) > 0:
                if self._is_woken:
                    self._is_woken = False
                    if await take_turn():
                        self._is_woken = True
                elif stays or is_busy():
                    await self.until_stirred(left_s)
                else:
                    return False
            return not self._stopping.is_set() and (self._is_woken or is_busy())
        finally:
            self._is_working = False
