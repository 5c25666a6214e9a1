"""Shipment statuses: the reports of a carrier about a parcel."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.table import Table, Through, part_of
from app.marketplace.orders.db.shipments import SHIPMENTS, ShipmentId
from app.marketplace.orders.domain.tracking import ShipmentStatus as Status

ShipmentStatusId = NewType("ShipmentStatusId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentStatus:
    id: ShipmentStatusId
    shipment_id: ShipmentId
    status: Status
    created_at: datetime


SHIPMENT_STATUSES = Table(
    "shipment_statuses",
    ShipmentStatus,
    seen_by=Through("shipment_id"),
    keys={"shipment_id": part_of(SHIPMENTS)},
)
