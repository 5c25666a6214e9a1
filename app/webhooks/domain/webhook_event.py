"""The states of a webhook event: one change for one webhook."""

from enum import StrEnum


class WebhookEventState(StrEnum):
    """Where a webhook event stands; stored by value, shown by name."""

    PENDING = "PENDING"
    """Rendered, never sent."""
    SENDING = "SENDING"
    """Leased by a worker; an attempt of it is in flight."""
    RETRYING = "RETRYING"
    """The last attempt failed and the next one has its time."""
    DELIVERED = "DELIVERED"
    """The endpoint answered 2xx in time."""
    SKIPPED = "SKIPPED"
    """Not sent, because it would have told the subscriber nothing new."""
    SUPERSEDED = "SUPERSEDED"
    """Not sent, because a newer state of the same entity goes out in its place."""
    HELD = "HELD"
    """Kept while its webhook is disabled; goes out when that is enabled again."""
    FAILED = "FAILED"
    """No retries are left, or the endpoint is gone; a person can replay it."""
    CANCELLED = "CANCELLED"
    """Withdrawn before it was delivered, by a person or with its webhook."""
    RENDER_FAILED = "RENDER_FAILED"
    """Its stored query could not run at all; can be run again."""


#: Why nothing is made of an UPDATE for a webhook.
UNWATCHED = "Nothing that the query reads has changed."
UNTRIGGERED = "Nothing that the triggers name has changed."
#: Why what a deleted webhook was to be given is CANCELLED.
WEBHOOK_DELETED = "The webhook was deleted."
CANCELLED_BY_HAND = "Cancelled by hand."

#: Still to be sent, or in flight.
OPEN = (
    WebhookEventState.PENDING,
    WebhookEventState.SENDING,
    WebhookEventState.RETRYING,
    WebhookEventState.HELD,
)
#: Has been sent, or could have been: its payload is there, to be sent again. SKIPPED told nothing new.
REPLAYABLE = (
    WebhookEventState.DELIVERED,
    WebhookEventState.FAILED,
    WebhookEventState.CANCELLED,
    WebhookEventState.SUPERSEDED,
    WebhookEventState.RENDER_FAILED,
)
#: Not in flight: can be withdrawn.
CANCELLABLE = (WebhookEventState.PENDING, WebhookEventState.RETRYING, WebhookEventState.HELD)
