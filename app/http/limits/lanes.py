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


class Lanes:
    """Runs operations so that no key keeps another one waiting: each way has places, which keys take in turns.

    Args:
        light, heavy: The resources of each event loop.
    """

    def __init__(self, settings: Settings, *, light: Resources, heavy: Resources) -> None:
        places = _heavy_connections(settings)
        self._resources = light
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

    async def run_light(self, key_id: ApiKeyId, operation: Callable[[Resources], Awaitable[T]]) -> T:
        """Run an operation in this event loop. Raises RateLimited, or whatever it raises."""
        await self._light.enter(key_id)
        try:
            return await operation(self._resources)
        finally:
            self._light.leave(key_id)

    async def run_heavy(self, key_id: ApiKeyId, operation: Callable[[Resources], Awaitable[T]]) -> T:
        """Run an operation in the heavy lane. Raises RateLimited, or whatever it raises."""
        await self._heavy.enter(key_id)
        try:
            return await self._lane.run(operation)
        finally:
            self._heavy.leave(key_id)

    async def close(self) -> None:
        await self._lane.close()
        self._readers.shutdown(wait=False, cancel_futures=True)
