"""A gate for operations: few run at once, and the free places are shared fairly between the keys."""

import asyncio
from collections import deque
from collections.abc import Hashable

from app.errors import RateLimited

#: Operations that may wait for each place of a key. Each of them has a request in memory.
_WAITING_PER_PLACE = 20


class FairGate:
    """Admits at most `total` operations at once, and at most `per_key` of one key; the others wait.

    A free place goes to the waiting key with the fewest places. So one key's queue delays no other key.

    Args:
        wait_s: Seconds that an operation waits before it is refused.
    """

    def __init__(self, *, total: int, per_key: int, wait_s: float) -> None:
        self._free, self._per_key, self._wait_s = total, min(per_key, total), wait_s
        self._running: dict[Hashable, int] = {}
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    async def enter(self, key: Hashable) -> None:
        """Take a place, which `leave` gives back. Raises RateLimited if there is none in time."""
        # A key that waits while a place is free has all its places, so this key overtakes nobody.
        if self._free and self._running.get(key, 0) < self._per_key:
            self._take(key)
            return
        queue = self._waiting.setdefault(key, deque())
        if len(queue) >= self._per_key * _WAITING_PER_PLACE:
            raise self._refusal()
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(place)
        try:
            async with asyncio.timeout(self._wait_s):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():
                self.leave(key)
            else:
                self._forget(key, place)
            if isinstance(error, TimeoutError):
                raise self._refusal() from None
            raise

    def leave(self, key: Hashable) -> None:
        """Give a place back, and give it to whoever waits for it."""
        self._free += 1
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        while self._free and self._waiting:
            able = [key for key in self._waiting if self._running.get(key, 0) < self._per_key]
            if not able:
                return
            chosen = min(able, key=lambda key: self._running.get(key, 0))
            place = self._waiting[chosen][0]
            # The chosen key goes behind the other waiting keys.
            queue = self._waiting.pop(chosen)
            queue.popleft()
            if queue:
                self._waiting[chosen] = queue
            if not place.done():
                place.set_result(None)
                self._take(chosen)

    def _take(self, key: Hashable) -> None:
        self._free -= 1
        self._running[key] = self._running.get(key, 0) + 1

    def _forget(self, key: Hashable, place: asyncio.Future[None]) -> None:
        queue = self._waiting.get(key)
        if queue and place in queue:
            queue.remove(place)
            if not queue:
                del self._waiting[key]

    def _refusal(self) -> RateLimited:
        message = "Too many operations of this API key run or wait at the same time. Send fewer at once."
        return RateLimited(message, retry_after_s=1)
