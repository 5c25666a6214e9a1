from itertools import count
from typing import Any

from app.db.pool import Connection
from app.marketplace.orders.db.shipments import (
    SHIPMENT_CARRIERS,
    SHIPMENTS,
    SHIPPED_ITEMS,
    Shipment,
    ShipmentCarrier,
    ShippedItem,
)
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.rows import insert_row

_numbers = count(1)


async def create_shipment_carrier(conn: Connection, **overrides: Any) -> ShipmentCarrier:
    return await insert_row(conn, SHIPMENT_CARRIERS, {"name": f"Carrier {next(_numbers)}"}, overrides)


async def create_shipment(conn: Connection, **overrides: Any) -> Shipment:
    """A shipment dispatched now, without shipped items and without a row of its carrier."""
    if "invoice_id" not in overrides:
        overrides["invoice_id"] = (await create_invoice(conn)).id
    return await insert_row(conn, SHIPMENTS, {"carrier": "Post", "tracking_number": "TRACK-1"}, overrides)


async def create_shipped_item(conn: Connection, **overrides: Any) -> ShippedItem:
    """One item of a line of the shipment's invoice; the line's own quantities stay as they are."""
    if "shipment_id" not in overrides:
        overrides["shipment_id"] = (await create_shipment(conn)).id
    if "line_item_id" not in overrides:
        invoice_id = await conn.fetchval("select invoice_id from shipments where id = $1", overrides["shipment_id"])
        overrides["line_item_id"] = (await create_line_item(conn, invoice_id=invoice_id)).id
    return await insert_row(conn, SHIPPED_ITEMS, {"quantity": 1}, overrides)
