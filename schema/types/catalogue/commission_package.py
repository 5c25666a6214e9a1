"""CommissionPackage: which part of its sales a seller leaves to the operator."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.marketplace.catalogue.db.commission_packages import COMMISSION_PACKAGES
from app.marketplace.catalogue.db.sellers import SELLERS
from schema.entities.connections import Connection
from schema.entities.fields import column, computed, entity, global_id, legacy_id
from schema.entities.relations import pages
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.catalogue.seller import Seller


@entity(
    COMMISSION_PACKAGES,
    description="Which part of their sales sellers leave to the operator. For the operator only.",
)
class CommissionPackage(Node):
    id: strawberry.ID = global_id("CommissionPackage")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the package was made.")
    updated_at: datetime = column("When the package was last changed.")
    name: str = column("Name of the package; unique.")
    rate: Decimal = computed(
        lambda row: Decimal(repr(row.rate)),
        reads=("rate",),
        description="The operator's part of the goods' price, as a fraction: 0.1 is 10 %.",
    )
    applies_to_postage: bool = column("Whether the operator has the same part of the postage.")
    default: bool = column("Whether it is the package of sellers that have none of their own.", "is_default")
    sellers: Connection[Annotated["Seller", strawberry.lazy("schema.types.catalogue.seller")]] = pages(
        SELLERS.commission_package_id, description="The sellers that it was given to."
    )
