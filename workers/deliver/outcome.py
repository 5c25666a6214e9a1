"""The outcome of an attempt, and the result that is stored for it."""

import asyncio
import random
from datetime import datetime
from typing import NamedTuple

import structlog

from app.errors import AttemptError, PayloadGone, PreSendError
from app.webhooks.db.deliveries import DueEvent, Result
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.operational_event import exhausted_reason, name_outcome
from app.webhooks.domain.webhook_event import WebhookEventState
from workers.deliver import retry
from workers.http.errors import detail
from workers.http.transport import Answer

_log = structlog.get_logger()


class Outcome(NamedTuple):
    """The outcome of one attempt.

    Attributes:
        kind: The HTTP status, or the reason why there is none.
        error: A description of the problem; None when there was none. There may be a status as well.
        detail: The libraries' own words about it, for the log.
    """

    due: DueEvent
    kind: int | ErrorKind
    answer: Answer | None = None
    error: str | None = None
    duration_ms: float = 0.0
    detail: str | None = None


def build_outcome(due: DueEvent, answer: Answer) -> Outcome:
    """Build the outcome of an attempt with a status."""
    return Outcome(due, answer.status, answer, answer.note, answer.duration_ms)


def build_failure(due: DueEvent, error: BaseException, duration_ms: float = 0.0) -> Outcome:
    """Build the outcome of an attempt without a status. An unexpected error is logged and becomes INTERNAL."""
    in_detail = None
    match error:
        case AttemptError():
            in_detail = None if error.__cause__ is None else detail(error.__cause__)
            kind, text = ErrorKind(error.kind), error.message
        case asyncio.CancelledError():
            kind, text = _ours(due, ErrorKind.CANCELLED), "The worker was told to stop."
        case PayloadGone():
            kind, text = ErrorKind.PAYLOAD_GONE, str(error)
        case PreSendError():
            kind, text = _ours(due, ErrorKind.UNSENT), str(error)
        case _:
            _log.error("delivery.internal_error", webhook_event_id=due.id, exc_info=error)
            kind, text = ErrorKind.INTERNAL, type(error).__name__
    return Outcome(due, kind, None, text, duration_ms, in_detail)


def build_result(outcome: Outcome, now: datetime) -> Result:
    """Decide what follows an attempt, log it, and return the result to store."""
    due, answer = outcome.due, outcome.answer
    retry_after = answer.retry_after if answer else None
    decision = retry.decide(
        attempt_number=due.attempt - due.attempts_before,
        outcome=outcome.kind,
        retry_after=retry_after,
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
        response_body=answer.body if answer else None,
        duration_ms=round(outcome.duration_ms),
        delay_s=decision.delay_s,
        disable_reason=decision.disable_reason,
        pause_s=retry.pause_s(outcome=outcome.kind, retry_after=retry_after, delay_s=decision.delay_s, now=now),
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


def _reason(decision: retry.Decision, outcome: Outcome, status: int | None, kind: ErrorKind | None) -> str | None:
    """Return why an event has failed; None if it has not."""
    if decision.state is not WebhookEventState.FAILED or decision.reason is not None:
        return decision.reason
    if outcome.due.event_name == "test":
        return (
            f"A test is not retried. It ended with {name_outcome(status=status, error_kind=kind, error=outcome.error)}."
        )
    return exhausted_reason(attempts=outcome.due.attempt, status=status, error_kind=kind, error=outcome.error)


def _ours(due: DueEvent, kind: ErrorKind) -> ErrorKind:
    """Return a kind of OUR_FAULTS, after which an event is tried again. A test is tried only once: INTERNAL."""
    return ErrorKind.INTERNAL if due.event_name == "test" else kind


def _storable(text: str | None) -> str | None:
    """Replace the characters that PostgreSQL refuses in a text: lone surrogates and NUL."""
    return text and text.replace("\0", "�").encode(errors="replace").decode()
