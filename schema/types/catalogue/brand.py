"""Brand: under whose name a product is made."""

import strawberry

from app.marketplace.catalogue.db.brands import BRANDS
from schema.entities.fields import column, entity, global_id, legacy_id
from schema.types.node import Node
from schema.types.owned.fields import AnImage, ExternalIDs, external_ids, logo


@entity(BRANDS, description="Under whose name a product is made; known to the whole marketplace.")
class Brand(Node):
    id: strawberry.ID = global_id("Brand")
    legacy_id: int = legacy_id()
    name: str = column("Name of the brand; unique.")
    slug: str = column("The name as a part of an address; unique.")
    logo: AnImage | None = logo(BRANDS, "The brand's logo; null without one.")
    external_ids: ExternalIDs = external_ids(BRANDS)
