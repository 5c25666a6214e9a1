"""Shipments of an invoice, the items in them, and the carriers."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import EVERYONE, Table, Through, part_of
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.orders.db.addresses import ADDRESSES
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS, InvoiceId, LineItemId
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.metadata import METADATA

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
    homepage_link: str | None
    shipped_from_id: int | None
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
    homepage_url: str | None
    tracking_link_template: str | None


SHIPMENT_CARRIERS = Table(
    "shipment_carriers",
    ShipmentCarrier,
    seen_by=EVERYONE,
)
SHIPMENTS = Table(
    "shipments",
    Shipment,
    type_name="Shipment",
    seen_by=Through("invoice_id"),
    keys={"invoice_id": part_of(INVOICES), "carrier_id": SHIPMENT_CARRIERS, "shipped_from_id": ADDRESSES},
    owns=(EXTERNAL_IDS, METADATA),
    is_subscribable=True,
)
SHIPPED_ITEMS = Table(
    "shipped_items",
    ShippedItem,
    seen_by=Through("shipment_id"),
    keys={"shipment_id": part_of(SHIPMENTS), "line_item_id": LINE_ITEMS},
)


async def find_carrier(conn: Connection, carrier_id: ShipmentCarrierId) -> ShipmentCarrier | None:
    record = await conn.fetchrow(
        f"select {SHIPMENT_CARRIERS.select_list('c')} from shipment_carriers c where c.id = $1", carrier_id
    )
    return None if record is None else SHIPMENT_CARRIERS.from_record(record)


async def find_shipped_invoice(conn: Connection, shipment_id: ShipmentId, *, seller_id: SellerId | None) -> InvoiceId:
    """Return the invoice of a shipment. It must be locked before the shipment.

    Args:
        seller_id: The seller that must own it. None accepts any seller.

    Raises:
        NotFound: There is none, or it is another seller's. The field is `shipment_id`.
    """
    found = await conn.fetchval(
        "select s.invoice_id from shipments s join invoices i on i.id = s.invoice_id"
        " where s.id = $1 and ($2::bigint is null or i.seller_id = $2)",
        shipment_id,
        seller_id,
    )
    if found is None:
        raise NotFound.at("shipment_id", "there is no such shipment")
    return InvoiceId(found)


async def touch_shipment(conn: Connection, shipment_id: ShipmentId) -> None:
    """Set `updated_at` of a shipment whose part has changed. It records no change event."""
    await conn.execute("update shipments set updated_at = now() where id = $1", shipment_id)
