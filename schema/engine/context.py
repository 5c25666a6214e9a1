"""What every resolver of one operation (or one rendered batch) shares."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import strawberry
from databases import Database

from app.auth.viewers import Viewer, Witness
from app.db.pool import DATABASE_ERRORS, Connection, Record
from app.db.unreadable import UNREADABLE_ERRORS, times_as_text
from app.settings import Settings
from app.webhooks.cel.filters import FilterProcess

if TYPE_CHECKING:
    from schema.engine.loaders import Loaders


class Reader:
    """One connection for all reads: resolvers run concurrently, a connection takes one statement at a time.

    witness     what a plan's statement selects along, where it can, to confirm that the viewer still is who it was.
    statements  how many have run; tests hold it against the number of entities.
    characters  of the JSON that plans have read.
    """

    def __init__(self, conn: Connection, witness: Witness | None = None) -> None:
        self._conn = conn
        self.witness = witness
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


@dataclass(slots=True, kw_only=True)
class Context:
    """Viewer, loaders and connections of one operation.

    database      for mutations, whose service opens a transaction of its own; None while rendering.
    filters       for dry runs, the process's one; None while rendering.
    request_headers  those of the request that resolvers read, by lower-case name.
    dry_run_cost  of the dry runs of webhooks so far.
    sees_deleted  whether `node` finds soft-deleted entities: a destroy event shows the entity as it was last.
    """

    viewer: Viewer
    reader: Reader
    loaders: "Loaders"
    settings: Settings
    database: Database | None = None
    filters: FilterProcess | None = None
    sees_deleted: bool = False
    dry_run_cost: int = 0
    request_headers: dict[str, str] = field(default_factory=dict)
    _turns: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def turn(self) -> None:
        """Let others run before work that holds the loop: an operation may ask for it under a hundred aliases."""
        async with self._turns:
            await asyncio.sleep(0)


Info = strawberry.Info[Context, None]
