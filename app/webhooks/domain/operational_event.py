"""Operational events: events in the life of a webhook, described for its owner."""

from datetime import UTC, datetime
from enum import StrEnum


class OperationalEventKind(StrEnum):
    """The kind of an operational event; stored by value, shown by name."""

    DISABLED = "DISABLED"
    """The webhook was disabled, by Tellgraph or by hand."""
    FAILING = "FAILING"
    """No delivery of the webhook has succeeded for a while. It is raised once per outage."""
    EXHAUSTED = "EXHAUSTED"
    """A webhook event has used up its retries."""
    RECOVERED = "RECOVERED"
    """A delivery has succeeded after FAILING, or after Tellgraph had disabled the webhook."""
    PUBLISH_FAILED = "PUBLISH_FAILED"
    """A change could not be published and was set aside, so no webhook gets it."""


def failing_reason(failing_since: datetime) -> str:
    """Describe a failing webhook. `failing_since` is the aware time of the first failure after the last success."""
    return f"No delivery has succeeded since {failing_since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC."


def exhausted_reason(*, attempts: int, status: int | None, error_kind: str | None, error: str | None) -> str:
    """Describe the last of so many attempts: its status, or the reason why it has none."""
    ended = name_outcome(status=status, error_kind=error_kind, error=error)
    tried = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    return f"No retries are left after {tried}. The last one ended with {ended}."


def name_outcome(*, status: int | None, error_kind: str | None, error: str | None) -> str:
    """Name the outcome of an attempt: `HTTP 503`, or the kind of error with its description."""
    if status is not None:
        return f"HTTP {status}"
    return f"{error_kind}: {error.rstrip('.')}" if error else str(error_kind)
