"""Time limits of many POSTs with one timer. A measured optimisation, not needed to be correct: a reader may skip it.

`TimeLimit` does the same as `asyncio.timeout`, which makes and drops a timer for each POST. That takes longer than
signing the POST.
"""

import asyncio
from types import TracebackType
from typing import Final

#: Seconds between two looks at the limits: a limit may be exceeded by so much.
TICK_S: Final = 0.05


class TimeLimit:
    """A context manager like `asyncio.timeout`. It raises TimeoutError at most one tick after its time."""

    __slots__ = ("_cancelling", "_clock", "_is_over", "_seconds", "_task", "_tick")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_over = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "only a task can be cancelled"
        self._task, self._cancelling = task, task.cancelling()
        self._clock = _clock_of(asyncio.get_running_loop())
        self._tick = self._clock.add(self, self._seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_over:
            self._clock.remove(self, self._tick)
        # If somebody else has cancelled the task as well, the cancellation goes on.
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """Cancel the task, whose `with` block then raises TimeoutError."""
        self._is_over = True
        self._task.cancel()


class _Clock:
    """Ticks while any limit is active. `_ending` holds the limits that each tick ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._ending: dict[int, set[TimeLimit]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, limit: TimeLimit, seconds: float) -> int:
        tick = int((self.loop.time() + seconds) / TICK_S) + 1
        self._ending.setdefault(tick, set()).add(limit)
        if self._timer is None:
            self._timer = self.loop.call_later(TICK_S, self._run)
        return tick

    def remove(self, limit: TimeLimit, tick: int) -> None:
        limits = self._ending[tick]
        limits.discard(limit)
        if not limits:
            del self._ending[tick]

    def _run(self) -> None:
        now = self.loop.time() / TICK_S
        for tick in [tick for tick in self._ending if tick <= now]:
            for limit in self._ending.pop(tick):
                limit.expire()
        # One more tick follows the last limit, so that a single POST after it needs no new timer.
        self._timer = self.loop.call_later(TICK_S, self._run) if self._ending else None


_clock: _Clock | None = None


def _clock_of(loop: asyncio.AbstractEventLoop) -> _Clock:
    """Return the running loop's clock. A process has one loop; tests have one after another."""
    global _clock
    if _clock is None or _clock.loop is not loop:
        _clock = _Clock(loop)
    return _clock
