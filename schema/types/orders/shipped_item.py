"""ShippedItem: how much of a line item is in a shipment."""

import strawberry

from app.marketplace.orders.db.shipments import SHIPPED_ITEMS
from schema.entities.fields import column, entity, global_id
from schema.entities.relations import relation
from schema.types.node import Node
from schema.types.orders.line_item import LineItem


@entity(SHIPPED_ITEMS, description="How much of a line item is in a shipment.")
class ShippedItem(Node):
    id: strawberry.ID = global_id("ShippedItem")
    quantity: int = column("How many of the line item's items are in this shipment.")
    line_item: LineItem = relation(SHIPPED_ITEMS.line_item_id, description="What was bought.")
