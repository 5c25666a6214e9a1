"""Store what this process has counted: changes that webhooks were not told of, and attempts that have ended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from app.db.pool import DATABASE_ERRORS, connection, transaction
from app.webhooks.db.counts.delivery_minutes import add_deliveries
from app.webhooks.db.counts.webhook_skips import add_skips
from workers.resources import Resources

_log = structlog.get_logger()

#: Seconds between two times that counts are stored. A killed worker loses the counts since the last time.
_STORED_EVERY_S = 5.0


async def store_counts(resources: Resources) -> None:
    """Add what this process has counted to the tables."""
    if ended := resources.deliveries.take():
        async with connection(resources.database) as conn:
            await add_deliveries(conn, ended)
    if skips := await resources.subscriptions.count_skips():
        async with transaction(resources.database) as conn:
            await add_skips(conn, skips)


@contextlib.asynccontextmanager
async def storing_counts(resources: Resources) -> AsyncIterator[None]:
    """Store counts for as long as the process lives, and once more at its end."""
    ended = asyncio.Event()
    storing = asyncio.create_task(_store_until(ended, resources))
    try:
        yield
    finally:
        # Not cancelled: counts that are being stored would be lost.
        ended.set()
        await storing


async def _store_until(ended: asyncio.Event, resources: Resources) -> None:
    while not ended.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _STORED_EVERY_S)
        try:
            await store_counts(resources)
        except DATABASE_ERRORS as error:
            _log.warning("counts.not_stored", error=repr(error))
