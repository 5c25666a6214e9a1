"""ExternalID: what another system calls an entity."""

import strawberry

from app.db.external_ids import EXTERNAL_IDS
from schema.fields import column, entity, global_id
from schema.types.advert import Advert
from schema.types.invoice import Invoice
from schema.types.line_item import LineItem
from schema.types.node import Node
from schema.types.order import Order
from schema.types.owned import owner, seen_with
from schema.types.refund_request import RefundRequest, RefundRequestLineItem
from schema.types.return_shipment import ReturnShipment
from schema.types.seller import Seller
from schema.types.shipment import Shipment
from schema.types.variant import Variant

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
