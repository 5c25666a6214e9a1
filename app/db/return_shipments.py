"""Return shipments of a refund request: what the buyer sends back, and what the carrier has reported about it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.invoices import LineItemId
from app.db.refund_requests import RefundRequestId
from app.db.shipments import ShipmentCarrierId
from app.db.table import Table
from app.domain.tracking import ShipmentStatus

ReturnShipmentId = NewType("ReturnShipmentId", int)
ReturnShippedItemId = NewType("ReturnShippedItemId", int)
ReturnShipmentStatusId = NewType("ReturnShipmentStatusId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnShipment:
    id: ReturnShipmentId
    refund_request_id: RefundRequestId
    carrier_id: ShipmentCarrierId
    tracking_number: str
    note: str | None
    drop_off_url: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnShippedItem:
    id: ReturnShippedItemId
    return_shipment_id: ReturnShipmentId
    line_item_id: LineItemId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnShipmentStatus:
    id: ReturnShipmentStatusId
    return_shipment_id: ReturnShipmentId
    status: ShipmentStatus
    created_at: datetime


RETURN_SHIPMENTS = Table("return_shipments", ReturnShipment)
RETURN_SHIPPED_ITEMS = Table("return_shipped_items", ReturnShippedItem)
RETURN_SHIPMENT_STATUSES = Table("return_shipment_statuses", ReturnShipmentStatus)
