from datetime import UTC, datetime

from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.sales import create_sale, create_sales
from tests.builders.shipments import create_shipment
from tests.support.operation import read_node, read_nodes


async def test_shows_what_the_row_holds(conn: Connection) -> None:
    shipment = await create_shipment(
        conn, note="Fragile", dispatched_at=datetime(2026, 3, 4, 12, tzinfo=UTC), tracking_number="P-9"
    )

    answer = await read_node(
        conn,
        global_ids.encode("Shipment", shipment.id),
        "Shipment { id legacyId carrier trackingNumber trackingLink dispatchedAt note shippedItems { id } }",
    )

    assert answer.errors == []
    assert answer.data == {
        "id": "U2hpcG1lbnQtMQ==",
        "legacyId": 1,
        "carrier": "Post",
        "trackingNumber": "P-9",
        "trackingLink": None,
        "dispatchedAt": "2026-03-04T12:00:00+00:00",
        "note": "Fragile",
        "shippedItems": [],
    }


async def test_leads_to_its_invoice_and_to_what_was_sent(conn: Connection) -> None:
    await create_sale(conn)
    sale = await create_sale(conn)

    answer = await read_node(
        conn,
        sale.id_of("shipment"),
        "Shipment { invoice { id } shippedItems { id quantity lineItem { id } } }",
    )

    assert answer.errors == []
    assert answer.data == {
        "invoice": {"id": sale.id_of("invoice")},
        "shippedItems": [
            {"id": sale.id_of("shipped_item"), "quantity": 1, "lineItem": {"id": sale.id_of("line_item")}}
        ],
    }


async def test_statements_do_not_grow_with_the_number_of_shipments(conn: Connection) -> None:
    sales = await create_sales(conn, 30)
    ids = [sale.id_of("shipment") for sale in sales]
    fragment = "Shipment { invoice { id } shippedItems { lineItem { id } } }"

    few = await read_nodes(conn, ids[:3], fragment)
    many = await read_nodes(conn, ids, fragment)

    assert many.data[29]["shippedItems"] == [{"lineItem": {"id": sales[29].id_of("line_item")}}]
    assert (few.statements, many.statements) == (4, 4)
