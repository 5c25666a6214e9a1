"""A mutation shows what its key may read, and lets nobody read by a webhook what they may not."""

from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from app.auth.viewers import Scope, Viewer
from app.db.pool import Connection
from app.docs.links import error_extensions
from schema.entities.declarations import ENTITIES
from schema.entities.global_ids import encode
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate
from tests.schema.walk import GRAPH

WRITE_ONLY = frozenset({Scope.WRITE})


async def test_answer_of_a_mutation_shows_only_what_the_key_may_read(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn)
    given = {"variantId": encode("Variant", variant.id), "attributes": {"label": "Blue"}}

    writing = await mutate("variantUpdate", "variant { label countOnHand }", given, Viewer(None, WRITE_ONLY))
    blind = await mutate("variantUpdate", "", given, Viewer(None, WRITE_ONLY))
    reading = await mutate("variantUpdate", "variant { label }", given, Viewer(None, WRITE_ONLY | {Scope.READ}))

    (error,) = writing["errors"]
    assert (error["path"], error["extensions"]) == (["variantUpdate", "variant"], error_extensions("MISSING_SCOPE"))
    assert error["message"] == "This API key lacks the scope 'read'."
    made = {"status": 200, "clientMutationId": None, "errors": None}
    # The change was made all the same.
    assert writing["data"] == {"variantUpdate": {**made, "variant": None}}
    assert await conn.fetchval("select label from variants") == "Blue"
    assert blind == {"data": {"variantUpdate": made}}
    assert reading == {"data": {"variantUpdate": {**made, "variant": {"label": "Blue"}}}}


async def test_repeated_answer_shows_only_what_the_key_may_read(conn: Connection, mutate: Mutate) -> None:
    given = {"attributes": {"businessName": "Kettles", "emailAddress": "orders@kettles.example"}}

    answers = [
        await mutate("sellerCreate", "seller { emailAddress }", given, Viewer(None, WRITE_ONLY), key="k-1")
        for _ in range(2)
    ]

    for answer in answers:
        assert answer["data"]["sellerCreate"]["seller"] is None
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["MISSING_SCOPE"]
    assert await conn.fetchval("select count(*) from sellers") == 1


def test_objects_of_a_mutations_answer_are_rows_that_have_a_scope() -> None:
    """Of other objects nothing would say who may read them."""
    assert GRAPH.mutation_type is not None
    payloads = [get_named_type(field.type) for field in GRAPH.mutation_type.fields.values()]
    shown = {
        named.name
        for payload in payloads
        if isinstance(payload, GraphQLObjectType)
        for field in payload.fields.values()
        if not is_leaf_type(named := get_named_type(field.type))
    }

    assert shown - ENTITIES.keys() == {
        "ValidationError",
        # Their mutations need the scope webhooks, which reads the events, too.
        "WebhookMessage",
        "WebhookMessageLease",
    }


URL = "https://93.184.216.34/hook"


@pytest.mark.parametrize(
    ("attributes", "is_allowed"),
    [
        ({"url": "https://93.184.216.35/hook"}, False),
        ({"queryString": "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents } } }"}, False),
        ({"enabled": False, "description": "paused", "rateLimit": 5}, True),
    ],
)
async def test_what_a_webhook_is_sent_and_where_is_decided_by_who_may_read_it(
    conn: Connection, mutate: Mutate, attributes: dict[str, Any], is_allowed: bool
) -> None:
    webhooks_only = Viewer(None, frozenset({Scope.WEBHOOKS}))
    new = {"attributes": {"url": URL, "type": "INVOICE"}}
    made = await mutate("webhookCreate", "webhook { id }", new)
    given = {"webhookId": made["data"]["webhookCreate"]["webhook"]["id"], "attributes": attributes}

    created = await mutate("webhookCreate", "webhook { id }", new, webhooks_only)
    updated = await mutate("webhookUpdate", "webhook { enabled }", given, webhooks_only)

    assert created["data"] == {"webhookCreate": None}
    assert created["errors"][0]["extensions"] == error_extensions("MISSING_SCOPE")
    assert created["errors"][0]["message"].endswith("the scope 'read': a webhook is sent what its query reads.")
    assert ("errors" not in updated) is is_allowed
    assert await conn.fetchval("select count(*) from webhooks") == 1
    assert await conn.fetchval("select url from webhooks") == URL
    assert await conn.fetchval("select is_enabled from webhooks") is not is_allowed
