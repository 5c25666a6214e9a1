"""The open streams of a process: how many there may be, and their end, by a lost key or with the process."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

from databases import Database

from app.auth.db.api_keys import ApiKeyId, list_live_keys
from app.auth.viewers import KeyCheck
from app.db.pool import DATABASE_ERRORS, connection
from app.errors import RateLimited
from app.kernel.cancellation import cancel_tasks
from app.settings import Settings
from app.telemetry.metrics import STREAMS

#: Seconds between two looks at the keys of all open streams.
_KEYS_EVERY_S = 2.0
#: Seconds after which a client that has met a limit may try again.
_RETRY_AFTER_S = 5.0


class StreamEnd(Enum):
    """A reason of the server to end a stream."""

    KEY = "The API key has been revoked or has expired."
    SHUTDOWN = "The server is shutting down. Connect again."


@dataclass(slots=True, kw_only=True, eq=False)
class OpenStream:
    """A stream, or a websocket with any number of them.

    Attributes:
        ended: Is done when the server ends it.
    """

    key_check: KeyCheck
    ended: asyncio.Future[StreamEnd] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def end(self, reason: StreamEnd) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)


class OpenStreams:
    """Counts the streams of a process, and ends them."""

    def __init__(self, settings: Settings) -> None:
        self._per_key, self._per_process = settings.streams_per_key, settings.max_streams
        self._open: set[OpenStream] = set()
        self._places: Counter[ApiKeyId] = Counter()
        self._is_ending = False

    @contextmanager
    def opened(self, key_check: KeyCheck) -> Iterator[OpenStream]:
        """Have a stream within the block, which ends when its key does or the server."""
        stream = OpenStream(key_check=key_check)
        if self._is_ending:
            stream.end(StreamEnd.SHUTDOWN)
        self._open.add(stream)
        try:
            yield stream
        finally:
            self._open.discard(stream)

    @contextmanager
    def place(self, key_id: ApiKeyId) -> Iterator[None]:
        """Take a place for a subscription within the block. Raises RateLimited if there is none."""
        if self._places[key_id] >= self._per_key:
            limit = f"{self._per_key} streams in this process, the most that one may have (TELLGRAPH_STREAMS_PER_KEY)"
            raise RateLimited(f"This API key has {limit}.", retry_after_s=_RETRY_AFTER_S)
        if self._places.total() >= self._per_process:
            message = (
                f"This process has {self._per_process} streams, the most that it may have (TELLGRAPH_MAX_STREAMS)."
            )
            raise RateLimited(message, retry_after_s=_RETRY_AFTER_S)
        self._places[key_id] += 1
        STREAMS.inc()
        try:
            yield
        finally:
            STREAMS.dec()
            self._places[key_id] -= 1
            if not self._places[key_id]:
                del self._places[key_id]

    def end_all(self) -> None:
        """End every stream, and each that is still opened: the server stops."""
        self._is_ending = True
        for stream in [*self._open]:
            stream.end(StreamEnd.SHUTDOWN)

    @asynccontextmanager
    async def keys_checked(self, database: Database) -> AsyncIterator[None]:
        """End streams whose keys are revoked or have expired within the block, and all of them at its end."""
        task = asyncio.create_task(self._check_keys_regularly(database))
        try:
            yield
        finally:
            self.end_all()
            await cancel_tasks(task)

    async def _check_keys_regularly(self, database: Database) -> None:
        while True:
            await asyncio.sleep(_KEYS_EVERY_S)
            # Without the database nobody can revoke a key.
            with suppress(*DATABASE_ERRORS):
                await self._check_keys(database)

    async def _check_keys(self, database: Database) -> None:
        checked = [*self._open]
        if not checked:
            return
        async with connection(database) as conn:
            live = await list_live_keys(conn, {stream.key_check.key_hash for stream in checked})
        for stream in checked:
            check = stream.key_check
            if live.get(check.key_hash) != (check.viewer.seller_id, check.viewer.scopes):
                stream.end(StreamEnd.KEY)
