"""Hold a lock that another process waits for, to stop it at that very statement for as long as wanted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from tests.support.waiting import until


@dataclass(slots=True, kw_only=True)
class HeldLock:
    """A lock that `conn` holds in a transaction."""

    conn: asyncpg.Connection
    _look: asyncpg.Connection

    async def execute(self, sql: str) -> None:
        """Execute a statement by itself, beside the transaction with the lock."""
        await self._look.execute(sql)

    async def reached(self, statement: str) -> None:
        """Wait until a statement with this in its text waits for the lock."""
        await until(lambda: self._waiting(statement))

    async def find_ports(self) -> set[int]:
        """Return the client's ports of the connections whose statements wait for the lock."""
        rows = await self._look.fetch(
            "select client_port from pg_stat_activity where pid = any($1::integer[])", await self._waiting("")
        )
        return {row["client_port"] for row in rows}

    async def end_waiting(self) -> None:
        """Roll back what waits, as when the connection of a killed process is found dead before its statement ends."""
        for pid in await self._waiting(""):
            await self._look.execute("select pg_terminate_backend($1, 10000)", pid)

    async def _waiting(self, statement: str) -> list[int]:
        rows = await self._look.fetch(
            "select pid from pg_stat_activity where $1 = any(pg_blocking_pids(pid)) and strpos(query, $2) > 0",
            self.conn.get_server_pid(),
            statement,
        )
        return [row["pid"] for row in rows]


@asynccontextmanager
async def held(database_url: str, lock: str) -> AsyncIterator[HeldLock]:
    """Hold what this statement locks until the end."""
    conn, look = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    try:
        async with conn.transaction():
            await conn.execute(lock)
            yield HeldLock(conn=conn, _look=look)
    finally:
        await conn.close()
        await look.close()
