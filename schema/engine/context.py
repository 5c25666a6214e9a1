"""What every resolver of one operation (or one rendered batch) shares."""

import asyncio
from dataclasses import dataclass, field

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.settings import Settings
from app.webhooks.cel.filters import FilterProcess
from schema.engine.loaders import Loaders
from schema.engine.reader import Reader


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
    loaders: Loaders
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
