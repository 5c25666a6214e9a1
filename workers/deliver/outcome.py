"""The outcome of a POST: the endpoint's answer, or why there is none."""

import asyncio

import structlog

from app.errors import AttemptError, PayloadGone, PreSendError
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.services.attempts import Outcome
from workers.http.errors import detail
from workers.http.transport import Answer

_log = structlog.get_logger()


def build_outcome(due: DueEvent, answer: Answer) -> Outcome:
    """Build the outcome of an attempt with a status."""
    return Outcome(
        due,
        answer.status,
        answer.note,
        answer.duration_ms,
        retry_after=answer.retry_after,
        response_body=answer.body,
    )


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
    return Outcome(due, kind, text, duration_ms, in_detail)


def _ours(due: DueEvent, kind: ErrorKind) -> ErrorKind:
    """Return a kind of OUR_FAULTS, after which an event is tried again. A test is tried only once: INTERNAL."""
    return ErrorKind.INTERNAL if due.event_name == "test" else kind
