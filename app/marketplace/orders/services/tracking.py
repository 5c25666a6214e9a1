"""Tracking: recording the reports of carriers about shipments."""

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.db.write import insert_row
from app.marketplace.orders.db.invoices import lock_invoice, touch_invoice
from app.marketplace.orders.db.shipment_statuses import SHIPMENT_STATUSES, ShipmentStatus
from app.marketplace.orders.db.shipments import ShipmentId, find_shipped_invoice, touch_shipment
from app.marketplace.orders.domain.tracking import ShipmentStatus as Status


async def report_status(database: Database, viewer: Viewer, shipment_id: ShipmentId, status: Status) -> ShipmentStatus:
    """Add a status to a shipment. For the operator and the invoice's seller. Raises NotFound."""
    async with transaction(database, actor=viewer.actor) as conn:
        invoice_id = await find_shipped_invoice(conn, shipment_id, seller_id=viewer.seller_id)
        await lock_invoice(conn, invoice_id, seller_id=viewer.seller_id)
        await touch_invoice(conn, invoice_id)
        await touch_shipment(conn, shipment_id)
        return await insert_row(conn, SHIPMENT_STATUSES, shipment_id=shipment_id, status=status)
