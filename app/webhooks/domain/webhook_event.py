"""The states of a webhook event: one change for one webhook."""

from enum import StrEnum


class WebhookEventState(StrEnum):
    """The state of a webhook event; stored by value, shown by name."""

    PENDING = "PENDING"
    """Rendered, never sent."""
    SENDING = "SENDING"
    """Leased by a worker, with an attempt in flight."""
    RETRYING = "RETRYING"
    """The last attempt failed and the next one has its time."""
    DELIVERED = "DELIVERED"
    """The endpoint answered 2xx in time."""
    SKIPPED = "SKIPPED"
    """Not sent, because it would have told the subscriber nothing new."""
    SUPERSEDED = "SUPERSEDED"
    """Not sent, because a newer state of the same entity is sent in its place."""
    HELD = "HELD"
    """Kept while its webhook is disabled, and sent when that is enabled again."""
    FAILED = "FAILED"
    """No retries are left, or the endpoint is gone; a person can replay it."""
    CANCELLED = "CANCELLED"
    """Withdrawn before it was delivered, by a person or with its webhook."""
    RENDER_FAILED = "RENDER_FAILED"
    """Its stored query could not run; it can be run again."""


#: Reasons why an UPDATE makes no event for a webhook.
UNWATCHED = "Nothing that the query reads has changed."
UNTRIGGERED = "Nothing that the triggers name has changed."
#: Reasons why an event is CANCELLED.
WEBHOOK_DELETED = "The webhook was deleted."
CANCELLED_BY_HAND = "Cancelled by hand."

#: Still to be sent, or in flight.
OPEN = (
    WebhookEventState.PENDING,
    WebhookEventState.SENDING,
    WebhookEventState.RETRYING,
    WebhookEventState.HELD,
)
#: States of events that can be sent again, because their payload exists or can be rendered.
REPLAYABLE = (
    WebhookEventState.DELIVERED,
    WebhookEventState.FAILED,
    WebhookEventState.CANCELLED,
    WebhookEventState.SUPERSEDED,
    WebhookEventState.RENDER_FAILED,
)
#: States of events that wait, and can be withdrawn.
CANCELLABLE = (WebhookEventState.PENDING, WebhookEventState.RETRYING, WebhookEventState.HELD)
