"""The one connection that an operation, or a rendered batch, reads by."""

import asyncio
from typing import Any

from app.auth.viewers import KeyCheck
from app.db.pool import DATABASE_ERRORS, Connection, Record
from app.db.unreadable import UNREADABLE_ERRORS, times_as_text


class Reader:
    """One connection for all reads: resolvers run concurrently, a connection takes one statement at a time.

    witness     what a plan's statement selects along, where it can, to confirm that the viewer still is who it was.
    statements  how many have run; tests hold it against the number of entities.
    characters  of the JSON that plans have read.
    """

    def __init__(self, conn: Connection, key_check: KeyCheck | None = None) -> None:
        self._conn = conn
        self.key_check = key_check
        self._lock = asyncio.Lock()
        self.statements = 0
        self.characters = 0

    @property
    def is_in_transaction(self) -> bool:
        """Also when a statement of it has failed, so that no other one can be run."""
        return self._conn.is_in_transaction()

    async def fetch(self, sql: str, *args: Any) -> list[Record]:
        async with self._lock:
            self.statements += 1
            try:
                return await self._conn.fetch(sql, *args)
            except DATABASE_ERRORS:
                raise
            except UNREADABLE_ERRORS:
                # One row must not take all others with it: the field that shows the value says what is wrong with it.
                async with times_as_text(self._conn):
                    return await self._conn.fetch(sql, *args)
