"""A key reads what its scopes are for, by whatever way it gets there."""

from app.auth.viewers import Scope, Viewer
from app.db.pool import Connection
from tests.builders.deliveries import create_subscription
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.operation import run_operation

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


async def test_dry_run_needs_the_scope_of_what_it_shows(conn: Connection) -> None:
    document = """query { webhookDryRun(type: INVOICE, id: "SW52b2ljZS0x",
      queryString: "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents } } }") { payload } }"""
    await create_invoice(conn)

    answer = await run_operation(conn, document, viewer=Viewer(None, frozenset({Scope.WEBHOOKS})))

    assert (answer.data, answer.failures) == ({"webhookDryRun": None}, [(["webhookDryRun"], "MISSING_SCOPE")])
    assert answer.errors[0]["message"] == "This API key lacks the scope 'read': a dry run shows what the query reads."
