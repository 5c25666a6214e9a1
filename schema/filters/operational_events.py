"""Which operational events are asked for."""

from datetime import datetime

import strawberry

from app.auth import Viewer
from app.db.keyset import BY_ID
from schema.declarations import Asked
from schema.fields import argument
from schema.filters.conditions import Conditions, input_field, key
from schema.webhook_enums import OperationalEventKindEnum


@strawberry.input(description="Which operational events to return: those that meet all that is given.")
class OperationalEventFilters:
    kinds: list[OperationalEventKindEnum] | None = input_field("Of one of these kinds; an empty list: none at all.")
    occurred_since: datetime | None = input_field("Happened at this time or later.")
    occurred_until: datetime | None = input_field("Happened before this time.")


ARGUMENTS = (
    argument("webhook_id", strawberry.ID | None, "Only those of this webhook."),
    argument("filters", OperationalEventFilters | None, "Which events to return; all that the key sees when absent."),
)


def ask(viewer: Viewer, webhook_id: str | None = None, filters: OperationalEventFilters | None = None) -> Asked:
    query = Conditions(viewer)
    of_webhook = query.equal("t.webhook_id", key(webhook_id, "Webhook", field="webhookId"), "bigint")
    return query.asked(of_webhook, *(_conditions(query, filters) if filters else ()), sort=BY_ID.reversed())


def _conditions(query: Conditions, filters: OperationalEventFilters) -> list[str | None]:
    return [
        query.one_of("t.kind", filters.kinds),
        query.period("t.occurred_at", filters.occurred_since, filters.occurred_until),
    ]
