"""Seller: a business that sells on the marketplace."""

from datetime import datetime

import strawberry

from app.db.sellers import SELLERS
from schema.fields import column, entity, global_id, legacy_id
from schema.types.node import Node
from schema.visibility import OfSeller


@entity(SELLERS, visible=OfSeller("id"), description="A business that sells on the marketplace.")
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
