"""Store the results of POSTs. A lost result would mean that the same event is sent twice."""

import asyncio
from collections.abc import Sequence

import asyncpg
import structlog
from databases import Database

from app.db.pool import DATABASE_ERRORS
from app.errors import RecordError
from app.telemetry.metrics import ATTEMPT_SECONDS, ATTEMPTS, count
from app.webhooks.db.counts.delivery_minutes import DeliveryTally
from app.webhooks.db.deliveries import Result
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.services.attempts import store_results

_log = structlog.get_logger()

_FIRST_PAUSE_S = 0.05
#: Seconds. It is short, so that after a long outage a worker stores its results before the sweeper releases the leases.
_MAX_PAUSE_S = 1.0
#: Errors that another try can't repair: a value does not fit its column.
_REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError)


async def record(results: list[Result], database: Database) -> bool:
    """Store results together. While PostgreSQL is unreachable, try again and again.

    A result that PostgreSQL refuses is logged and left out: its lease expires, and the others are stored.

    Returns:
        Whether a claim may find something.
    """
    pause_s = _FIRST_PAUSE_S
    while results:
        try:
            return (await store_results(results, database)).may_be_due
        except _REFUSED as error:
            await _record_one_by_one(results, database, RecordError(str(error)))
            return True
        except DATABASE_ERRORS as error:
            _log.warning("delivery.record_failed", results=len(results), error=repr(error))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)
    return True


def count_attempts(results: Sequence[Result], deliveries: DeliveryTally) -> None:
    """Count attempts for the metrics and the statistics. Each is counted once, however many tries its storing takes."""
    count(ATTEMPTS, (result.error_kind or f"{(result.status or 0) // 100}xx" for result in results))
    for result in results:
        ATTEMPT_SECONDS.observe(result.duration_ms / 1000)
        deliveries.note(result.webhook_id, is_success=result.state is WebhookEventState.DELIVERED)


async def _record_one_by_one(results: list[Result], database: Database, error: RecordError) -> None:
    if len(results) == 1:
        _log.error("delivery.not_recorded", webhook_event_id=results[0].id, error=repr(error))
        return
    for result in results:
        await record([result], database)
