"""ShippedItem: how much of a line item is in a shipment."""

import strawberry

from app.marketplace.orders.db.invoices import LINE_ITEMS
from app.marketplace.orders.db.shipments import SHIPMENTS, SHIPPED_ITEMS
from schema.entities.fields import column, entity, global_id, relation
from schema.entities.visibility import Through
from schema.types.node import Node
from schema.types.orders.line_item import LineItem
from schema.types.orders.shipment import SHIPMENT_VISIBILITY


@entity(
    SHIPPED_ITEMS,
    visible=Through("shipment_id", SHIPMENTS.name, SHIPMENT_VISIBILITY),
    description="How much of a line item is in a shipment.",
)
class ShippedItem(Node):
    id: strawberry.ID = global_id("ShippedItem")
    quantity: int = column("How many of the line item's items are in this shipment.")
    line_item: LineItem = relation(LINE_ITEMS, local="line_item_id", description="What was bought.")
