"""Store how many changes were not sent to webhooks because no watched column had changed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from app.db.pool import DATABASE_ERRORS, transaction
from app.kernel.cancellation import cancel_tasks
from app.webhooks.db.webhook_skips import add_skips
from workers.resources import Resources

_log = structlog.get_logger()

#: Seconds between two times that counts are stored. A killed worker loses the counts since the last time.
_STORED_EVERY_S = 5.0


async def store_skips(resources: Resources) -> None:
    """Add what this process has counted to the table."""
    if skips := await resources.subscriptions.count_skips():
        async with transaction(resources.database) as conn:
            await add_skips(conn, skips)


@contextlib.asynccontextmanager
async def storing_skips(resources: Resources) -> AsyncIterator[None]:
    """Store counts for as long as the process lives, and once more at its end."""
    storing = asyncio.create_task(_store_until_stopped(resources))
    try:
        yield
    finally:
        await cancel_tasks(storing)
        await _try_to_store(resources)


async def _store_until_stopped(resources: Resources) -> None:
    while not resources.stopping.is_set():
        await resources.pause(_STORED_EVERY_S)
        await _try_to_store(resources)


async def _try_to_store(resources: Resources) -> None:
    try:
        await store_skips(resources)
    except DATABASE_ERRORS as error:
        _log.warning("skips.not_stored", error=repr(error))
