"""A key reads what its scopes are for, by whatever way it gets there."""

from app.auth.viewers import Scope, Viewer
from app.db.pool import Connection
from tests.builders.deliveries import create_subscription
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
