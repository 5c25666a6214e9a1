"""WebhookEvent: one change for one webhook, with its attempts."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import orjson
import strawberry
from strawberry.scalars import JSON

from app.auth.viewers import Scope
from app.docs.links import attempt_page, event_page
from app.marketplace.orders.db.invoices import INVOICES
from app.marketplace.orders.db.shipments import SHIPMENTS
from app.marketplace.refunds.db.refund_requests import REFUND_REQUESTS
from app.webhooks.db.payloads import PAYLOADS, Payload
from app.webhooks.db.webhook_events import DELIVERY_ATTEMPTS, WEBHOOK_EVENTS
from app.webhooks.db.webhook_events import DeliveryAttempt as AttemptRow
from app.webhooks.domain.webhook_event import WebhookEventState
from schema.entities import global_ids
from schema.entities.fields import column, computed, entity, global_id, rows_of
from schema.entities.relations import entity_row, relation, relation_list
from schema.enums.webhooks import (
    WebhookEventStateEnum,
)
from schema.types.node import Node
from schema.types.orders.invoice import Invoice
from schema.types.orders.shipment import Shipment
from schema.types.refunds.refund_request import RefundRequest
from schema.types.webhooks.webhook import Webhook

_SKIPPED = (WebhookEventState.SKIPPED, WebhookEventState.SUPERSEDED)


rows_of(PAYLOADS, scope=Scope.WEBHOOKS)


def _payload(row: Payload) -> object:
    return orjson.loads(row.body)


def _payload_text(row: Payload) -> str:
    return row.body.decode()


def _json_or_text(row: AttemptRow) -> object:
    if row.response_body is None:
        return None
    try:
        return orjson.loads(row.response_body)
    except orjson.JSONDecodeError:
        return row.response_body.decode(errors="replace")


@entity(
    DELIVERY_ATTEMPTS,
    scope=Scope.WEBHOOKS,
    description="What the endpoint answered to one attempt, for clients that know no attempts.",
)
class WebhookEventResponse:
    id: strawberry.ID = computed(
        lambda row: global_ids.encode("DeliveryAttempt", row.id),
        reads=("id",),
        description="Global id of the attempt.",
    )
    status: int | None = column("The HTTP status that the endpoint answered; null when none arrived.")
    body: JSON | None = computed(
        _json_or_text,
        reads=("response_body",),
        description="The beginning of the answer's body, as JSON or else as text; null when none arrived.",
    )
    created_at: datetime = column("When the attempt was begun.", "started_at")


@entity(
    DELIVERY_ATTEMPTS,
    scope=Scope.WEBHOOKS,
    description="One POST of a webhook event, or its handing over to a receiver that took it (PULL).",
)
class DeliveryAttempt(Node):
    id: strawberry.ID = global_id("DeliveryAttempt")
    number: int = column("Counted from 1; sent as `Tellgraph-Attempt`.")
    started_at: datetime = column("When it was begun.")
    finished_at: datetime | None = column("When its outcome was known; null while it is in flight.")
    status: int | None = column(
        "The HTTP status that the endpoint answered, 200 of a message that was acknowledged; null when none arrived."
    )
    error_kind: str | None = column(
        "Why there is no status, as one word, as in `TIMEOUT` or `REJECTED`. `UNSENT`: by a fault of Tellgraph's"
        " own; it counts against no limit. `PAYLOAD_GONE`: what was to be sent is not there any more."
    )
    error: str | None = column("The same in words.")
    docs: str | None = computed(
        lambda row: None if row.error_kind is None else attempt_page(row.error_kind),
        reads=("error_kind",),
        description="The page of this server that explains `errorKind`; null if there is a status.",
    )
    response_body: str | None = computed(
        lambda row: None if row.response_body is None else row.response_body.decode(errors="replace"),
        reads=("response_body",),
        description="The beginning of the answer's body, at most 8 KiB.",
    )
    duration_ms: int | None = column("From begin to outcome, in milliseconds.")
    api_key_id: strawberry.ID | None = computed(
        lambda row: None if row.api_key_id is None else global_ids.encode("ApiKey", row.api_key_id),
        reads=("api_key_id",),
        description="Global id of the API key that took the message; null of a POST.",
    )
    api_key_name: str | None = column("The name of that API key at that time.")
    address: str | None = column("The address of the client that took the message, as the server sees it.")
    webhook: Webhook = relation(
        DELIVERY_ATTEMPTS.webhook_id, with_deleted=True, description="The webhook whose endpoint it went to."
    )
    webhook_event: Annotated["WebhookEvent", strawberry.lazy("schema.types.webhooks.webhook_event")] | None = relation(
        DELIVERY_ATTEMPTS.webhook_event_id, description="What was sent. null when it is not kept any more."
    )


@entity(
    WEBHOOK_EVENTS,
    scope=Scope.WEBHOOKS,
    description="One change of one entity for one webhook, and what became of it.",
)
class WebhookEvent(Node):
    id: strawberry.ID = global_id("WebhookEvent")
    created_at: datetime = column("When the change was published to this webhook.")
    finished_at: datetime | None = column("When it was delivered or given up; null while it is open.")
    changed_at: datetime = column("When the (last) change was made.")
    event_name: str = column("`create`, `update` or `destroy`, as sent; `test` of a test.")
    entity_type: str = column("Type of the changed entity, as in `Invoice`.")
    entity_id: strawberry.ID = computed(
        lambda row: global_ids.encode(row.entity_type, row.entity_id),
        reads=("entity_type", "entity_id"),
        description="Global id of the changed entity.",
    )
    sequence: Decimal = computed(
        lambda row: Decimal(row.id), reads=("id",), description="Rises with the states of an entity; as in the body."
    )
    changed: JSON = computed(
        lambda row: orjson.loads(row.changed),
        reads=("changed",),
        description="The paths that were added, updated and removed: `changed` of the body.",
    )
    state: WebhookEventStateEnum = column("Where it stands.")
    reason: str | None = column("Why it stands there, where that needs words.")
    docs: str = computed(
        lambda row: event_page(row.state),
        reads=("state",),
        description="The page of this server that tells what to do about its state.",
    )
    due_at: datetime | None = column(
        "When the next attempt is due; null when none is, as while it waits behind an older event of its entity."
    )
    attempt_count: int = column("How many attempts have been begun.")
    replayed_at: datetime | None = column("When somebody last had it sent again; null when nobody has.")
    last_status: int | None = column("The HTTP status of the last attempt that got one.")
    webhook: Webhook = relation(WEBHOOK_EVENTS.webhook_id, with_deleted=True, description="The webhook that it is for.")
    superseded_by: Annotated["WebhookEvent", strawberry.lazy("schema.types.webhooks.webhook_event")] | None = relation(
        WEBHOOK_EVENTS.superseded_by, description="The newer event that goes out in its place."
    )
    payload: JSON | None = relation(
        WEBHOOK_EVENTS.payload_digest,
        classify=_payload,
        decides=("body",),
        description="What is sent as `payload`: the GraphQL response. null when nothing could be rendered.",
    )
    payload_text: str | None = relation(
        WEBHOOK_EVENTS.payload_digest,
        classify=_payload_text,
        decides=("body",),
        description="The same as JSON text, byte for byte as sent.",
    )
    previous: JSON | None = relation(
        WEBHOOK_EVENTS.previous_digest,
        classify=_payload,
        decides=("body",),
        description="What is sent as `previous`: the payload that the receiver had confirmed before. null before the"
        " first attempt, without `includePrevious`, or when there is none.",
    )
    attempts: list[DeliveryAttempt] = relation_list(
        DELIVERY_ATTEMPTS.webhook_event_id, description="The attempts so far, first to last."
    )
    status: str = computed(lambda row: row.state.value, reads=("state",), description="The same as `state`, as a text.")
    skipped: bool = computed(
        lambda row: row.state in _SKIPPED,
        reads=("state",),
        description="Whether it is not sent, because it told nothing new or a newer event goes out in its place.",
    )
    processed_at: datetime | None = column("The same as `finishedAt`.", "finished_at")
    retry_after: datetime | None = computed(
        lambda row: row.due_at if row.state is WebhookEventState.RETRYING else None,
        reads=("due_at", "state"),
        description="When it is tried again after an attempt that failed; null when no retry is due.",
    )
    invoice: Invoice | None = entity_row(
        WEBHOOK_EVENTS, INVOICES, description="The changed entity as it is now, if it is an invoice that is there."
    )
    shipment: Shipment | None = entity_row(
        WEBHOOK_EVENTS, SHIPMENTS, description="The changed entity as it is now, if it is a shipment that is there."
    )
    refund_request: RefundRequest | None = entity_row(
        WEBHOOK_EVENTS,
        REFUND_REQUESTS,
        description="The changed entity as it is now, if it is a refund request that is there.",
    )
    responses: list[WebhookEventResponse] = relation_list(
        DELIVERY_ATTEMPTS.webhook_event_id, description="What the endpoint answered so far, first to last."
    )
