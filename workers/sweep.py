"""Cron `sweep`: what a killed worker, a lost doorbell or a flushed Redis left behind is found here, every 5 s."""

import structlog

from app.db import deliveries
from app.db.pool import transaction
from workers.resources import Resources

_log = structlog.get_logger()


async def sweep_all(resources: Resources) -> int:
    """Make due again what was claimed and never recorded. Returns how many webhook events that were."""
    async with transaction(resources.database) as conn:
        expired = await deliveries.release_expired(conn)
    if expired:
        _log.warning("sweep.leases_expired", webhook_events=expired)
    return expired
