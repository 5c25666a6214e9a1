"""Every body validates against its webhook's JSON Schema, which allows nothing that can't come."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.engine.context import Context
from schema.engine.loaders import Loaders
from schema.engine.reader import Reader
from schema.stored.execute import execute_stored_query
from schema.stored.json_schema import payload_schema
from schema.stored.validate import StoredQuery, stored_query
from tests.builders.difficult_sales import create_difficult_sales, entity_id
from tests.support.documents import generated_queries
from tests.support.json_schemas import check_of, faults, loose_places
from tests.support.platform import settings_for


def schema_of(
    query: StoredQuery, klass: WebhookKlass = WebhookKlass.INVOICE, *, include_previous: bool = False
) -> dict[str, Any]:
    return payload_schema(schema._schema, query, klass, include_previous=include_previous)


def selected(selection: str, klass: WebhookKlass = WebhookKlass.INVOICE) -> dict[str, Any]:
    """The JSON Schema of `payload` for a selection of the type."""
    text = f"query($id: ID!) {{ node(id: $id) {{ ... on {klass.entity_type} {{ {selection} }} }} }}"
    body = schema_of(stored_query(schema._schema, text, klass), klass)
    made: dict[str, Any] = body["properties"]["payload"]
    return made


def body(klass: WebhookKlass, payload: Any) -> dict[str, Any]:
    name = klass.value.lower()
    return {
        "id": "V2ViaG9va0V2ZW50LTE=",
        "event_name": "update",
        "type": f"{name}.update",
        "timestamp": datetime.now(UTC).isoformat(),
        "sequence": 1,
        "entity": {"type": klass.entity_type, "id": "x"},
        "changed": {"added": [], "updated": ["status"], "removed": []},
        "payload": payload,
    }


def is_valid(json_schema: dict[str, Any], instance: Any) -> bool:
    return faults(json_schema, instance) == []


@pytest.mark.parametrize("klass", [klass for klass in WebhookKlass if klass is not WebhookKlass.OPERATIONAL_EVENT])
async def test_results_of_generated_queries_validate(conn: asyncpg.Connection, klass: WebhookKlass) -> None:
    sales = await create_difficult_sales(conn)
    ids = [entity_id(sale, klass.entity_type) for sale in sales] + [10**9]
    count = 0

    for query in generated_queries(klass):
        check = check_of(schema_of(query, klass))
        for viewer in (OPERATOR, Viewer(sales[0].seller.id)):
            reader = Reader(conn)
            context = Context(
                viewer=viewer,
                reader=reader,
                loaders=Loaders(reader, viewer),
                settings=settings_for("postgresql://unused"),
            )
            results = await asyncio.gather(*(execute_stored_query(schema, query, one, context) for one in ids))
            found = [fault for result in results for fault in check(body(klass, orjson.loads(result)))]
            assert (query.text, found) == (query.text, [])
            count += len(results)

    assert count > 0


@pytest.mark.parametrize("klass", WebhookKlass)
def test_strict_validators_take_every_schema(klass: WebhookKlass) -> None:
    shapes = [
        schema_of(query, klass, include_previous=include)
        for query in generated_queries(klass)
        for include in (False, True)
    ]

    assert [place for shape in shapes for place in loose_places(shape)] == []
    assert shapes


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "object", "required": ["line"]},
        {"type": ["string", "integer"]},
        {"minItems": 1},
        {"type": "string", "nullable": True},
        {"anyOf": [{"items": {"type": "string"}}]},
    ],
)
def test_loose_schema_is_seen(shape: dict[str, Any]) -> None:
    assert len(loose_places({"type": "object", "properties": {"of": shape}})) == 1


def test_scalars_are_as_their_types_say() -> None:
    shape = selected("id statusFlags status totalCents createdAt seller { id }")["properties"]["data"]
    node = shape["properties"]["node"]

    assert shape["type"] == ["object", "null"]
    assert (node["type"], node["title"], node["additionalProperties"]) == (["object", "null"], "Invoice", False)
    assert node["required"] == ["id", "statusFlags", "status", "totalCents", "createdAt", "seller"]
    properties = node["properties"]
    assert properties["id"] == {"type": "string"}
    assert properties["totalCents"] == {"type": ["integer", "null"], "minimum": -(2**31), "maximum": 2**31 - 1}
    assert properties["createdAt"] == {"type": "string", "format": "date-time"}
    assert properties["statusFlags"]["type"] == "array"
    assert "PARTIALLY_SENT" in properties["statusFlags"]["items"]["enum"]


def test_aliases_fragments_and_decided_conditions_are_followed() -> None:
    shape = selected(
        "total: totalCents ...{ legacyId } ... on Node { id } statusFlags @skip(if: true) status @include(if: true)"
    )

    assert list(shape["properties"]["data"]["properties"]["node"]["properties"]) == [
        "total",
        "legacyId",
        "id",
        "status",
    ]


def test_a_union_is_any_of_its_members() -> None:
    shape = selected("advert { __typename ... on Advert { title } }", WebhookKlass.VARIANT)
    advert = shape["properties"]["data"]["properties"]["node"]["properties"]["advert"]

    assert [one.get("title") for one in advert["anyOf"]] == ["Advert", "UnpublishedAdvert", "DeletedAdvert"]
    assert is_valid(advert, {"__typename": "Advert", "title": "Kettle"})
    assert is_valid(advert, {"__typename": "DeletedAdvert"})
    assert not is_valid(advert, {"__typename": "Advert"})
    assert not is_valid(advert, {"__typename": "DeletedAdvert", "title": "Kettle"})


def test_members_of_which_the_same_is_asked_are_one() -> None:
    shape = selected("advert { ... on Node { id } }", WebhookKlass.VARIANT)
    advert = shape["properties"]["data"]["properties"]["node"]["properties"]["advert"]

    assert [option.get("required") for option in advert["anyOf"]] == [["id"]]


def test_the_default_query_has_a_schema() -> None:
    json_schema = schema_of(stored_query(schema._schema, "", WebhookKlass.INVOICE))

    good = body(WebhookKlass.INVOICE, {"data": {"node": {"__typename": "Invoice"}}})
    assert faults(json_schema, good) == []
    assert faults(json_schema, {**good, "later": "version"}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "variant.update"},
        {"event_name": "changed"},
        {"sequence": "1"},
        {"timestamp": "yesterday"},
        {"entity": {"type": "Variant", "id": "x"}},
        {"changed": {"added": [], "updated": []}},
        {"payload": {"data": {"node": {"__typename": "Variant"}}}},
        {"payload": {"data": {"node": {}}}},
        {"payload": {"data": {"node": {"__typename": "Invoice", "more": 1}}}},
        {"payload": {"data": {"node": None}, "errors": []}},
        {"payload": {"errors": [{"message": "x"}]}},
    ],
)
def test_what_can_not_come_does_not_validate(wrong: dict[str, Any]) -> None:
    json_schema = schema_of(stored_query(schema._schema, "", WebhookKlass.INVOICE))
    good = body(WebhookKlass.INVOICE, {"data": {"node": {"__typename": "Invoice"}}})

    assert len(faults(json_schema, {**good, **wrong})) == 1


def test_previous_is_a_payload_or_null_and_has_to_be_there() -> None:
    json_schema = schema_of(stored_query(schema._schema, "", WebhookKlass.INVOICE), include_previous=True)
    payload = {"data": {"node": {"__typename": "Invoice"}}}
    good = body(WebhookKlass.INVOICE, payload)

    assert [is_valid(json_schema, {**good, "previous": one}) for one in (payload, None)] == [True, True]
    assert not is_valid(json_schema, good)
    assert not is_valid(json_schema, {**good, "previous": {"data": {"node": {}}}})
    assert not is_valid(json_schema, {**good, "payload": None, "previous": payload})
