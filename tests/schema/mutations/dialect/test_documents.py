"""Documents of Marketplacer's clients run unchanged, with their variables."""

from typing import Any

import pytest

from app.db.pool import Connection
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.entities.global_ids import encode
from schema.stored.validate import stored_query
from tests.builders.catalogue import create_brand
from tests.schema.mutations.conftest import Execute
from tests.schema.mutations.dialect.documents import QUERIES, STORED, mutation
from tests.schema.mutations.dialect.mutations import FORMS, inputs
from tests.support.every_mutation import create_scene
from tests.support.operation import run_operation

SINCE = "2020-01-01T00:00:00Z"


@pytest.mark.parametrize("name", QUERIES)
async def test_a_query_runs_unchanged(conn: Connection, name: str) -> None:
    ids = await create_scene(conn)
    variables = {
        "since": SINCE,
        "first": 2,
        "after": None,
        "id": ids["invoice"],
        "orderId": ids["order"],
        "filters": {"createdSince": SINCE},
        "sort": {"fields": ["CREATED_AT"], "ordering": "DESCENDING"},
        "externalId": None,
        "skus": ["S-1"],
        "values": ["E-1"],
        "ids": [ids["seller"], ids["shipment"]],
    }
    document = QUERIES[name]
    used: dict[str, Any] = {key: value for key, value in variables.items() if f"${key}:" in document}

    answer = await run_operation(conn, document, **used)

    assert answer.errors == []
    assert answer.data
    assert None not in answer.data.values()


async def test_every_mutation_of_both_runs_unchanged(conn: Connection, execute: Execute) -> None:
    ids = {**await create_scene(conn), "brand": encode("Brand", (await create_brand(conn, name="Acme")).id)}
    made: dict[str, str] = {}
    refused: dict[str, Any] = {}

    for name in inputs(ids, made):
        input_type, selection = FORMS[name]
        document = mutation(name, input_type, selection)
        answer = await execute(document, {"input": inputs(ids, made)[name]})
        payload: dict[str, Any] = (answer.get("data") or {}).get(name) or {}
        if "errors" in answer or payload["status"] != 200:
            refused[name] = answer
            continue
        row = next(value for key, value in payload.items() if isinstance(value, dict))
        made[name] = row.get("id", "")

    assert refused == {}


@pytest.mark.parametrize("klass", STORED)
def test_a_webhooks_query_is_accepted(klass: str) -> None:
    query = stored_query(schema._schema, STORED[klass], WebhookKlass(klass))

    assert {f"{query.entity_type}".upper()} == {klass.replace("_", "")}


async def test_variables_have_the_types_of_there(conn: Connection, execute: Execute) -> None:
    created = await execute(
        """mutation Create($attributes: WebhookCreateInput!) {
          webhookCreate(input: {attributes: $attributes}) { status webhook { id eventName } } }""",
        {"attributes": {"type": "INVOICE", "url": "http://127.0.0.1:9/", "eventName": "CREATE"}},
    )
    made = created["data"]["webhookCreate"]["webhook"]
    updated = await execute(
        """mutation Update($id: ID!, $attributes: WebhookInput!) {
          webhookUpdate(input: {webhookId: $id, attributes: $attributes}) { status webhook { id enabled } } }""",
        {"id": made["id"], "attributes": {"enabled": False}},
    )

    assert made["eventName"] == "CREATE"
    assert updated["data"]["webhookUpdate"] == {"status": 200, "webhook": {"id": made["id"], "enabled": False}}
