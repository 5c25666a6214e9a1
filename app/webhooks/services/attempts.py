"""Decide what follows an attempt, and store the result in one transaction with what it means for others."""

import random
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from databases import Database

from app.db.pool import Connection, connection, transaction
from app.webhooks.db import deliveries, webhook_outages
from app.webhooks.db.deliveries import DueEvent, Result, StoredResults
from app.webhooks.db.taking.messages import TakenEvent
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain import retry
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.operational_event import exhausted_reason, name_outcome
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.services.succession import supersede_failed

_log = structlog.get_logger()


class Outcome(NamedTuple):
    """The outcome of one attempt.

    Attributes:
        kind: The HTTP status, or the reason why there is none.
        error: A description of the problem; None when there was none. There may be a status as well.
        detail: The libraries' own words about it, for the log.
        retry_after: The Retry-After header as received; None when there is none.
        response_body: The first 8 KiB of the answer; None when there is none.
    """

    due: DueEvent | TakenEvent
    kind: int | ErrorKind
    error: str | None = None
    duration_ms: float = 0.0
    detail: str | None = None
    retry_after: str | None = None
    response_body: bytes | None = None


def build_result(outcome: Outcome, now: datetime) -> Result:
    """Decide what follows an attempt, log it, and return the result to store."""
    due = outcome.due
    decision = retry.decide(
        attempt_number=due.attempt - due.attempts_before,
        outcome=outcome.kind,
        retry_after=outcome.retry_after,
        now=now,
        first_attempted_at=due.first_attempted_at,
        max_retries=due.max_retries,
        chance=random.random(),
    )
    kind = outcome.kind if isinstance(outcome.kind, ErrorKind) else None
    status = None if kind else int(outcome.kind)
    result = Result(
        id=due.id,
        webhook_id=due.webhook_id,
        attempt=due.attempt,
        state=decision.state,
        reason=_reason(decision, outcome, status, kind),
        status=status,
        error_kind=kind,
        error=_storable(outcome.error),
        response_body=outcome.response_body,
        duration_ms=round(outcome.duration_ms),
        delay_s=decision.delay_s,
        disable_reason=decision.disable_reason,
        pause_s=retry.pause_s(outcome=outcome.kind, retry_after=outcome.retry_after, delay_s=decision.delay_s, now=now),
        is_test=due.event_name == "test",
    )
    _log.info(
        "delivery.attempted",
        webhook_event_id=due.id,
        webhook_id=due.webhook_id,
        entity=f"{due.entity_type}-{due.entity_id}",
        attempt=due.attempt,
        status=status,
        error_kind=kind,
        error=outcome.detail,
        state=decision.state,
        duration_ms=result.duration_ms,
        retry_in_s=decision.delay_s,
        pause_s=result.pause_s,
    )
    return result


def list_retried(results: Sequence[Result]) -> list[Result]:
    """Return the results after which the event waits for its next attempt."""
    return [result for result in results if result.state is WebhookEventState.RETRYING and not result.is_test]


async def store_results(results: Sequence[Result], database: Database) -> StoredResults:
    """Store the results of attempts, disable webhooks that have failed for too long, and let newer states go first."""
    if all(result.state is WebhookEventState.DELIVERED for result in results):
        # One statement, which commits by itself.
        async with connection(database) as conn:
            return await deliveries.record_results(conn, results)
    async with transaction(database) as conn:
        recorded = await deliveries.record_results(conn, results)
        disabled = await _disable(conn, [result for result in results if result.id in recorded.ids])
        await supersede_failed(conn, [result.id for result in list_retried(results) if result.id in recorded.ids])
    for webhook_id, reason in disabled.items():
        _log.warning("delivery.webhook_disabled", webhook_id=webhook_id, reason=reason)
    return recorded


async def _disable(conn: Connection, recorded: Sequence[Result]) -> dict[WebhookId, str]:
    """Disable webhooks whose endpoint is gone, or whose deliveries have failed for too many days.

    Returns:
        The webhooks that were enabled until then, each with the reason.
    """
    failed = {result.webhook_id for result in recorded if result.is_failure}
    failing = await webhook_outages.list_failing(conn, failed, days=retry.MAX_FAILING_DAYS)
    reasons = dict.fromkeys(failing, retry.FAILING_REASON)
    reasons |= {result.webhook_id: result.disable_reason for result in recorded if result.disable_reason}
    return {
        id: reason for id, reason in sorted(reasons.items()) if await webhook_outages.disable_webhook(conn, id, reason)
    }


def _reason(decision: retry.Decision, outcome: Outcome, status: int | None, kind: ErrorKind | None) -> str | None:
    """Return why an event has failed; None if it has not."""
    if decision.state is not WebhookEventState.FAILED or decision.reason is not None:
        return decision.reason
    if outcome.due.event_name == "test":
        return (
            f"A test is not retried. It ended with {name_outcome(status=status, error_kind=kind, error=outcome.error)}."
        )
    return exhausted_reason(attempts=outcome.due.attempt, status=status, error_kind=kind, error=outcome.error)


def _storable(text: str | None) -> str | None:
    """Replace the characters that PostgreSQL refuses in a text: lone surrogates and NUL."""
    return text and text.replace("\0", "�").encode(errors="replace").decode()
