"""The JSON Schema of a webhook's whole body, derived from its stored query."""

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    is_abstract_type,
    is_leaf_type,
)

from app.kernel.parsed_json import JsonObject
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from schema.engine.plans.selection import SelectedField, collect
from schema.engine.selections import fragments_of, operation_of
from schema.stored.validate import StoredQuery

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_STRING: JsonObject = {"type": "string"}
_PLACE = {"type": "integer", "minimum": 1}
_PAYLOAD = {"$ref": "#/$defs/payload"}
_PATHS = {"type": "array", "items": _STRING}
#: The schemas of scalars. A scalar that is not here may have any value.
_SCALARS: dict[str, JsonObject] = {
    "ID": _STRING,
    "String": _STRING,
    "Boolean": {"type": "boolean"},
    "Int": {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    "Float": {"type": "number"},
    "Decimal": _STRING,
    "ISO8601DateTime": {"type": "string", "format": "date-time"},
    "ISO8601Date": {"type": "string", "format": "date"},
}
_ERROR = {
    "type": "object",
    "required": ["message"],
    "properties": {
        "message": _STRING,
        "locations": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["line", "column"],
                "properties": {"line": _PLACE, "column": _PLACE},
            },
        },
        "path": {"type": "array", "items": {"anyOf": [_STRING, {"type": "integer"}]}},
        "extensions": {
            "type": "object",
            "required": ["code", "docs"],
            "properties": {"code": _STRING, "docs": _STRING},
        },
    },
}


def payload_schema(
    schema: GraphQLSchema, query: StoredQuery, klass: WebhookKlass, *, include_previous: bool = False
) -> JsonObject:
    """Return the JSON Schema 2020-12 of the body. `data` is exact; outside of it later versions may add fields.

    With `previous`, the payload's schema is a definition, so that generators make one type of both.
    """
    payload = _open(
        {"data": _nullable(_Shapes(schema, query).data())},
        optional={"errors": {"type": "array", "minItems": 1, "items": _ERROR}},
    )
    payloads: JsonObject = {"payload": payload}
    if include_previous:
        payloads = {"payload": _PAYLOAD, "previous": {"anyOf": [_PAYLOAD, {"type": "null"}]}}
    # A test is sent to an endpoint by hand, and is a body like any other.
    names = [*(name.value.lower() for name in WebhookEventName), "test"]
    return {
        "$schema": DIALECT,
        "title": f"{klass.value.lower()} webhook",
        **_open(
            {
                "id": _STRING,
                "event_name": {"enum": names},
                "type": {"enum": [f"{klass.value.lower()}.{name}" for name in names]},
                "timestamp": {"type": "string", "format": "date-time"},
                "sequence": {"type": "integer", "minimum": 1},
                "entity": _open({"type": {"const": klass.entity_type}, "id": _STRING}),
                "changed": _open(
                    {"added": _PATHS, "updated": _PATHS, "removed": _PATHS}, optional={"cut": {"const": True}}
                ),
                **payloads,
            }
        ),
        **({"$defs": {"payload": payload}} if include_previous else {}),
    }


def _open(properties: JsonObject, *, optional: JsonObject | None = None) -> JsonObject:
    return {"type": "object", "required": list(properties), "properties": {**properties, **(optional or {})}}


def _nullable(shape: JsonObject) -> JsonObject:
    if not shape:
        return shape
    if isinstance(shape.get("type"), str):
        return {**shape, "type": [shape["type"], "null"]}
    if "enum" in shape:
        return {**shape, "enum": [*shape["enum"], None]}
    return {"anyOf": [*shape["anyOf"], {"type": "null"}]}


class _Shapes:
    """Derives the schemas of one stored query's selections."""

    def __init__(self, schema: GraphQLSchema, query: StoredQuery) -> None:
        self.schema = schema
        self.query = query
        self.fragments = fragments_of(query.document)

    def data(self) -> JsonObject:
        root = self.schema.query_type
        assert root is not None
        selected = collect(self.schema, self.fragments, root, [operation_of(self.query.document).selection_set])
        # The only field is `node`, and its object is of the webhook's own type.
        on = self.schema.type_map[self.query.entity_type]
        assert isinstance(on, GraphQLObjectType)
        return _closed({one.key: _nullable(self.object(on, one)) for one in selected})

    def object(self, on: GraphQLObjectType, above: SelectedField) -> JsonObject:
        found = collect(self.schema, self.fragments, on, above.selection_sets)
        return {"title": on.name, **_closed({one.key: self.value(on, one) for one in found})}

    def value(self, on: GraphQLObjectType, selected: SelectedField) -> JsonObject:
        if selected.name == "__typename":
            return {"const": on.name, "type": "string"}
        return self.of_type(on.fields[selected.name].type, selected)

    def of_type(self, kind: GraphQLOutputType, selected: SelectedField) -> JsonObject:
        if isinstance(kind, GraphQLNonNull):
            return self.present(kind.of_type, selected)
        return _nullable(self.present(kind, selected))

    def present(self, kind: GraphQLOutputType, selected: SelectedField) -> JsonObject:
        if isinstance(kind, GraphQLList):
            return {"type": "array", "items": self.of_type(kind.of_type, selected)}
        if isinstance(kind, GraphQLEnumType):
            return {"enum": list(kind.values)}
        if is_leaf_type(kind):
            return dict(_SCALARS.get(str(kind), {}))
        if isinstance(kind, GraphQLObjectType):
            return self.object(kind, selected)
        assert is_abstract_type(kind)
        shapes: list[JsonObject] = []
        for member in self.schema.get_possible_types(kind):
            shape = self.object(member, selected)
            # Members with equal selections have one schema.
            if not any(_closed_part(shape) == _closed_part(other) for other in shapes):
                shapes.append(shape)
        return {"anyOf": shapes}


def _closed(properties: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _closed_part(shape: JsonObject) -> JsonObject:
    return {key: value for key, value in shape.items() if key != "title"}
