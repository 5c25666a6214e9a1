"""Shipment: items of one invoice that were sent together."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.marketplace.orders.db.shipment_statuses import SHIPMENT_STATUSES
from app.marketplace.orders.db.shipments import SHIPMENTS, SHIPPED_ITEMS
from schema.entities.connections import Connection
from schema.entities.fields import column, entity, global_id, legacy_id
from schema.entities.relations import pages, relation, relation_list
from schema.types.node import Node
from schema.types.orders.invoice import Invoice
from schema.types.owned.fields import ExternalIDs, Metadata, external_ids, metadata

if TYPE_CHECKING:
    from schema.types.orders.address import Address
    from schema.types.orders.shipment_status import ShipmentStatus
    from schema.types.orders.shipped_item import ShippedItem


@entity(SHIPMENTS, description="Items of one invoice that were sent together, in one parcel.")
class Shipment(Node):
    id: strawberry.ID = global_id("Shipment")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the shipment was created.")
    updated_at: datetime = column("When the shipment was last changed, or a part of it by a mutation.")
    carrier: str = column("Name of the carrier, as it was when the shipment was sent.")
    tracking_number: str = column("The carrier's number of the parcel.")
    tracking_link: str | None = column("Where the parcel is followed; null when the carrier has no such page.")
    homepage_link: str | None = column("The carrier's own site, as it was then; null when none is known.")
    shipped_from: Annotated["Address", strawberry.lazy("schema.types.orders.address")] | None = relation(
        SHIPMENTS.shipped_from_id, description="Where it was sent from; null when that is not told."
    )
    dispatched_at: datetime = column("When the parcel was handed to the carrier.")
    note: str | None = column("What the seller noted about the shipment.")
    invoice: Invoice = relation(SHIPMENTS.invoice_id, description="The invoice whose items were sent.")
    shipped_items: list[Annotated["ShippedItem", strawberry.lazy("schema.types.orders.shipped_item")]] = relation_list(
        SHIPPED_ITEMS.shipment_id, description="What is in the parcel."
    )
    status_log: Connection[Annotated["ShipmentStatus", strawberry.lazy("schema.types.orders.shipment_status")]] = pages(
        SHIPMENT_STATUSES.shipment_id, description="What the carrier has reported about the parcel, oldest first."
    )
    external_ids: ExternalIDs = external_ids(SHIPMENTS)
    metadata: Metadata = metadata(SHIPMENTS)
