"""Seller: a business that sells on the marketplace."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.marketplace.catalogue.db.sellers import SELLERS
from schema.entities.fields import column, entity, global_id, legacy_id
from schema.entities.relations import relation
from schema.types.node import Node
from schema.types.owned.fields import AnImage, ExternalIDs, Metadata, external_ids, image_list, logo, metadata

if TYPE_CHECKING:
    from schema.types.orders.address import Address


@entity(SELLERS, description="A business that sells on the marketplace.")
class Seller(Node):
    id: strawberry.ID = global_id("Seller")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the seller was created.")
    updated_at: datetime = column("When the seller itself was last changed.")
    business_name: str = column("Name under which the business trades.")
    legal_business_name: str | None = column("Registered name of the business.")
    business_number: str | None = column("Registration number of the business, such as an ABN.")
    email_address: str = column("Where the seller is written to.")
    phone: str | None = column("Where the seller is called.")
    online: bool = column("Whether the seller's adverts are shown.", "is_online")
    is_retailer: bool = column("Whether the seller is a retailer, in contrast to a private person.")
    can_pay_out_refunds: bool = column("Whether the seller's keys may pay out refunds; the operator's always may.")
    address: Annotated["Address", strawberry.lazy("schema.types.orders.address")] | None = relation(
        SELLERS.address_id, description="Where the business is; null when it is not known."
    )
    logo: AnImage | None = logo(SELLERS, "The seller's logo; null without one.")
    store_images: list[AnImage] = image_list(SELLERS, "Pictures of the seller's shop.")
    external_ids: ExternalIDs = external_ids(SELLERS)
    metadata: Metadata = metadata(SELLERS)
