"""OperationalEvent: what happened to a webhook itself."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.auth.viewers import Scope
from app.docs.links import operational_event_page
from app.webhooks.db.operational_events import OPERATIONAL_EVENTS
from schema.entities.fields import column, computed, entity, global_id
from schema.entities.relations import relation
from schema.enums.webhooks import (
    OperationalEventKindEnum,
)
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.webhooks.webhook import Webhook
    from schema.types.webhooks.webhook_event import WebhookEvent


@entity(
    OPERATIONAL_EVENTS,
    scope=Scope.WEBHOOKS,
    description="Something that happened to a webhook and that somebody should know of. Nothing that happens to"
    " webhooks of the type OPERATIONAL_EVENT is one: they would report on themselves.",
)
class OperationalEvent(Node):
    id: strawberry.ID = global_id("OperationalEvent")
    kind: OperationalEventKindEnum = column("What happened.")
    reason: str = column("The same in words: why, or how it ended.")
    docs: str = computed(
        lambda row: operational_event_page(row.kind),
        reads=("kind",),
        description="The page of this server that explains it.",
    )
    occurred_at: datetime = column("When it happened. Deliveries may overtake each other: go by this.")
    webhook: Annotated["Webhook", strawberry.lazy("schema.types.webhooks.webhook")] | None = relation(
        OPERATIONAL_EVENTS.webhook_id,
        with_deleted=True,
        description="The webhook that it happened to; null of PUBLISH_FAILED.",
    )
    webhook_event: Annotated["WebhookEvent", strawberry.lazy("schema.types.webhooks.webhook_event")] | None = relation(
        OPERATIONAL_EVENTS.webhook_event_id,
        description="Of EXHAUSTED: the event that has no retries left. null when it is not kept any more.",
    )
