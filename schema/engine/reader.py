"""The reader: one connection for all reads of an operation or of a rendered batch."""

import asyncio

from app.auth.viewers import KeyCheck
from app.db.pool import DATABASE_ERRORS, Connection, Record
from app.db.unreadable import UNREADABLE_ERRORS, times_as_text


class Reader:
    """Runs statements one at a time, although resolvers run concurrently.

    Args:
        key_check: A plan's statement uses it to confirm that the key still has the same viewer. None: the key was
            looked up.

    Attributes:
        statements: How many statements have run. Tests compare it with the number of entities.
        characters: The length of the JSON that plans have read.
    """

    def __init__(self, conn: Connection, key_check: KeyCheck | None = None) -> None:
        self._conn = conn
        self.key_check = key_check
        self._lock = asyncio.Lock()
        self.statements = 0
        self.characters = 0

    def use(self, conn: Connection) -> None:
        """Read by another connection from now on."""
        self._conn = conn

    @property
    def is_in_transaction(self) -> bool:
        """Tell whether a transaction is open, also if it has failed and accepts no further statement."""
        return self._conn.is_in_transaction()

    async def fetch(self, sql: str, *args: object) -> list[Record]:
        async with self._lock:
            self.statements += 1
            try:
                return await self._conn.fetch(sql, *args)
            except DATABASE_ERRORS:
                raise
            except UNREADABLE_ERRORS:
                # One unreadable value must not fail all rows: the field that shows it reports the error.
                async with times_as_text(self._conn):
                    return await self._conn.fetch(sql, *args)
