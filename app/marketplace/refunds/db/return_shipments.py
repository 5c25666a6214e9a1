"""Return shipments: parcels that the buyer sends back for a refund request, and the carrier's reports about them."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import Table, Through, part_of
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.orders.db.invoices import LINE_ITEMS, LineItemId
from app.marketplace.orders.db.shipments import SHIPMENT_CARRIERS, ShipmentCarrierId
from app.marketplace.orders.domain.tracking import ShipmentStatus
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.metadata import METADATA
from app.marketplace.refunds.db.refund_requests import REFUND_REQUESTS, RefundRequestId

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


RETURN_SHIPMENTS = Table(
    "return_shipments",
    ReturnShipment,
    type_name="ReturnShipment",
    seen_by=Through("refund_request_id"),
    keys={"refund_request_id": part_of(REFUND_REQUESTS), "carrier_id": SHIPMENT_CARRIERS},
    owns=(IMAGES, EXTERNAL_IDS, METADATA),
    is_subscribable=True,
)
RETURN_SHIPPED_ITEMS = Table(
    "return_shipped_items",
    ReturnShippedItem,
    seen_by=Through("return_shipment_id"),
    keys={"return_shipment_id": part_of(RETURN_SHIPMENTS), "line_item_id": LINE_ITEMS},
)
RETURN_SHIPMENT_STATUSES = Table(
    "return_shipment_statuses",
    ReturnShipmentStatus,
    seen_by=Through("return_shipment_id"),
    keys={"return_shipment_id": part_of(RETURN_SHIPMENTS)},
)


async def find_returned_request(
    conn: Connection, shipment_id: ReturnShipmentId, *, seller_id: SellerId | None
) -> RefundRequestId:
    """Return the refund request of a return shipment. It must be locked before the shipment.

    Args:
        seller_id: The seller that must own it. None accepts any seller.

    Raises:
        NotFound: There is none, or it is another seller's. The field is `shipment_id`.
    """
    found = await conn.fetchval(
        "select r.refund_request_id from return_shipments r join refund_requests q on q.id = r.refund_request_id"
        " join invoices i on i.id = q.invoice_id where r.id = $1 and ($2::bigint is null or i.seller_id = $2)",
        shipment_id,
        seller_id,
    )
    if found is None:
        raise NotFound.at("shipment_id", "there is no such return shipment")
    return RefundRequestId(found)


async def count_returning(conn: Connection, refund_request_id: RefundRequestId) -> dict[LineItemId, int]:
    """Sum the quantity of each line item in the return shipments of a request."""
    records = await conn.fetch(
        "select p.line_item_id, sum(p.quantity)::int as quantity from return_shipped_items p"
        " join return_shipments r on r.id = p.return_shipment_id where r.refund_request_id = $1 group by 1",
        refund_request_id,
    )
    return {LineItemId(row["line_item_id"]): row["quantity"] for row in records}
