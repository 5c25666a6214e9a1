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
        self._woken = asyncio.Event()
        self._is_working = False

    def wake(self) -> bool:
        """Have the job that works take another turn. Return whether there is one."""
        self._woken.set()
        return self._is_working

    async def until_woken(self) -> None:
        """Wait until somebody wakes the job, and take that as seen. For the end of a process, when no job works."""
        self._woken.clear()
        await self._woken.wait()

    async def work(self, take_turn: Callable[[], Awaitable[bool]], *, is_busy: Callable[[], bool], stays: bool) -> bool:
        """Take turns whenever somebody wakes this job, until the shift ends.

        Args:
            take_turn: Does what there is to do. Returns whether there may be more.
            is_busy: Tells whether something is under way that wakes this job when it ends.
            stays: Whether to stay for the whole shift. If not, the work ends as soon as nothing is left.

        Returns:
            Whether somebody has to go on, because the shift has ended before the work.
        """
        if self.wake():
            return False
        self._is_working, ends_at = True, time.monotonic() + SHIFT_S
        try:
            while not self._stopping.is_set() and (left_s := ends_at - time.monotonic()) > 0:
                if self._woken.is_set():
                    self._woken.clear()
                    if await take_turn():
                        self._woken.set()
                elif stays or is_busy():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), left_s)
                else:
                    return False
            return not self._stopping.is_set() and (self._woken.is_set() or is_busy())
        finally:
            self._is_working = False
