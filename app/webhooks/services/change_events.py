"""Publish changes again that could not be published."""

from databases import Database

from app.auth.viewers import Viewer
from app.capture import change_events
from app.db.pool import transaction
from app.errors import Forbidden


async def retry_set_aside(database: Database, viewer: Viewer) -> int:
    """Have all changes that were set aside published again. Return their number. Raise Forbidden for sellers."""
    if not viewer.is_operator:
        raise Forbidden("Only the marketplace operator has changes published again.")
    async with transaction(database, actor=viewer.actor) as conn:
        return await change_events.retry_set_aside(conn)
