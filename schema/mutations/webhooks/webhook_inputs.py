"""What the mutations about webhooks read from their inputs."""

from datetime import UTC, datetime

from app.errors import InvalidInput
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import WebhookId
from schema.entities import global_ids
from schema.filters.conditions import given


def webhook_id_of(global_id: str) -> WebhookId:
    """Raises InvalidInput."""
    return WebhookId(global_ids.key_of(global_id, "Webhook", field="webhookId"))


def webhook_event_id_of(global_id: str) -> WebhookEventId:
    """Raises InvalidInput."""
    return WebhookEventId(global_ids.key_of(global_id, "WebhookEvent", field="webhookEventId"))


def moment(value: datetime | None, *, field: str) -> datetime | None:
    """A time, in UTC where no offset is given; None for none. Raises InvalidInput for one beyond year 9999."""
    at: datetime | None = given(value)
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput.at(field, "is beyond the times that can be asked for") from error
