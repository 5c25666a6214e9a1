from datetime import UTC, datetime

from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.invoices import create_line_item
from tests.builders.shipments import create_shipment_carrier
from tests.schema.mutations.conftest import Mutate

SHIPMENT = """shipment { carrier trackingNumber dispatchedAt note shippedItems { quantity }
  invoice { statusFlags lineItems { quantityAwaitingDispatch quantityReturnable } } }"""


async def test_shipment_create_sends_items(conn: Connection, mutate: Mutate) -> None:
    line = await create_line_item(conn, quantity=2, quantity_returnable=0)
    carrier = await create_shipment_carrier(conn, name="Fast")
    seller_id = await conn.fetchval("select seller_id from invoices")

    answer = await mutate(
        "shipmentCreate",
        SHIPMENT,
        {
            "invoiceId": encode("Invoice", line.invoice_id),
            "dispatchedAt": f"{datetime.now(UTC).date()}T03:04:05",
            "postageCarrierId": encode("ShipmentCarrier", carrier.id),
            "trackingNumber": "T-1",
            "shippedItems": [{"lineItemId": encode("LineItem", line.id), "quantity": 1}],
        },
        Viewer(seller_id),
    )

    assert answer["data"]["shipmentCreate"] == {
        "status": 200,
        "clientMutationId": None,
        "errors": None,
        "shipment": {
            "carrier": "Fast",
            "trackingNumber": "T-1",
            "dispatchedAt": f"{datetime.now(UTC).date()}T03:04:05+00:00",
            "note": None,
            "shippedItems": [{"quantity": 1}],
            "invoice": {
                "statusFlags": ["PAID", "PARTIALLY_SENT"],
                "lineItems": [{"quantityAwaitingDispatch": 1, "quantityReturnable": 1}],
            },
        },
    }


async def test_shipment_create_names_wrong_fields_by_path(conn: Connection, mutate: Mutate) -> None:
    line = await create_line_item(conn, quantity=2)
    carrier = await create_shipment_carrier(conn)

    answer = await mutate(
        "shipmentCreate",
        "shipment { id }",
        {
            "invoiceId": encode("Invoice", line.invoice_id),
            "dispatchedAt": f"{datetime.now(UTC).date()}T03:04:05Z",
            "postageCarrierId": encode("ShipmentCarrier", carrier.id),
            "trackingNumber": "T-1",
            "shippedItems": [{"lineItemId": encode("LineItem", line.id), "quantity": 3}],
        },
    )

    assert answer["data"]["shipmentCreate"] == {
        "status": 422,
        "clientMutationId": None,
        "errors": [{"field": "shippedItems.0.quantity", "messages": ["is more than await dispatch: 2"]}],
        "shipment": None,
    }
    assert await conn.fetchval("select count(*) from shipments") == 0
