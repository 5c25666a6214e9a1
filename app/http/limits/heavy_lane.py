"""The lane of heavy operations: a thread with an event loop of its own, so that they don't hold up the others.

Python runs one thread at a time and changes to a waiting one after some milliseconds. So the API's event loop goes on,
whatever an operation in the lane does.
"""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from databases import Database

from app.db.hosts import UNREACHABLE
from app.errors import DatabaseUnavailable
from app.webhooks.cel.filters import FilterProcess

T = TypeVar("T")

#: Seconds after which Python changes to another thread that waits. A light operation waits so long at each of some
#: five steps while the lane is busy. Python's default is five times as long.
_SWITCH_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The database and the filter process of one event loop. No other loop may use them."""

    database: Database
    filters: FilterProcess


class HeavyLane:
    """Runs operations in its thread, which is started for the first one.

    Args:
        resources: The resources of the lane. They are not connected yet.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connecting = asyncio.Lock()

    async def run(self, operation: Callable[[Resources], Awaitable[T]]) -> T:
        """Return the result of an operation, or raise its exception."""
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._run(operation), self._loop or self._start())
        )

    async def close(self) -> None:
        """Release the resources, and end the thread."""
        if self._loop is None or self._thread is None:
            return
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._release(), self._loop))
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    def _start(self) -> asyncio.AbstractEventLoop:
        sys.setswitchinterval(_SWITCH_S)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="heavy", daemon=True)
        self._thread.start()
        return self._loop

    async def _run(self, operation: Callable[[Resources], Awaitable[T]]) -> T:
        database = self._resources.database
        async with self._connecting:
            if not database.is_connected:
                try:
                    await database.connect()
                except UNREACHABLE as error:
                    raise DatabaseUnavailable("The database can't be reached at the moment.") from error
        return await operation(self._resources)

    async def _release(self) -> None:
        await self._resources.filters.close()
        if self._resources.database.is_connected:
            await self._resources.database.disconnect()
