"""ReturnShipment: what a buyer sends back, its items and what the carrier has reported about it."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.marketplace.refunds.db.return_shipments import RETURN_SHIPMENT_STATUSES, RETURN_SHIPMENTS, RETURN_SHIPPED_ITEMS
from schema.entities.connections import Connection
from schema.entities.fields import column, entity, global_id, legacy_id
from schema.entities.relations import pages, relation, relation_list
from schema.enums.marketplace import (
    ShipmentStatusEnum,
)
from schema.types.node import Node
from schema.types.orders.line_item import LineItem
from schema.types.orders.shipment_carrier import ShipmentCarrier
from schema.types.owned.fields import AnImage, ExternalIDs, Metadata, external_ids, image_list, metadata
from schema.types.refunds.refund_request import RefundRequest


@entity(RETURN_SHIPMENTS, description="Items that a buyer sends back together, in one parcel.")
class ReturnShipment(Node):
    id: strawberry.ID = global_id("ReturnShipment")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the return was announced.")
    updated_at: datetime = column("When the return was last changed, or a part of it by a mutation.")
    tracking_number: str = column("The carrier's number of the parcel.")
    note: str | None = column("What was noted about the return.")
    drop_off_url: str | None = column("Where the buyer learns how to hand the parcel in.")
    refund_request: RefundRequest = relation(
        RETURN_SHIPMENTS.refund_request_id, description="The request that the items are sent back for."
    )
    carrier: ShipmentCarrier = relation(RETURN_SHIPMENTS.carrier_id, description="Who carries the parcel.")
    shipped_items: list[Annotated["ReturnShippedItem", strawberry.lazy("schema.types.refunds.return_shipment")]] = (
        relation_list(RETURN_SHIPPED_ITEMS.return_shipment_id, description="What is in the parcel.")
    )
    status_log: Connection[
        Annotated["ReturnShipmentStatus", strawberry.lazy("schema.types.refunds.return_shipment")]
    ] = pages(
        RETURN_SHIPMENT_STATUSES.return_shipment_id,
        description="What the carrier has reported about the parcel, oldest first.",
    )
    attachments: list[AnImage] = image_list(RETURN_SHIPMENTS, "Pictures of it, such as its label.")
    external_ids: ExternalIDs = external_ids(RETURN_SHIPMENTS)
    metadata: Metadata = metadata(RETURN_SHIPMENTS)


@entity(RETURN_SHIPPED_ITEMS, description="How much of a line item is in a return.")
class ReturnShippedItem(Node):
    id: strawberry.ID = global_id("ReturnShippedItem")
    quantity: int = column("How many of the line item's items are in this return.")
    line_item: LineItem = relation(RETURN_SHIPPED_ITEMS.line_item_id, description="What had been bought.")


@entity(
    RETURN_SHIPMENT_STATUSES,
    description="What the carrier has reported about a returned parcel at one time.",
)
class ReturnShipmentStatus(Node):
    id: strawberry.ID = global_id("ReturnShipmentStatus")
    created_at: datetime = column("When it was reported.")
    status: ShipmentStatusEnum = column("Where the parcel was then.")
    return_shipment: ReturnShipment = relation(
        RETURN_SHIPMENT_STATUSES.return_shipment_id, description="The return that it is about."
    )
