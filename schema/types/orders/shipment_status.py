"""ShipmentStatus: what the carrier has reported about a parcel."""

from datetime import datetime

import strawberry

from app.marketplace.orders.db.shipment_statuses import SHIPMENT_STATUSES
from schema.entities.fields import column, entity, global_id
from schema.entities.relations import relation
from schema.enums.marketplace import (
    ShipmentStatusEnum,
)
from schema.types.node import Node
from schema.types.orders.shipment import Shipment


@entity(SHIPMENT_STATUSES, description="What the carrier has reported about a parcel at one time.")
class ShipmentStatus(Node):
    id: strawberry.ID = global_id("ShipmentStatus")
    created_at: datetime = column("When it was reported.")
    status: ShipmentStatusEnum = column("Where the parcel was then.")
    shipment: Shipment = relation(SHIPMENT_STATUSES.shipment_id, description="The shipment that it is about.")
