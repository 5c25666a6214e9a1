"""The check of a filter by type: against the payload of a stored query, and the events that it is asked about."""

from collections.abc import Iterable

from graphql import GraphQLSchema

from app.kernel.parsed_json import JsonObject
from app.webhooks.cel.types.check import TypeReport, check_types
from app.webhooks.cel.types.values import values_of_schema
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from schema.stored.json_schema import payload_schema
from schema.stored.validate import StoredQuery

_TEXT: JsonObject = {"type": "string"}
_PATHS: JsonObject = {"type": "array", "items": _TEXT}


def check_filter_types(
    schema: GraphQLSchema, query: StoredQuery, klass: WebhookKlass, text: str, events: Iterable[WebhookEventName]
) -> TypeReport:
    """Check a filter that compiles.

    Args:
        events: The kinds of change that the filter may be asked about.
    """
    body = payload_schema(schema, query, klass)
    data = body["properties"]["payload"]["properties"]["data"]
    event = _event_schema(klass, [name.value.lower() for name in events])
    return check_types(text, {"data": values_of_schema(data), "event": values_of_schema(event)})


def _event_schema(klass: WebhookKlass, names: list[str]) -> JsonObject:
    """Return the JSON Schema of `event_of` in app/webhooks/domain/webhook_filter.py."""
    return _object(
        name={"enum": names},
        type={"enum": [f"{klass.value.lower()}.{name}" for name in names]},
        entity=_object(type={"const": klass.entity_type}, id=_TEXT),
        changed=_object(added=_PATHS, updated=_PATHS, removed=_PATHS, cut={"type": "boolean"}),
    )


def _object(**properties: JsonObject) -> JsonObject:
    return {"type": "object", "properties": properties}
