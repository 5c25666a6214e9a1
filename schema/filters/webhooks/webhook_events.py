"""The filters of webhook events."""

from datetime import datetime
from enum import StrEnum

import strawberry

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, by_column
from app.webhooks.domain.webhook_event import OPEN, WebhookEventState
from schema.entities import global_ids
from schema.entities.declarations import ListQuery, Part
from schema.entities.fields import argument
from schema.enums.webhooks import (
    WebhookEventEnum,
    WebhookEventStateEnum,
)
from schema.filters.conditions import Conditions, input_field, key, value_or_none


@strawberry.input(description="The webhook events to return: those that meet all given filters.")
class WebhookEventFilters:
    states: list[WebhookEventStateEnum] | None = input_field("In one of these states; an empty list: none.")
    event_names: list[WebhookEventEnum] | None = input_field("Of one of these kinds; an empty list: none.")
    entity_id: strawberry.ID | None = input_field("About the object of this global id.")
    created_since: datetime | None = input_field("Published to the webhook at this time or later.")
    created_until: datetime | None = input_field("Published to the webhook before this time.")


ARGUMENTS = (
    argument("webhook_id", strawberry.ID | None, "Only those of this webhook."),
    argument("filters", WebhookEventFilters | None, "The events to return; all that the key sees if absent."),
)


class StoredName(StrEnum):
    """The stored names of events. Filters can't ask for TEST."""

    CREATE = "create"
    UPDATE = "update"
    DESTROY = "destroy"
    TEST = "test"


#: The order of a period. In the order of ids, which is nearly the same, PostgreSQL would scan all newer rows.
BY_TIME = by_column("created_at", "timestamptz")


def ask(viewer: Viewer, webhook_id: str | None = None, filters: WebhookEventFilters | None = None) -> ListQuery:
    query = Conditions(viewer)
    of_webhook = query.equal("t.webhook_id", key(webhook_id, "Webhook", field="webhookId"), "bigint")
    conditions = _conditions(query, filters) if filters else ()
    has_period = _has_period(filters)
    parts = _parts(filters) if filters and not has_period and value_or_none(filters.entity_id) is None else ()
    return query.list_query(of_webhook, *conditions, sort=(BY_TIME if has_period else BY_ID).reversed(), parts=parts)


def _has_period(filters: WebhookEventFilters | None) -> bool:
    return bool(filters and (value_or_none(filters.created_since) or value_or_none(filters.created_until)))


def _conditions(query: Conditions, filters: WebhookEventFilters) -> list[str | None]:
    names = value_or_none(filters.event_names)
    return [
        query.is_one("t.state", filters.states),
        query.is_one("t.event_name", None if names is None else [StoredName[name.name] for name in names]),
        *_about(query, value_or_none(filters.entity_id)),
        query.period("t.created_at", filters.created_since, filters.created_until),
    ]


#: Most events of a history. No index of states has them, because every event would pay for it.
_USUAL = "t.state = 'DELIVERED' and t.event_name = 'update'"


def _parts(filters: WebhookEventFilters) -> list[Part]:
    """Return one part for each state and name of closed events, and one for the open ones, which are few.

    With one condition, PostgreSQL would scan the whole history for a rare state.
    """
    states, names = value_or_none(filters.states), value_or_none(filters.event_names)
    if not (states or names) or [] in (states, names):
        return []
    asked_states = list(dict.fromkeys(states or WebhookEventState))
    asked_names = [StoredName[name.name] for name in dict.fromkeys(names or StoredName)]
    closed = [(state, name) for state in asked_states if state not in OPEN for name in asked_names]
    usual = (WebhookEventState.DELIVERED, StoredName.UPDATE)
    parts = [Part(where=_USUAL)] if usual in closed else []
    if rare := [f"('{state}', '{name}')" for state, name in closed if (state, name) != usual]:
        where = f"t.state = f.state and t.event_name = f.name and not ({_USUAL})"
        parts.append(Part(where=where, each=f"(values {', '.join(rare)}) f(state, name)"))
    if is_open := [f"'{state}'" for state in asked_states if state in OPEN]:
        parts.append(Part(where=f"t.state in ({', '.join(is_open)})"))
    return parts


def _about(query: Conditions, entity_id: str | None) -> list[str | None]:
    if entity_id is None:
        return []
    type_name, entity_key = global_ids.decode_entity(entity_id, field="filters.entityId")
    return [query.equal("t.entity_type", type_name), query.equal("t.entity_id", entity_key, "bigint")]
