"""The ways that operations take: light ones in the API's event loop, heavy ones in a lane, new documents in threads."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from app.auth.db.api_keys import ApiKeyId
from app.db.pool import create_database
from app.http.limits.fair_gate import FairGate
from app.http.limits.heavy_lane import HeavyLane, Resources
from app.settings import Settings
from app.webhooks.cel.filters import FilterProcess

T = TypeVar("T")

#: Threads that read new documents, which takes up to half a second. Each key may use one of them.
_READERS = 2
#: The part of the connections to PostgreSQL that heavy operations have.
_HEAVY_PART = 3


def open_resources(settings: Settings) -> tuple[Resources, Resources]:
    """Return the resources of the API's event loop and of the heavy lane, which share the connections."""
    heavy = _heavy_connections(settings)
    light, heavy_resources = (
        Resources(
            database=create_database(
                settings.database_url or "", pool_size=connections, timeout_s=settings.database_timeout_s
            ),
            filters=FilterProcess(),
        )
        for connections in (settings.database_pool_size - heavy, heavy)
    )
    return light, heavy_resources


def _heavy_connections(settings: Settings) -> int:
    return max(1, settings.database_pool_size // _HEAVY_PART)


class Place:
    """The place of an operation in a lane, which it can give up for as long as it waits for something.

    Attributes:
        resources: Those of the lane's event loop.
    """

    def __init__(self, gate: FairGate, key_id: ApiKeyId, resources: Resources) -> None:
        self.resources = resources
        self._gate, self._key_id = gate, key_id
        self._loop = asyncio.get_running_loop()
        self._is_held = False

    async def enter(self) -> None:
        """Take the place. Raises RateLimited if there is none in time."""
        await self._gate.enter(self._key_id)
        self._is_held = True

    def leave(self) -> None:
        """Give the place back, if it is held."""
        if self._is_held:
            self._is_held = False
            self._gate.leave(self._key_id)

    async def outside(self, wait: Callable[[], Awaitable[T]]) -> T:
        """Wait without the place, in the API's event loop. Raises RateLimited if there is no place afterwards."""
        if asyncio.get_running_loop() is self._loop:
            return await self._outside(wait)
        waiting = asyncio.run_coroutine_threadsafe(self._outside(wait), self._loop)
        return await asyncio.wrap_future(waiting)

    async def _outside(self, wait: Callable[[], Awaitable[T]]) -> T:
        self.leave()
        waited = await wait()
        await self.enter()
        return waited


class Lanes:
    """Runs operations so that no key keeps another one waiting: each way has places, which keys take in turns.

    Args:
        light, heavy: The resources of each event loop.
    """

    def __init__(self, settings: Settings, *, light: Resources, heavy: Resources) -> None:
        places = _heavy_connections(settings)
        self._resources, self._heavy_resources = light, heavy
        self._light = self._gate(settings, total=settings.database_pool_size - places)
        self._heavy = self._gate(settings, total=places)
        self._reading = FairGate(total=_READERS, per_key=1, wait_s=settings.rate_wait_s)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="readers")
        self._lane = HeavyLane(heavy)

    @staticmethod
    def _gate(settings: Settings, *, total: int) -> FairGate:
        # One place is left to the other keys.
        per_key = min(settings.rate_concurrent, max(1, total - 1))
        return FairGate(total=total, per_key=per_key, wait_s=settings.rate_wait_s)

    async def read(self, key_id: ApiKeyId, read: Callable[[], T]) -> T:
        """Call a function that takes long in a thread. Raises RateLimited, or whatever it raises."""
        await self._reading.enter(key_id)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, read)
        finally:
            self._reading.leave(key_id)

    async def run_light(self, key_id: ApiKeyId, operation: Callable[[Place], Awaitable[T]]) -> T:
        """Run an operation in this event loop. Raises RateLimited, or whatever it raises."""
        place = Place(self._light, key_id, self._resources)
        await place.enter()
        try:
            return await operation(place)
        finally:
            place.leave()

    async def run_heavy(self, key_id: ApiKeyId, operation: Callable[[Place], Awaitable[T]]) -> T:
        """Run an operation in the heavy lane. Raises RateLimited, or whatever it raises."""
        place = Place(self._heavy, key_id, self._heavy_resources)
        await place.enter()
        try:
            return await self._lane.run(lambda _: operation(place))
        finally:
            place.leave()

    async def close(self) -> None:
        await self._lane.close()
        self._readers.shutdown(wait=False, cancel_futures=True)
