"""Webhook: an endpoint and the query that it is told the result of."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import orjson
import strawberry
from strawberry.scalars import JSON

from app.auth.viewers import Scope
from app.docs.links import health_page
from app.kernel import clock
from app.webhooks.db.counts.webhook_skips import WEBHOOK_SKIPS
from app.webhooks.db.operational_events import OPERATIONAL_EVENTS
from app.webhooks.db.runs.webhook_backfills import WEBHOOK_BACKFILLS
from app.webhooks.db.runs.webhook_reconciles import WEBHOOK_RECONCILES
from app.webhooks.db.runs.webhook_replays import WEBHOOK_REPLAYS
from app.webhooks.db.taking.webhook_takers import WEBHOOK_TAKERS, WebhookTaker
from app.webhooks.db.webhook_events import WEBHOOK_EVENTS
from app.webhooks.db.webhooks import WEBHOOKS
from app.webhooks.domain.webhook_health import HealthColumns, HealthReport, report_health
from schema.entities.connections import Connection
from schema.entities.declarations import Leaf
from schema.entities.fields import argument, column, computed, declared_field, entity, global_id, legacy_id, rows_of
from schema.entities.relations import newest_rows, pages, relation, relation_list
from schema.enums.webhooks import (
    WebhookDeliveryEnum,
    WebhookEventEnum,
    WebhookHealthEnum,
    WebhookKlassEnum,
    WebhookSignatureSchemeEnum,
    WebhookTypesLanguageEnum,
)
from schema.types.catalogue.seller import Seller
from schema.types.node import Node
from schema.types.webhooks.operational_event import OperationalEvent
from schema.types.webhooks.webhook_run import WebhookBackfill, WebhookReconcile, WebhookReplay
from schema.types.webhooks.webhook_skip import WebhookSkip
from schema.webhook_queries.payload_schema import shown_payload_schema
from schema.webhook_queries.payload_types import shown_payload_types

if TYPE_CHECKING:
    from schema.types.webhooks.webhook_event import WebhookEvent

#: The columns that a webhook's health follows from.
_HEALTH = (
    "health",
    "deleted_at",
    "disabled_at",
    "disabled_by",
    "disabled_reason",
    "broken_at",
    "broken_reason",
    "failing_since",
    "paused_until",
)


def _health(row: HealthColumns) -> HealthReport:
    return report_health(row, clock.now())


rows_of(WEBHOOK_TAKERS, scope=Scope.WEBHOOKS)


def _last_taken_at(takers: Sequence[WebhookTaker]) -> datetime | None:
    return takers[0].last_taken_at if takers else None


@entity(
    WEBHOOKS,
    scope=Scope.WEBHOOKS,
    description="An endpoint, and the query whose result it is sent whenever an entity of one type changes.",
)
class Webhook(Node):
    id: strawberry.ID = global_id("Webhook")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the webhook was registered.")
    updated_at: datetime = column("When the webhook was last changed.")
    type: WebhookKlassEnum = column("What the webhook is about.")
    event_names: list[WebhookEventEnum] = column("Which kinds of change it is told of.")
    event_name: WebhookEventEnum | None = computed(
        lambda row: row.event_names[0] if len(row.event_names) == 1 else None,
        reads=("event_names",),
        description="The only kind of change that it is told of; null when there are several.",
    )
    delivery: WebhookDeliveryEnum = column("How its events reach the receiver.")
    url: str | None = column("The endpoint: where each result is POSTed to; null when `delivery` is PULL.")
    query_string: str = column("The GraphQL query that is run for each changed entity, as its owner.")
    headers: JSON = computed(
        lambda row: orjson.loads(row.headers_shown),
        reads=("headers_shown",),
        description="The subscriber's own headers, by name; the values are masked.",
    )
    description: str | None = column("What its owner notes about it.")
    handle: str | None = column(
        "Its owner's own name for it, by which `tellgraph webhooks apply` finds it; null: none."
    )
    health: WebhookHealthEnum = computed(
        lambda row: _health(row).health,
        reads=_HEALTH,
        description="Whether it works. If several values fit, the gravest: the first in the order of the enumeration.",
    )
    health_since: datetime | None = computed(
        lambda row: _health(row).since,
        reads=_HEALTH,
        description="Since when its health is so; null when it is OK, CATCHING_UP or PAUSED.",
    )
    health_reason: str | None = computed(
        lambda row: _health(row).reason,
        reads=_HEALTH,
        description="The cause of its health in a sentence; null when it is OK.",
    )
    docs: str = computed(
        lambda row: health_page(_health(row).health),
        reads=_HEALTH,
        description="The page of this server that explains its health, and the cure.",
    )
    enabled: bool = column(
        "Whether it is sent anything. While it is not, it misses what changes. Enabled again, it catches up.",
        "is_enabled",
    )
    catching_up: bool = computed(
        lambda row: row.is_enabled and row.missed_since is not None,
        reads=("is_enabled", "missed_since"),
        description="Whether it is still being sent the present state of what changed while it was disabled.",
    )
    disabled_reason: str | None = column("Why Tellgraph disabled it; null when it is enabled, or disabled by hand.")
    allow_skip: bool = column("Whether a result equal to the last one is left out.")
    every_change: bool = column("Whether each change is sent, even one that a newer one has overtaken.")
    include_previous: bool = column(
        "Whether each body has a `previous`: the payload that the receiver last confirmed for the entity."
    )
    triggers: list[str] = column(
        "Field paths, of which an UPDATE has to change one; when there are none, it has to change what the query reads."
    )
    filter: str | None = column("The expression that decides whether a result is sent; null: every one is.")
    broken_reason: str | None = column(
        "Why the query, the triggers or the filter don't fit the schema any more; null while they do."
    )
    payload_schema: JSON | None = computed(
        shown_payload_schema,
        reads=("query_string", "type", "include_previous"),
        description="JSON Schema (2020-12) of the body that is POSTed; null while the query doesn't fit the schema.",
        needs_schema=True,
    )
    payload_types: str | None = declared_field(
        Leaf(
            reads=("query_string", "type", "include_previous", "handle"), compute=shown_payload_types, needs_schema=True
        ),
        "The types of the body that is POSTed, as text of a module; null while the query doesn't fit the schema.",
        arguments=(
            argument("language", WebhookTypesLanguageEnum, "The language of the types."),
            argument("name", str | None, "What the type of the whole body is called; by default after the handle."),
        ),
    )
    failing_since: datetime | None = column(
        "Since when no delivery has succeeded; null while none has failed since the last that did."
    )
    max_retries: int = column("How many times a failed delivery is tried again.")
    concurrent_send_limit: int = column(
        "How many POSTs may be in flight at once; for PULL how many messages may be taken and not settled."
    )
    rate_limit: int | None = column("How many POSTs may be begun in a second; null: no limit.")
    paused_until: datetime | None = column(
        "Until when nothing is sent, because the endpoint asked for a pause (429, Retry-After); may be past."
    )
    timeout_seconds: int = column("How long the endpoint may take to answer, in seconds.", "timeout_s")
    signature_schemes: list[WebhookSignatureSchemeEnum] = column("How deliveries are signed: by each of these.")
    public_key: str | None = column(
        "What verifies `v1a` signatures: `whpk_` and the base64 of an Ed25519 public key, the newest; null without."
    )
    old_secret_expires_at: datetime | None = column(
        "When the next of the secrets that were rotated out ceases to sign; null when none does.", "secrets_expire_at"
    )
    is_temporary: bool = column(
        "Whether it is deleted as soon as nobody has taken its messages or waited for them for an hour."
    )
    last_taken_at: datetime | None = relation_list(
        WEBHOOK_TAKERS.webhook_id,
        classify=_last_taken_at,
        decides=("last_taken_at",),
        description="When somebody last took its messages or waited for them, to the minute; null if nobody ever has.",
    )
    deleted_at: datetime | None = column("When it was deleted; null while it is there.")
    backfills: Connection[WebhookBackfill] = pages(
        WEBHOOK_BACKFILLS.webhook_id, description="The backfills that were asked for, oldest first."
    )
    replays: Connection[WebhookReplay] = pages(
        WEBHOOK_REPLAYS.webhook_id, description="The replays of many events that were asked for, oldest first."
    )
    reconciles: Connection[WebhookReconcile] = pages(
        WEBHOOK_RECONCILES.webhook_id, description="The comparisons with what it was given, oldest first."
    )
    reconcile_every_hours: int | None = column(
        "How many hours after the last scheduled reconcile the next one starts; null: none is scheduled."
    )
    in_sync_as_of: datetime | None = column(
        "A time. The receiver has confirmed the state of each entity at that time or later. null while it is not known."
    )
    skips: list[WebhookSkip] = relation_list(
        WEBHOOK_SKIPS.webhook_id,
        description="How many changes it was not told of, by reason, the first reason first. `webhookExplain` tells of"
        " one entity.",
    )
    operational_events: Connection[OperationalEvent] = pages(
        OPERATIONAL_EVENTS.webhook_id, description="What happened to the webhook itself, oldest first."
    )
    events: list[Annotated["WebhookEvent", strawberry.lazy("schema.types.webhooks.webhook_event")]] = newest_rows(
        WEBHOOK_EVENTS.webhook_id,
        size=10,
        description="What was last made of changes for it, the newest first. `webhookEvents(webhookId:)` lists all.",
    )
    seller: Seller | None = relation(
        WEBHOOKS.seller_id, description="The owner, as whom the query runs; null for the operator's."
    )
