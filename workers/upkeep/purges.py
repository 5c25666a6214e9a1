"""Erase what webhooks have stored of purged orders."""

from app.db.pool import transaction
from app.webhooks.db.runs.purges import erase_step
from workers.resources import Resources

#: Steps of one sweep, so that a large purge does not hold up the rest of it.
STEPS = 100


async def erase_purged(resources: Resources) -> None:
    """Erase stored bodies of purged orders, by steps."""
    for _ in range(STEPS):
        if resources.stopping.is_set():
            return
        async with transaction(resources.database) as conn:
            if not await erase_step(conn):
                return
