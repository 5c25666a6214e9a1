"""A key reads what its scopes are for, by whatever way it gets there."""

import pytest

from app.auth.viewers import Scope, Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.adverts import create_advert
from tests.builders.deliveries import create_subscription
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.operation import read_node, run_operation

WEBHOOKS = "{ webhooks { nodes { url seller { businessName } } } }"


async def test_relation_needs_the_scope_of_what_it_leads_to(conn: Connection) -> None:
    seller = await create_seller(conn, business_name="Kettles")
    await create_subscription(conn, "https://a.example/hook", seller_id=seller.id)
    webhooks_only = Viewer(seller.id, frozenset({Scope.WEBHOOKS}))

    refused = await run_operation(conn, WEBHOOKS, viewer=webhooks_only)
    reading = await run_operation(conn, WEBHOOKS, viewer=Viewer(seller.id, frozenset({Scope.WEBHOOKS, Scope.READ})))

    assert refused.data == {"webhooks": {"nodes": [{"url": "https://a.example/hook", "seller": None}]}}
    assert refused.failures == [(["webhooks", "nodes", 0, "seller"], "MISSING_SCOPE")]
    assert reading.data["webhooks"]["nodes"][0]["seller"] == {"businessName": "Kettles"}
    assert reading.errors == []


@pytest.mark.parametrize("name", ["UnpublishedAdvert", "DeletedAdvert"])
async def test_stand_in_has_no_ids_of_its_own(conn: Connection, name: str) -> None:
    advert = await create_advert(conn, is_published=False)
    asked = "{ allAdverts { nodes { ... on UnpublishedAdvert { id } } } }"

    found = await read_node(conn, encode(name, advert.id), "Node { id }")
    given = await run_operation(conn, asked)

    assert (found.data, found.failures) == (None, [(["node"], "INVALID_INPUT")])
    assert found.errors[0]["message"] == f"id: {name} is not a type of this API"
    assert given.data["allAdverts"]["nodes"] == [{"id": encode("Advert", advert.id)}]


async def test_dry_run_needs_the_scope_of_what_it_shows(conn: Connection) -> None:
    document = """query { webhookDryRun(type: INVOICE, id: "SW52b2ljZS0x",
      queryString: "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents } } }") { payload } }"""
    await create_invoice(conn)

    answer = await run_operation(conn, document, viewer=Viewer(None, frozenset({Scope.WEBHOOKS})))

    assert (answer.data, answer.failures) == ({"webhookDryRun": None}, [(["webhookDryRun"], "MISSING_SCOPE")])
    assert answer.errors[0]["message"] == "This API key lacks the scope 'read': a dry run shows what the query reads."
