"""Inputs that several mutations of webhooks have: ids and times."""

from datetime import UTC, datetime

from app.errors import InvalidInput
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import WebhookId
from schema.entities import global_ids
from schema.filters.conditions import value_or_none


def webhook_id_of(global_id: str) -> WebhookId:
    """Decode the id of a webhook. Raises InvalidInput."""
    return WebhookId(global_ids.key_of(global_id, "Webhook", field="webhookId"))


def webhook_event_id_of(global_id: str) -> WebhookEventId:
    """Decode the id of a webhook event. Raises InvalidInput."""
    return WebhookEventId(global_ids.key_of(global_id, "WebhookEvent", field="webhookEventId"))


IF_UPDATED_AT = (
    "Refuse the change with 409 unless the webhook's `updatedAt` is this: nobody has changed it since you read it."
)


def moment(value: datetime | None, *, field: str) -> datetime | None:
    """Convert an optional time to UTC; one without an offset is in UTC. Raises InvalidInput beyond year 9999."""
    at: datetime | None = value_or_none(value)
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput.at(field, "is beyond the years 1 to 9999") from error
