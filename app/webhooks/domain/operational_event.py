"""Operational events: what happens to a webhook itself, in words for whoever looks after it."""

from datetime import UTC, datetime
from enum import StrEnum


class OperationalEventKind(StrEnum):
    """What happened; stored by value, shown by name."""

    DISABLED = "DISABLED"
    """The webhook was disabled, by Tellgraph or by hand."""
    FAILING = "FAILING"
    """No delivery of the webhook has succeeded for a while; told once per outage."""
    EXHAUSTED = "EXHAUSTED"
    """A webhook event has used up its retries."""
    RECOVERED = "RECOVERED"
    """A delivery has succeeded after FAILING, or after Tellgraph had disabled the webhook."""
    PUBLISH_FAILED = "PUBLISH_FAILED"
    """A change could not be published, so that no webhook is told of it; it was set aside."""


def failing_reason(failing_since: datetime) -> str:
    """`failing_since` is aware: when the first delivery failed after the last that succeeded."""
    return f"No delivery has succeeded since {failing_since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC."


def exhausted_reason(*, attempts: int, status: int | None, error_kind: str | None, error: str | None) -> str:
    """How the last of so many attempts ended: with a status, or with why there is none."""
    named = f"{error_kind}, {error.rstrip('.')}" if error else str(error_kind)
    ended = named if status is None else f"HTTP {status}"
    tried = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    return f"No retries are left after {tried}. The last one ended with {ended}."
