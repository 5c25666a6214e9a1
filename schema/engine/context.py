"""The context that all resolvers of one operation (or of one rendered batch) share."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.settings import Settings
from app.webhooks.cel.filters import FilterProcess
from app.webhooks.streams.hub import Hub
from schema.engine.loaders import Loaders
from schema.engine.reader import Reader
from schema.engine.waiting import Waiting

#: Runs work in a lane.
InLane = Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Context:
    """Viewer, loaders and connections of one operation.

    Args:
        database: For mutations, whose service opens its own transaction. None while rendering.
        filters: The filter process, for dry runs. None while rendering.
        hub: What subscriptions wait at. None while rendering.
        is_rendering: A stored query is being rendered. Then `node` finds soft-deleted entities, because a destroy
            event shows the last state, and the cost is not checked: it was when the query was saved.
        dry_run_cost: The cost of the dry runs of this operation so far.
        waiting: Lets a mutation wait for messages (PULL). None where none can, as over a websocket.
        in_lane: Runs what a subscription does later in a lane, in which keys take turns. None for other operations.
        request_headers: The headers that resolvers read, by lower-case name.
    """

    viewer: Viewer
    reader: Reader
    loaders: Loaders
    settings: Settings
    database: Database | None = None
    filters: FilterProcess | None = None
    hub: Hub | None = None
    waiting: Waiting | None = None
    in_lane: InLane | None = None
    is_rendering: bool = False
    dry_run_cost: int = 0
    request_headers: dict[str, str] = field(default_factory=dict)
    _turns: asyncio.Lock = field(default_factory=asyncio.Lock)

    @classmethod
    def for_rendering(cls, reader: Reader, viewer: Viewer, settings: Settings) -> "Context":
        """Return the context in which stored queries are rendered on behalf of a webhook's owner."""
        loaders = Loaders(reader, viewer)
        return cls(viewer=viewer, reader=reader, loaders=loaders, settings=settings, is_rendering=True)

    async def turn(self) -> None:
        """Let other tasks run before work that blocks the event loop. One operation may ask for it a hundred times."""
        async with self._turns:
            await asyncio.sleep(0)


Info = strawberry.Info[Context, None]
