"""Which webhook events are asked for."""

from datetime import datetime

import strawberry

from app.auth import Viewer
from app.db.keyset import BY_ID, by_column
from schema import global_ids
from schema.declarations import Asked
from schema.enums import WebhookEventEnum, WebhookEventStateEnum
from schema.fields import argument
from schema.filters.conditions import Conditions, given, input_field, key


@strawberry.input(description="Which webhook events to return: those that meet all that is given.")
class WebhookEventFilters:
    states: list[WebhookEventStateEnum] | None = input_field("In one of these states; an empty list: none at all.")
    event_names: list[WebhookEventEnum] | None = input_field("Of one of these kinds; an empty list: none at all.")
    entity_id: strawberry.ID | None = input_field("About the object of this global id.")
    created_since: datetime | None = input_field("Published to the webhook at this time or later.")
    created_until: datetime | None = input_field("Published to the webhook before this time.")


ARGUMENTS = (
    argument("webhook_id", strawberry.ID | None, "Only those of this webhook."),
    argument("filters", WebhookEventFilters | None, "Which events to return; all that the key sees when absent."),
)


#: Of a period: in the order of the ids, which is nearly the same, all that is newer would be gone through.
BY_TIME = by_column("created_at", "timestamptz")


def ask(viewer: Viewer, webhook_id: str | None = None, filters: WebhookEventFilters | None = None) -> Asked:
    query = Conditions(viewer)
    of_webhook = query.equal("t.webhook_id", key(webhook_id, "Webhook", field="webhookId"), "bigint")
    conditions = _conditions(query, filters) if filters else ()
    return query.asked(of_webhook, *conditions, sort=(BY_TIME if _has_period(filters) else BY_ID).reversed())


def _has_period(filters: WebhookEventFilters | None) -> bool:
    return bool(filters and (given(filters.created_since) or given(filters.created_until)))


def _conditions(query: Conditions, filters: WebhookEventFilters) -> list[str | None]:
    names = given(filters.event_names)
    return [
        query.is_one("t.state", filters.states),
        query.one_of("t.event_name", None if names is None else [name.value.lower() for name in names]),
        *_about(query, given(filters.entity_id)),
        query.period("t.created_at", filters.created_since, filters.created_until),
    ]


def _about(query: Conditions, entity_id: str | None) -> list[str | None]:
    if entity_id is None:
        return []
    type_name, entity_key = global_ids.decode(entity_id, field="filters.entityId")
    return [query.equal("t.entity_type", type_name), query.equal("t.entity_id", entity_key, "bigint")]
