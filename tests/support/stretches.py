"""The longest stretch for which an event loop is held, in CPU time: a busy machine does not make it longer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: Seconds between two looks.
_PAUSE_S = 0.001


class Stretches:
    """Attributes:
    longest_s: CPU seconds of this thread between two looks, at most.
    """

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def look(self) -> None:
        before = time.thread_time()
        while True:
            await asyncio.sleep(_PAUSE_S)
            now = time.thread_time()
            self.longest_s = max(self.longest_s, now - before)
            before = now


@asynccontextmanager
async def measured_stretches() -> AsyncIterator[Stretches]:
    """Measure the running loop. Whatever the test itself does in it counts, too."""
    stretches = Stretches()
    looking = asyncio.create_task(stretches.look())
    try:
        yield stretches
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
