"""The health of a webhook, in one word, with its time and its reason."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from app.webhooks.domain.operational_event import failing_reason


class WebhookHealth(StrEnum):
    """The health of a webhook, the gravest first; the table computes and stores it."""

    DELETED = "DELETED"
    """It is sent nothing any more."""
    DISABLED_BY_TELLGRAPH = "DISABLED_BY_TELLGRAPH"
    """Its endpoint is gone, or has failed for days."""
    DISABLED = "DISABLED"
    """A person has disabled it."""
    BROKEN = "BROKEN"
    """Its query, triggers or filter don't fit the schema any more."""
    FAILING = "FAILING"
    """No delivery has succeeded since some attempt failed."""
    CATCHING_UP = "CATCHING_UP"
    """It is being sent what it missed while it was disabled."""
    PAUSED = "PAUSED"
    """Its endpoint has asked for a pause."""
    OK = "OK"
    """None of these."""


#: The health that nobody has asked for: the webhook does not work until somebody mends something.
NEEDS_A_PERSON = (WebhookHealth.DISABLED_BY_TELLGRAPH, WebhookHealth.BROKEN, WebhookHealth.FAILING)


class HealthColumns(Protocol):
    """The columns of a webhook that its health follows from."""

    @property
    def health(self) -> WebhookHealth: ...
    @property
    def deleted_at(self) -> datetime | None: ...
    @property
    def disabled_at(self) -> datetime | None: ...
    @property
    def disabled_by(self) -> str | None: ...
    @property
    def disabled_reason(self) -> str | None: ...
    @property
    def broken_at(self) -> datetime | None: ...
    @property
    def broken_reason(self) -> str | None: ...
    @property
    def failing_since(self) -> datetime | None: ...
    @property
    def paused_until(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """The health of a webhook at one time.

    Attributes:
        since: Since when; None: it is not known, or the webhook is OK.
        reason: The cause in a sentence; None: the webhook is OK.
    """

    health: WebhookHealth
    since: datetime | None = None
    reason: str | None = None


def report_health(webhook: HealthColumns, now: datetime) -> HealthReport:
    """Return the health of a webhook at a time. A pause that is over is none."""
    health, is_paused = webhook.health, webhook.paused_until is not None and webhook.paused_until > now
    pause = f"The endpoint asked for a pause until {webhook.paused_until:%Y-%m-%d %H:%M:%S} UTC." if is_paused else None
    match health:
        case WebhookHealth.DELETED:
            return HealthReport(health=health, since=webhook.deleted_at, reason="It was deleted.")
        case WebhookHealth.DISABLED_BY_TELLGRAPH:
            return HealthReport(health=health, since=webhook.disabled_at, reason=webhook.disabled_reason)
        case WebhookHealth.DISABLED:
            by = "by hand" if webhook.disabled_by == "hand" else f"by the {webhook.disabled_by}"
            return HealthReport(health=health, since=webhook.disabled_at, reason=f"Disabled {by}.")
        case WebhookHealth.BROKEN:
            return HealthReport(health=health, since=webhook.broken_at, reason=webhook.broken_reason)
        case WebhookHealth.FAILING:
            failing = None if webhook.failing_since is None else failing_reason(webhook.failing_since)
            reason = " ".join(text for text in (failing, pause) if text)
            return HealthReport(health=health, since=webhook.failing_since, reason=reason)
        case WebhookHealth.CATCHING_UP:
            missed = "It is being sent the present state of what changed while it was disabled."
            return HealthReport(health=health, reason=missed)
        case WebhookHealth.PAUSED if is_paused:
            return HealthReport(health=health, reason=pause)
    return HealthReport(health=WebhookHealth.OK)
