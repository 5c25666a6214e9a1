"""Shipments of an invoice, the items in them, and the carriers."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.invoices import InvoiceId, LineItemId
from app.db.pool import Connection
from app.db.table import Table

ShipmentId = NewType("ShipmentId", int)
ShippedItemId = NewType("ShippedItemId", int)
ShipmentCarrierId = NewType("ShipmentCarrierId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    id: ShipmentId
    invoice_id: InvoiceId
    carrier_id: ShipmentCarrierId | None
    carrier: str
    tracking_number: str
    tracking_link: str | None
    dispatched_at: datetime
    note: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedItem:
    id: ShippedItemId
    shipment_id: ShipmentId
    line_item_id: LineItemId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentCarrier:
    id: ShipmentCarrierId
    name: str
    tracking_link_template: str | None


SHIPMENTS = Table("shipments", Shipment)
SHIPPED_ITEMS = Table("shipped_items", ShippedItem)
SHIPMENT_CARRIERS = Table("shipment_carriers", ShipmentCarrier)


async def find_carrier(conn: Connection, carrier_id: ShipmentCarrierId) -> ShipmentCarrier | None:
    record = await conn.fetchrow(
        f"select {SHIPMENT_CARRIERS.select_list('c')} from shipment_carriers c where c.id = $1", carrier_id
    )
    return None if record is None else SHIPMENT_CARRIERS.from_record(record)
