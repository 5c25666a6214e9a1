"""The filters of audit entries."""

from datetime import datetime

import strawberry

from app.auth.viewers import Viewer
from app.db.keyset import by_column
from schema.entities import global_ids
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.filters.conditions import Conditions, input_field, key, value_or_none


@strawberry.input(description="The audit entries to return: those that meet all given filters.")
class AuditEntryFilters:
    api_key_id: strawberry.ID | None = input_field("Made by this API key.")
    action: str | None = input_field("Made by this mutation or command, as in `webhookUpdate`.")
    entity_id: strawberry.ID | None = input_field("Changes of the object of this global id.")
    request_id: str | None = input_field("Of the request that was answered with this `X-Request-Id`.")
    seller_id: strawberry.ID | None = input_field("Those that this seller sees.")
    recorded_since: datetime | None = input_field("Made at this time or later.")
    recorded_until: datetime | None = input_field("Made before this time.")


ARGUMENTS = (argument("filters", AuditEntryFilters | None, "The entries to return; all that the key sees if absent."),)


def ask(viewer: Viewer, filters: AuditEntryFilters | None = None) -> ListQuery:
    query = Conditions(viewer)
    conditions = _conditions(query, filters) if filters else ()
    return query.list_query(*conditions, sort=by_column("recorded_at", "timestamptz").reversed())


def _conditions(query: Conditions, filters: AuditEntryFilters) -> list[str | None]:
    return [
        query.equal("t.api_key_id", key(filters.api_key_id, "ApiKey", field="filters.apiKeyId"), "bigint"),
        query.equal("t.action", filters.action),
        *_about(query, value_or_none(filters.entity_id)),
        query.equal("t.request_id", filters.request_id),
        query.equal("t.seller_id", key(filters.seller_id, "Seller", field="filters.sellerId"), "bigint"),
        query.period("t.recorded_at", filters.recorded_since, filters.recorded_until),
    ]


def _about(query: Conditions, entity_id: str | None) -> list[str | None]:
    if entity_id is None:
        return []
    type_name, entity_key = global_ids.decode(entity_id, field="filters.entityId")
    return [query.equal("t.entity_type", type_name), query.equal("t.entity_id", entity_key, "bigint")]
