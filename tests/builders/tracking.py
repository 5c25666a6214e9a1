from typing import Any

from app.db.pool import Connection
from app.marketplace.orders.db.shipment_statuses import SHIPMENT_STATUSES, ShipmentStatus
from app.marketplace.refunds.db.return_shipments import (
    RETURN_SHIPMENT_STATUSES,
    RETURN_SHIPMENTS,
    RETURN_SHIPPED_ITEMS,
    ReturnShipment,
    ReturnShipmentStatus,
    ReturnShippedItem,
)
from tests.builders.invoices import create_line_item
from tests.builders.refund_requests import create_refund_request
from tests.builders.rows import insert_row
from tests.builders.shipments import create_shipment, create_shipment_carrier


async def create_shipment_status(conn: Connection, **overrides: Any) -> ShipmentStatus:
    if "shipment_id" not in overrides:
        overrides["shipment_id"] = (await create_shipment(conn)).id
    return await insert_row(conn, SHIPMENT_STATUSES, {"status": "InTransit"}, overrides)


async def create_return_shipment(conn: Connection, **overrides: Any) -> ReturnShipment:
    """A return by a new carrier, without items."""
    if "refund_request_id" not in overrides:
        overrides["refund_request_id"] = (await create_refund_request(conn)).id
    if "carrier_id" not in overrides:
        overrides["carrier_id"] = (await create_shipment_carrier(conn)).id
    return await insert_row(conn, RETURN_SHIPMENTS, {"tracking_number": "BACK-1"}, overrides)


async def create_return_shipped_item(conn: Connection, **overrides: Any) -> ReturnShippedItem:
    """One item of a line of the request's invoice."""
    if "return_shipment_id" not in overrides:
        overrides["return_shipment_id"] = (await create_return_shipment(conn)).id
    if "line_item_id" not in overrides:
        invoice_id = await conn.fetchval(
            "select q.invoice_id from return_shipments s join refund_requests q on q.id = s.refund_request_id"
            " where s.id = $1",
            overrides["return_shipment_id"],
        )
        overrides["line_item_id"] = (await create_line_item(conn, invoice_id=invoice_id)).id
    return await insert_row(conn, RETURN_SHIPPED_ITEMS, {"quantity": 1}, overrides)


async def create_return_shipment_status(conn: Connection, **overrides: Any) -> ReturnShipmentStatus:
    if "return_shipment_id" not in overrides:
        overrides["return_shipment_id"] = (await create_return_shipment(conn)).id
    return await insert_row(conn, RETURN_SHIPMENT_STATUSES, {"status": "Pending"}, overrides)
