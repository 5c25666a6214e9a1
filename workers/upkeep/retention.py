"""Cron `retention`: every hour, drop old history and make partitions for the days to come."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from functools import partial

import asyncpg
import structlog

from app.db.pool import Connection, connection, transaction
from app.webhooks.db import retention
from app.webhooks.db.retention import EXPIRED, HISTORIES, OLD, Partition
from workers.resources import Resources

_log = structlog.get_logger()

#: Days. An idempotency key is valid for one day, and POSTs of a deleted webhook have ended by then.
_EXPIRED_DAYS = 2
#: Errors after which the next run tries again: the table is locked, or it belongs to another role than the worker's.
_NOT_NOW = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.InsufficientPrivilegeError)
#: Chunks of one table in one run. The next run continues.
_MAX_CHUNKS = 200


async def apply_retention(resources: Resources) -> None:
    """Drop expired history and make partitions, as of today. Tables in use are left for the next run."""
    async with connection(resources.database) as conn:
        today = await retention.today(conn)
    await apply_retention_as_of(resources, today)


async def apply_retention_as_of(resources: Resources, today: date) -> None:
    """Do the same as of another day."""
    days = resources.settings.retention_days
    await _make(resources, days, today)
    if days:
        await _end_history(resources, today - timedelta(days=days))
    for rows in EXPIRED:
        before = today - timedelta(days=_EXPIRED_DAYS)
        await _delete(resources, rows.table, partial(retention.delete_unneeded, rows=rows, before=before))


async def _end_history(resources: Resources, before: date) -> None:
    async with connection(resources.database) as conn:
        partitions = await retention.list_partitions(conn)
    dropped = [one for one in partitions if one.until <= before and await _drop(resources, one)]
    for table in HISTORIES:
        await _delete(resources, table, partial(retention.delete_leftovers, table=table, before=before))
    for rows in OLD:
        # This reads the whole table webhook_given, so it is done only after events were dropped.
        if dropped or rows.table != "webhook_given":
            await _delete(resources, rows.table, partial(retention.delete_unneeded, rows=rows, before=before))


async def _make(resources: Resources, days: int, today: date) -> None:
    try:
        async with transaction(resources.database) as conn:
            if await retention.try_lock(conn):
                for name in await retention.make_partitions(conn, retention_days=days, today=today):
                    _log.info("retention.partition_made", partition=name)
    except (*_NOT_NOW, asyncpg.CheckViolationError) as error:
        # With a CheckViolationError, a default partition holds rows of that day; it serves until they are gone.
        _log.warning("retention.partitions_not_made", error=str(error))


async def _drop(resources: Resources, partition: Partition) -> bool:
    """Drop a partition in its own transaction, so that no two tables are locked. Return whether it was dropped."""
    try:
        async with transaction(resources.database) as conn:
            if not await retention.try_lock(conn) or not await retention.drop_partition(conn, partition):
                return False
    except (*_NOT_NOW, asyncpg.UndefinedTableError) as error:
        _log.warning("retention.not_dropped", partition=partition.name, error=str(error))
        return False
    _log.info("retention.dropped", partition=partition.name, since=str(partition.since), rows=partition.rows)
    return True


async def _delete(resources: Resources, table: str, delete: Callable[[Connection], Awaitable[int]]) -> None:
    """Delete chunk by chunk, each in its own transaction."""
    total = 0
    for _ in range(_MAX_CHUNKS):
        async with transaction(resources.database) as conn:
            deleted = await delete(conn) if await retention.try_lock(conn) else 0
        total += deleted
        if not deleted or resources.stopping.is_set():
            break
    if total:
        _log.info("retention.deleted", table=table, rows=total)
