"""Store the results of POSTs. A lost result would mean that the same event is sent twice."""

import asyncio
from collections.abc import Sequence

import asyncpg
import structlog
from databases import Database

from app.db.pool import DATABASE_ERRORS, Connection, connection, transaction
from app.errors import RecordError
from app.telemetry.metrics import ATTEMPT_SECONDS, ATTEMPTS, count
from app.webhooks.db import deliveries
from app.webhooks.db.deliveries import Result
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook_event import WebhookEventState
from workers.deliver.retry import FAILING_REASON, MAX_FAILING_DAYS
from workers.deliver.succession import supersede_failed

_log = structlog.get_logger()

_FIRST_PAUSE_S = 0.05
#: Seconds. It is short, so that after a long outage a worker stores its results before the sweeper releases the leases.
_MAX_PAUSE_S = 1.0
#: Errors that another try can't repair: a value does not fit its column.
_REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError)


async def record(results: list[Result], database: Database) -> None:
    """Store results together. While PostgreSQL is unreachable, try again and again.

    A result that PostgreSQL refuses is logged and left out: its lease expires, and the others are stored.
    """
    pause_s = _FIRST_PAUSE_S
    while results:
        try:
            await _store(results, database)
        except _REFUSED as error:
            await _record_one_by_one(results, database, RecordError(str(error)))
            return
        except DATABASE_ERRORS as error:
            _log.warning("delivery.record_failed", results=len(results), error=repr(error))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)
        else:
            return


def list_retried(results: Sequence[Result]) -> list[Result]:
    """Return the results after which the event waits for its next attempt."""
    return [result for result in results if result.state is WebhookEventState.RETRYING and not result.is_test]


def count_attempts(results: Sequence[Result]) -> None:
    """Count attempts for the metrics. Each is counted once, however many tries its storing takes."""
    count(ATTEMPTS, (result.error_kind or f"{(result.status or 0) // 100}xx" for result in results))
    for result in results:
        ATTEMPT_SECONDS.observe(result.duration_ms / 1000)


async def _record_one_by_one(results: list[Result], database: Database, error: RecordError) -> None:
    if len(results) == 1:
        _log.error("delivery.not_recorded", webhook_event_id=results[0].id, error=repr(error))
        return
    for result in results:
        await record([result], database)


async def _store(results: list[Result], database: Database) -> None:
    if all(result.state is WebhookEventState.DELIVERED for result in results):
        # One statement, which commits by itself.
        async with connection(database) as conn:
            await deliveries.record_results(conn, results)
        return
    async with transaction(database) as conn:
        recorded = await deliveries.record_results(conn, results)
        disabled = await _disable(conn, [result for result in results if result.id in recorded])
        await supersede_failed(conn, [result.id for result in list_retried(results) if result.id in recorded])
    for webhook_id, reason in disabled.items():
        _log.warning("delivery.webhook_disabled", webhook_id=webhook_id, reason=reason)


async def _disable(conn: Connection, recorded: Sequence[Result]) -> dict[WebhookId, str]:
    """Disable webhooks whose endpoint is gone, or whose deliveries have failed for too many days.

    Returns:
        The webhooks that were enabled until then, each with the reason.
    """
    failed = {result.webhook_id for result in recorded if result.is_failure}
    reasons = dict.fromkeys(await deliveries.list_failing(conn, failed, days=MAX_FAILING_DAYS), FAILING_REASON)
    reasons |= {result.webhook_id: result.disable_reason for result in recorded if result.disable_reason}
    return {id: reason for id, reason in sorted(reasons.items()) if await deliveries.disable_webhook(conn, id, reason)}
