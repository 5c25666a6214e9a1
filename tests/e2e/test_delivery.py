"""A change becomes the POST that its subscriber asked for: commit → request received → attempt stored."""

from standardwebhooks import Webhook as Verifier

from schema.entities import global_ids
from tests.builders.invoices import create_invoice
from tests.builders.variants import create_variant
from tests.support.platform import Platform
from tests.support.receiver import Receiver

INVOICE_QUERY = """
query($id: ID!) { node(id: $id) { ... on Invoice { id statusFlags totalCents lineItems { id quantity } } } }
"""


async def test_delivers_the_result_of_the_stored_query_signed(platform: Platform, receiver: Receiver) -> None:
    created = await platform.create_webhook(receiver.url(), INVOICE_QUERY, headers={"X-Shop": "blue"})

    invoice = await create_invoice(platform.conn, status_flags=["PAID"], total_cents=1500)

    (delivery,) = await receiver.wait_for()
    body = Verifier(created["hmacKey"]).verify(delivery.body, delivery.headers)
    invoice_id = global_ids.encode("Invoice", invoice.id)
    assert body["payload"] == {
        "data": {"node": {"id": invoice_id, "statusFlags": ["PAID"], "totalCents": 1500, "lineItems": []}}
    }
    assert body["id"] == delivery.headers["webhook-id"] == delivery.headers["idempotency-key"]
    assert (body["event_name"], body["type"]) == ("create", "invoice.create")
    assert body["entity"] == {"type": "Invoice", "id": invoice_id}
    assert body["changed"] == {"added": [], "updated": [], "removed": []}
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.headers["x-shop"] == "blue"
    assert delivery.headers["tellgraph-attempt"] == "1"
    assert delivery.headers["tellgraph-sequence"] == str(body["sequence"])


async def test_a_plain_update_by_sql_is_delivered(platform: Platform, receiver: Receiver) -> None:
    query = "query($id: ID!) { node(id: $id) { ... on Variant { sku countOnHand } } }"
    await platform.create_webhook(receiver.url(), query, type="VARIANT")
    variant = await create_variant(platform.conn, sku="A-1", count_on_hand=3)
    # Overtaken by the update while it waits, the create would go out as the only one, with the newer state.
    await receiver.wait_for()

    await platform.conn.execute("update variants set count_on_hand = 2 where id = $1", variant.id)

    (delivery,) = await receiver.wait_for(lambda one: one.json["event_name"] == "update")
    assert delivery.data == {"node": {"sku": "A-1", "countOnHand": 2}}
    assert "countOnHand" in delivery.json["changed"]["updated"]
