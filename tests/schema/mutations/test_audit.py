"""Every mutation leaves an audit entry in its own transaction."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
import strawberry
from graphql import GraphQLObjectType, get_named_type

from app.docs.links import error_extensions
from schema import schema
from schema.entities.declarations import ENTITIES
from schema.entities.global_ids import decode, encode
from schema.mutations.audit import given_fields
from schema.mutations.orders.order_inputs import LineItemInput, OrderCreateMutationInput, OrderInput
from tests.builders.sales import create_sale
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.every_mutation import UNRECORDED, create_scene, inputs
from tests.support.mutation_inputs import input_type
from tests.support.platform import Platform

ENTRY = "actor, seller_id, api_key_name, action, entity_type, entity_id, fields, address, request_id"


def row_field(mutation: str) -> str:
    """Return the field of a mutation's payload that shows what it has changed; empty if none with an id does."""
    assert schema._schema.mutation_type is not None
    payload = get_named_type(schema._schema.mutation_type.fields[mutation].type)
    assert isinstance(payload, GraphQLObjectType)
    nodes = {name for name, entity in ENTITIES.items() if entity.is_node}
    return next((name for name, field in payload.fields.items() if get_named_type(field.type).name in nodes), "")


async def send(api: Platform, mutation: str, given: dict[str, Any], *, key: str = "", **headers: str) -> httpx.Response:
    field = row_field(mutation)
    shown = f"{field} {{ id }}" if field else ""
    document = (
        f"mutation($input: {input_type(mutation)}) {{ {mutation}(input: $input)"
        f" {{ status errors {{ field messages }} {shown} }} }}"
    )
    return await api.http.post(
        f"{api.url}/graphql",
        json={"query": document, "variables": {"input": given}},
        headers={"Authorization": f"Bearer {key or api.key}", **headers},
    )


async def entries(conn: asyncpg.Connection, columns: str = ENTRY) -> list[Any]:
    return [tuple(row) for row in await conn.fetch(f"select {columns} from audit_entries order by id")]


async def test_every_mutation_is_recorded(api: Platform) -> None:
    """A mutation that is new needs an input in tests/support/every_mutation.py, and leaves an entry like all others."""
    assert schema._schema.mutation_type is not None
    ids = await create_scene(api.conn)
    made: dict[str, str] = {}
    expected = []

    for mutation in inputs(ids, {}):
        response = await send(api, mutation, inputs(ids, made)[mutation], **{"X-Request-Id": f"of-{mutation}"})
        answer = response.json()
        assert "errors" not in answer, (mutation, answer)
        payload = answer["data"][mutation]
        assert payload["status"] == 200, (mutation, payload)
        # A metadatum has no id: its owner is named.
        # Of a list, none is named: the entry says which arguments there were.
        row = payload.get(row_field(mutation), {})
        made[mutation] = ("" if isinstance(row, list) else row.get("id")) or inputs(ids, {})[mutation].get("owner", "")
        expected.append((mutation, f"of-{mutation}", *(decode(made[mutation]) if made[mutation] else (None, None))))

    assert sorted(schema._schema.mutation_type.fields) == sorted([*UNRECORDED, *(one for one, *_ in expected)])
    found = await entries(api.conn, "action, request_id, entity_type, entity_id")
    by_hand, by_mutations = found[:2], found[2:]
    apart = await api.conn.fetch(
        "select action from audit_entries a where request_id is not null and not exists (select from change_events c"
        " where c.txid = a.xmin::text::xid8) order by id"
    )
    assert {action for action, *_ in by_hand} == {"webhook.insert"}
    assert by_mutations == expected
    # Of these nothing is captured. All others have their entry in the transaction of their change events.
    uncaptured = {
        "brandCreateOrUpdate",
        "changeEventsRetry",
        "countryCreateOrUpdate",
        "invoiceAnnotationTypeCreate",
        "invoiceAnnotationTypeDiscard",
        "invoiceAnnotationTypeUpdate",
        "shipmentCarrierCreateOrUpdate",
        "taxCodeCreateOrUpdate",
    }
    assert {row["action"] for row in apart if not row["action"].startswith(("webhook", "apiKey"))} == uncaptured


async def test_an_entry_says_who_what_and_from_where(api: Platform) -> None:
    sale = await create_sale(api.conn)
    key = await api.seller_key(sale.seller.id)
    given = {"variantId": sale.id_of("variant"), "attributes": {"label": "Blue", "notes": None}}

    await send(api, "variantUpdate", {**given, "clientMutationId": "c-1"}, key=key, **{"X-Request-Id": "r-1"})

    fields = ["variantId", "attributes.label", "attributes.notes"]
    seller = sale.seller.id
    assert await entries(api.conn) == [
        (
            f"seller:{seller}",
            seller,
            "a seller's",
            "variantUpdate",
            "Variant",
            sale.variant.id,
            fields,
            "127.0.0.1",
            "r-1",
        )
    ]
    assert await entries(api.conn, "changes, api_key_id = (select max(id) from api_keys)") == [("[]", True)]


@pytest.mark.parametrize("key", ["", "k-1"])
async def test_what_failed_leaves_no_entry(api: Platform, key: str) -> None:
    variant = await create_variant(api.conn)
    line = {"variantId": encode("Variant", variant.id), "quantity": 10**6}
    headers = {"Idempotency-Key": key} if key else {}

    response = await send(api, "orderCreate", {"order": {}, "lineItems": [line]}, **headers)

    assert response.json()["data"]["orderCreate"]["status"] == 422
    assert await entries(api.conn) == []


async def test_an_entry_that_can_t_be_written_undoes_the_change(api: Platform) -> None:
    seller = await create_seller(api.conn)
    await api.conn.execute("alter table audit_entries add constraint none_today check (action <> 'sellerUpdate')")
    given = {"sellerId": encode("Seller", seller.id), "attributes": {"businessName": "Changed"}}

    response = await send(api, "sellerUpdate", given)

    (error,) = response.json()["errors"]
    assert error["extensions"] == error_extensions("INTERNAL_SERVER_ERROR", requestId=response.headers["X-Request-Id"])
    assert await api.conn.fetchval("select business_name from sellers") == seller.business_name


async def test_a_repeated_request_has_one_entry(api: Platform) -> None:
    variant = await create_variant(api.conn)
    given = {"order": {}, "lineItems": [{"variantId": encode("Variant", variant.id), "quantity": 1}]}

    answers = await asyncio.gather(*(send(api, "orderCreate", given, **{"Idempotency-Key": "k-1"}) for _ in range(4)))

    assert {answer.json()["data"]["orderCreate"]["order"]["id"] for answer in answers} == {encode("Order", 1)}
    assert await entries(api.conn, "action, entity_type, entity_id") == [("orderCreate", "Order", 1)]


async def test_mutations_of_one_request_each_have_an_entry(api: Platform) -> None:
    sellers = [await create_seller(api.conn) for _ in range(2)]
    ids = [encode("Seller", seller.id) for seller in sellers]
    update = 'sellerUpdate(input: {sellerId: "%s", attributes: {businessName: "%s"}}) { status }'

    await api.data(f"mutation {{ a: {update % (ids[0], 'A')} b: {update % (ids[1], '')} c: {update % (ids[1], 'C')} }}")

    assert await entries(api.conn, "action, entity_id") == [("sellerUpdate", seller.id) for seller in sellers]
    assert len(set(await entries(api.conn, "request_id"))) == 1


def test_fields_are_named_once_and_values_are_not_told() -> None:
    lines = [LineItemInput(variant_id=strawberry.ID("x"), quantity=n) for n in range(1, 501)]

    fields = given_fields(OrderCreateMutationInput(order=OrderInput(first_name="Ada"), line_items=lines))

    assert {"order.firstName", "lineItems.variantId", "lineItems.quantity"} <= set(fields)
    assert len(fields) == len(set(fields)) < 20
    assert "Ada" not in str(fields)
