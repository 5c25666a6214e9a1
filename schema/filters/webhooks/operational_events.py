"""The filters of operational events."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, by_column
from schema.entities.declarations import ListQuery, Part
from schema.entities.fields import argument
from schema.enums.webhooks import (
    OperationalEventKindEnum,
)
from schema.filters.conditions import Conditions, input_field, key, value_or_none


@strawberry.input(description="The operational events to return: those that meet all given filters.")
class OperationalEventFilters:
    kinds: list[OperationalEventKindEnum] | None = input_field("Of one of these kinds; an empty list: none.")
    occurred_since: datetime | None = input_field("Happened at this time or later.")
    occurred_until: datetime | None = input_field("Happened before this time.")


ARGUMENTS = (
    argument("webhook_id", strawberry.ID | None, "Only those of this webhook."),
    argument("filters", OperationalEventFilters | None, "The events to return; all that the key sees if absent."),
)


#: The order of a period. In the order of ids, which is nearly the same, PostgreSQL would scan all newer rows.
BY_TIME = by_column("occurred_at", "timestamptz")


def ask(viewer: Viewer, webhook_id: str | None = None, filters: OperationalEventFilters | None = None) -> ListQuery:
    query = Conditions(viewer)
    of_webhook = query.equal("t.webhook_id", key(webhook_id, "Webhook", field="webhookId"), "bigint")
    conditions = _conditions(query, filters) if filters else ()
    has_period = filters and (value_or_none(filters.occurred_since) or value_or_none(filters.occurred_until))
    parts = () if has_period or filters is None else _parts(value_or_none(filters.kinds))
    return query.list_query(of_webhook, *conditions, sort=(BY_TIME if has_period else BY_ID).reversed(), parts=parts)


def _conditions(query: Conditions, filters: OperationalEventFilters) -> list[str | None]:
    return [
        query.is_one("t.kind", filters.kinds),
        query.period("t.occurred_at", filters.occurred_since, filters.occurred_until),
    ]


def _parts(kinds: Sequence[OperationalEventKindEnum] | None) -> list[Part]:
    """Return one part for each kind. With one condition, PostgreSQL would scan all events for a rare kind."""
    if not kinds:
        return []
    listed = ", ".join(f"('{kind.value}')" for kind in dict.fromkeys(kinds))
    return [Part(where="t.kind = f.kind", each=f"(values {listed}) f(kind)")]
