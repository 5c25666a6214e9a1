"""WebhookBackfill, WebhookReplay and WebhookReconcile: what workers do over many rows for one webhook."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import orjson
import strawberry
from strawberry.scalars import JSON

from app.auth.viewers import Scope
from app.webhooks.db.runs.webhook_backfills import WEBHOOK_BACKFILLS
from app.webhooks.db.runs.webhook_reconciles import WEBHOOK_RECONCILES
from app.webhooks.db.runs.webhook_replays import WEBHOOK_REPLAYS
from schema.entities.fields import column, computed, entity, global_id
from schema.entities.relations import relation
from schema.enums.webhooks import (
    WebhookEventStateEnum,
    WebhookRunStateEnum,
)
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.webhooks.webhook import Webhook

_WEBHOOK = "The webhook that it is for."
_TOTAL = "How many there are to handle; null until a worker has begun."
_STARTED = "When a worker began; null before."
_FINISHED = "When it ended; null while it goes on."


@entity(
    WEBHOOK_BACKFILLS,
    scope=Scope.WEBHOOKS,
    description="The present state of many entities, sent to one webhook at a chosen rate.",
)
class WebhookBackfill(Node):
    id: strawberry.ID = global_id("WebhookBackfill")
    created_at: datetime = column("When it was asked for.")
    started_at: datetime | None = column(_STARTED)
    finished_at: datetime | None = column(_FINISHED)
    state: WebhookRunStateEnum = column("Where it stands.")
    reason: str | None = column("Why it failed.")
    updated_since: datetime | None = column("Of entities changed at this time or later; null: however long ago.")
    updated_until: datetime | None = column("Of entities changed before this time; null: however lately.")
    filters: JSON | None = computed(
        lambda row: None if row.filters is None else orjson.loads(row.filters),
        reads=("filters",),
        description="Of entities that meet these filters, as given; null: whatever the webhook's owner sees.",
    )
    rate_per_second: int = column("How many entities are published in a second.")
    force: bool = column("Whether results equal to the last one are sent, too.", "is_forced")
    total: int | None = column(_TOTAL)
    done: int = column("How many entities have been handled.")
    skipped: int = column("Of those done: how many were not sent, because they would have told nothing new.")
    webhook: Annotated["Webhook", strawberry.lazy("schema.types.webhooks.webhook")] = relation(
        WEBHOOK_BACKFILLS.webhook_id, with_deleted=True, description=_WEBHOOK
    )


@entity(
    WEBHOOK_REPLAYS,
    scope=Scope.WEBHOOKS,
    description="A replay of many events of one webhook.",
)
class WebhookReplay(Node):
    id: strawberry.ID = global_id("WebhookReplay")
    created_at: datetime = column("When it was asked for.")
    started_at: datetime | None = column(_STARTED)
    finished_at: datetime | None = column(_FINISHED)
    state: WebhookRunStateEnum = column("Where it stands.")
    reason: str | None = column("Why it failed; null unless it did.")
    states: list[WebhookEventStateEnum] = column("Of events in these states.")
    created_since: datetime | None = column("Of events published at this time or later; null: however long ago.")
    created_until: datetime | None = column("Of events published before this time; null: however lately.")
    total: int | None = column(_TOTAL)
    done: int = column("How many events have been queued again.")
    webhook: Annotated["Webhook", strawberry.lazy("schema.types.webhooks.webhook")] = relation(
        WEBHOOK_REPLAYS.webhook_id, with_deleted=True, description=_WEBHOOK
    )


@entity(
    WEBHOOK_RECONCILES,
    scope=Scope.WEBHOOKS,
    description="A comparison of what one webhook was given with the present state. What differs is sent.",
)
class WebhookReconcile(Node):
    id: strawberry.ID = global_id("WebhookReconcile")
    created_at: datetime = column("When it was asked for, or was due.")
    started_at: datetime | None = column(_STARTED)
    finished_at: datetime | None = column(_FINISHED)
    confirmed_at: datetime | None = column(
        "When the receiver had confirmed all that it should have; null when it has not, or when an event has failed."
    )
    state: WebhookRunStateEnum = column("Where it stands.")
    reason: str | None = column("Why it failed, or what it waits for.")
    scheduled: bool = column("Whether `reconcileEveryHours` started it.", "is_scheduled")
    everything: bool = computed(
        lambda row: row.entity_ids is None,
        reads=("entity_ids",),
        description="Whether all entities are compared. False: those that were named are sent again.",
    )
    rate_per_second: int = column("How many entities are compared in a second at most.")
    total: int | None = column(_TOTAL)
    done: int = column("How many entities have been compared.")
    sent: int = column("How many events were made, because something differed.")
    failed: int = column("Of how many entities the query could not be run.")
    webhook: Annotated["Webhook", strawberry.lazy("schema.types.webhooks.webhook")] = relation(
        WEBHOOK_RECONCILES.webhook_id, with_deleted=True, description=_WEBHOOK
    )
