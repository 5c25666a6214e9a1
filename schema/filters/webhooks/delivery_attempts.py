"""The filters of delivery attempts."""

from datetime import datetime

import strawberry

from app.auth.viewers import Viewer
from app.db.keyset import by_column
from app.webhooks.db.webhook_events import WEBHOOK_EVENTS
from schema.entities import global_ids
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.filters.conditions import Conditions, input_field, key, value_or_none


@strawberry.input(description="The delivery attempts to return: those that meet all given filters.")
class DeliveryAttemptFilters:
    is_failed: bool | None = input_field(
        "Ended without an answer of 2xx; false: answered so, or its outcome is not known yet."
    )
    entity_id: strawberry.ID | None = input_field("Of events about the object of this global id.")
    started_since: datetime | None = input_field("Begun at this time or later.")
    started_until: datetime | None = input_field("Begun before this time.")


ARGUMENTS = (
    argument("webhook_id", strawberry.ID | None, "Only those of this webhook."),
    argument("filters", DeliveryAttemptFilters | None, "The attempts to return; all that the key sees if absent."),
)

#: The condition of the indexes of failed attempts, and one that matches no index: for the few attempts of one entity,
#: PostgreSQL must not scan all failed attempts.
_FAILED = "t.has_failed"
_FAILED_OF_FEW = "t.finished_at is not null and coalesce(t.status, 0) not between 200 and 299"


def ask(viewer: Viewer, webhook_id: str | None = None, filters: DeliveryAttemptFilters | None = None) -> ListQuery:
    query = Conditions(viewer)
    of_webhook = query.equal("t.webhook_id", key(webhook_id, "Webhook", field="webhookId"), "bigint")
    conditions = _conditions(query, filters) if filters else ()
    return query.list_query(of_webhook, *conditions, sort=by_column("started_at", "timestamptz").reversed())


def _conditions(query: Conditions, filters: DeliveryAttemptFilters) -> list[str | None]:
    entity_id = value_or_none(filters.entity_id)
    return [
        query.holds(_FAILED if entity_id is None else _FAILED_OF_FEW, filters.is_failed),
        _about(query, entity_id),
        query.period("t.started_at", filters.started_since, filters.started_until),
    ]


def _about(query: Conditions, entity_id: str | None) -> str | None:
    """Return the condition for an entity's attempts.

    The entity's events are few and selected as an array. Otherwise PostgreSQL would look up the event of each attempt.
    """
    if entity_id is None:
        return None
    type_name, entity_key = global_ids.decode_entity(entity_id, field="filters.entityId")
    is_about = f"{query.equal('e.entity_type', type_name)} and {query.equal('e.entity_id', entity_key, 'bigint')}"
    found = (
        f"select e.id from {WEBHOOK_EVENTS.name} e where {is_about} and {query.visibility_rule(WEBHOOK_EVENTS, 'e')}"
    )
    return f"t.webhook_event_id = any(array({found}))"
