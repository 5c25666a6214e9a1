"""ShipmentCarrier: who carries parcels."""

import strawberry

from app.marketplace.orders.db.shipments import SHIPMENT_CARRIERS
from schema.entities.fields import column, entity, global_id, legacy_id
from schema.types.node import Node


@entity(SHIPMENT_CARRIERS, description="Who carries parcels; named when a shipment is created.")
class ShipmentCarrier(Node):
    id: strawberry.ID = global_id("ShipmentCarrier")
    legacy_id: int = legacy_id()
    name: str = column("Name of the carrier; unique.")
    homepage_url: str | None = column("The carrier's own site; null when none is known.")
    tracking_url: str | None = column(
        "Address of the carrier's tracking page, with a place for the tracking number.", "tracking_link_template"
    )
    tracking_link_template: str | None = column(
        "Address of the carrier's tracking page, with a place for the tracking number; null without one."
    )
