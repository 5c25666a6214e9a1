"""ShipmentStatus: what the carrier has reported about a parcel."""

from datetime import datetime

import strawberry

from app.marketplace.orders.db.shipment_statuses import SHIPMENT_STATUSES
from app.marketplace.orders.db.shipments import SHIPMENTS
from schema.entities.fields import column, entity, global_id, relation
from schema.entities.visibility import Through
from schema.enums.marketplace import (
    ShipmentStatusEnum,
)
from schema.types.node import Node
from schema.types.orders.shipment import SHIPMENT_VISIBILITY, Shipment


@entity(
    SHIPMENT_STATUSES,
    visible=Through("shipment_id", SHIPMENTS.name, SHIPMENT_VISIBILITY),
    description="What the carrier has reported about a parcel at one time.",
)
class ShipmentStatus(Node):
    id: strawberry.ID = global_id("ShipmentStatus")
    created_at: datetime = column("When it was reported.")
    status: ShipmentStatusEnum = column("Where the parcel was then.")
    shipment: Shipment = relation(SHIPMENTS, local="shipment_id", description="The shipment that it is about.")
