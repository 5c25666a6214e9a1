"""Decide what follows an attempt: it is delivered, tried again later, or failed. Pure: no clock, no randomness."""

import email.utils
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from app.webhooks.domain.attempt import OUR_FAULTS, ErrorKind
from app.webhooks.domain.webhook_event import AttemptedState, WebhookEventState

_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600.0
# Seconds before each retry; the last one repeats.
SCHEDULE_S: Final = (
    0.0,
    5.0,
    30.0,
    2 * _MINUTE_S,
    10 * _MINUTE_S,
    30 * _MINUTE_S,
    1 * _HOUR_S,
    2 * _HOUR_S,
    4 * _HOUR_S,
    8 * _HOUR_S,
)
# Share of a delay by which chance moves it either way, so that events that failed together are not retried together.
JITTER: Final = 0.2
MAX_AGE: Final = timedelta(days=30)
# Seconds before an event is tried again that our own fault kept from being sent. Somebody repairs the fault by hand,
# and should not have to wait for hours then.
UNSENT_DELAY_S: Final = 5 * _MINUTE_S
MAX_RETRY_AFTER_S: Final = 24 * _HOUR_S
TOO_MANY: Final = 429
# Bounds of a webhook's pause after a 429 without Retry-After. The event's own retry may be 8 hours away; the webhook's
# other events must not wait as long.
MIN_PAUSE_S: Final = 1.0
MAX_UNASKED_PAUSE_S: Final = 5 * _MINUTE_S
# Retries after a 3xx or 4xx answer, which seldom changes.
MAX_REJECTED_RETRIES: Final = 5
GONE: Final = 410
GONE_REASON: Final = "The endpoint answered 410 Gone."
# A webhook is disabled at its next failure after so many days, not by time alone: without traffic it may be healthy.
MAX_FAILING_DAYS: Final = 5
FAILING_REASON: Final = f"No delivery has succeeded for {MAX_FAILING_DAYS} days."
TOO_OLD_REASON: Final = f"No attempt has succeeded within {MAX_AGE.days} days of the first."
PAYLOAD_GONE_REASON: Final = "The payload is not there any more, so that nothing can be sent."
# 4xx that mean "not now" rather than "not this": Request Timeout, Too Early, Too Many Requests.
TEMPORARY_STATUSES: Final = frozenset({408, 425, TOO_MANY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The state of a webhook event after an attempt.

    Attributes:
        delay_s: Seconds until the next attempt; None unless RETRYING.
        reason: Why it has FAILED before its retries were used up; None otherwise.
        disable_reason: Why the whole webhook is disabled; None when it is not.
    """

    state: AttemptedState
    delay_s: float | None = None
    reason: str | None = None
    disable_reason: str | None = None


def decide(
    *,
    attempt_number: int,
    outcome: int | ErrorKind,
    retry_after: str | None,
    now: datetime,
    first_attempted_at: datetime,
    max_retries: int,
    chance: float,
) -> Decision:
    """Decide what follows an attempt that has ended. Our own faults do not use up retries.

    Args:
        attempt_number: Number of this attempt, from 1.
        outcome: The HTTP status, or the reason why there is none.
        retry_after: The Retry-After header as received: seconds or an HTTP date. It is followed, up to 24 hours, if it
            is later than the schedule. Any other text is ignored, like None.
        now: Aware.
        first_attempted_at: Aware.
        max_retries: Attempts after the first, 0 to 50.
        chance: Evenly distributed in [0, 1); decides the jitter.
    """
    if not isinstance(outcome, ErrorKind):
        if 200 <= outcome < 300:
            return Decision(state=WebhookEventState.DELIVERED)
        if outcome == GONE:
            return Decision(state=WebhookEventState.FAILED, reason=GONE_REASON, disable_reason=GONE_REASON)
        if _is_rejection(outcome):
            max_retries = min(max_retries, MAX_REJECTED_RETRIES)
    if outcome is ErrorKind.PAYLOAD_GONE:
        return Decision(state=WebhookEventState.FAILED, reason=PAYLOAD_GONE_REASON)
    if attempt_number > max_retries and outcome not in OUR_FAULTS:
        return Decision(state=WebhookEventState.FAILED)
    delay_s = max(_delay_s(attempt_number, outcome, chance), retry_after_s(retry_after, now) or 0.0)
    if now + timedelta(seconds=delay_s) > first_attempted_at + MAX_AGE:
        return Decision(state=WebhookEventState.FAILED, reason=TOO_OLD_REASON)
    return Decision(state=WebhookEventState.RETRYING, delay_s=delay_s)


def pause_s(*, outcome: int | ErrorKind, retry_after: str | None, delay_s: float | None, now: datetime) -> float | None:
    """Return the seconds for which nothing is sent to an endpoint after this answer.

    Args:
        outcome: The HTTP status, or the reason why there is none.
        retry_after: The header as for `decide`. A failure with this header asks for that pause, at most 24 hours.
        delay_s: Seconds until the event's own retry. It is the pause after a 429 without the header, from 1 second to
            5 minutes.
        now: Aware.

    Returns:
        None when the endpoint asks for no pause.
    """
    if isinstance(outcome, ErrorKind) or 200 <= outcome < 300:
        return None
    if asked_s := retry_after_s(retry_after, now):
        return asked_s
    return min(max(delay_s or 0.0, MIN_PAUSE_S), MAX_UNASKED_PAUSE_S) if outcome == TOO_MANY else None


def _delay_s(attempt_number: int, outcome: int | ErrorKind, chance: float) -> float:
    if outcome is ErrorKind.UNSENT:
        return _jittered(UNSENT_DELAY_S, chance)
    # Another worker takes over an aborted POST at once.
    return 0.0 if outcome is ErrorKind.CANCELLED else scheduled_delay_s(attempt_number, chance)


def scheduled_delay_s(retry_number: int, chance: float) -> float:
    """Return the seconds before a retry, numbered from 1. `chance` 0 gives the shortest delay, 0.5 the middle one."""
    return _jittered(SCHEDULE_S[min(retry_number, len(SCHEDULE_S)) - 1], chance)


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header as seconds from now, at most 24 hours. None if it is absent, past or unreadable.

    Source: RFC 9110, 10.2.3 (Retry-After) and 5.6.7 (HTTP-date, in all three forms).
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        # A number with more digits than a day has seconds is cut, so that int() never reads thousands of digits.
        digits = text.lstrip("0")
        seconds = float(digits or 0) if len(digits) <= 6 else MAX_RETRY_AFTER_S
    else:
        date = _http_date(text)
        if date is None:
            return None
        seconds = (date - now).total_seconds()
    return min(seconds, MAX_RETRY_AFTER_S) if seconds > 0 else None


def _jittered(delay_s: float, chance: float) -> float:
    return delay_s * (1 + JITTER * (2 * chance - 1))


def _is_rejection(status: int) -> bool:
    return 300 <= status < 500 and status not in TEMPORARY_STATUSES


def _http_date(text: str) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # The asctime form has no zone; HTTP dates are always UTC.
    return date if date.tzinfo else date.replace(tzinfo=UTC)
