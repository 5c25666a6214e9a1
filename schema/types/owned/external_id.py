"""ExternalID: what another system calls an entity."""

import strawberry

from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from schema.entities.fields import column, entity, global_id
from schema.types.catalogue.advert import Advert
from schema.types.catalogue.seller import Seller
from schema.types.catalogue.variant import Variant
from schema.types.node import Node
from schema.types.orders.invoice import Invoice
from schema.types.orders.line_item import LineItem
from schema.types.orders.order import Order
from schema.types.orders.shipment import Shipment
from schema.types.owned.fields import owner, seen_with
from schema.types.refunds.refund_request import RefundRequest, RefundRequestLineItem
from schema.types.refunds.return_shipment import ReturnShipment

#: All that can have external ids and metadata.
OWNERS = (
    Order,
    Invoice,
    LineItem,
    Shipment,
    RefundRequest,
    RefundRequestLineItem,
    ReturnShipment,
    Advert,
    Variant,
    Seller,
)


@entity(EXTERNAL_IDS, visible=seen_with(OWNERS), description="What another system calls an entity.")
class ExternalID(Node):
    id: strawberry.ID = global_id("ExternalID")
    key: str = column("Which system, or which of its numbers; once per entity.")
    value: str = column("What the entity is called there.")
    owner: Node = owner(OWNERS, "The entity that is called so.")
