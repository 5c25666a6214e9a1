"""The last use of each API key: remembered by each process, and stored once a minute in one statement."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import structlog
from databases import Database

from app.auth.db.api_keys import ApiKeyId, store_last_uses
from app.db.pool import DATABASE_ERRORS, connection
from app.kernel import clock

_log = structlog.get_logger()

STORE_EVERY_S = 60.0


class KeyUses:
    """The uses of keys in this process that are not stored yet. A process that is killed loses a minute of them."""

    def __init__(self) -> None:
        self._used: dict[ApiKeyId, datetime] = {}

    def note(self, key_id: ApiKeyId | None) -> None:
        if key_id is not None:
            self._used[key_id] = clock.now()

    async def store(self, database: Database) -> None:
        """Store them. If the database fails, they are kept for the next time."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            async with connection(database) as conn:
                await store_last_uses(conn, used)
        except DATABASE_ERRORS as error:
            self._used = used | self._used
            _log.warning("keys.last_use_not_stored", error=repr(error))

    @asynccontextmanager
    async def stored_regularly(self, database: Database, *, every_s: float = STORE_EVERY_S) -> AsyncIterator[None]:
        """Store the uses in the background, and once more at the end."""
        stopping = asyncio.Event()

        async def run() -> None:
            while not stopping.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), every_s)
                await self.store(database)

        task = asyncio.create_task(run())
        try:
            yield
        finally:
            stopping.set()
            await task
