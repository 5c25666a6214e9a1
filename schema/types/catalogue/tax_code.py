"""TaxCode: a name by which adverts and variants tell how they are taxed."""

import strawberry

from app.marketplace.catalogue.db.tax_codes import TAX_CODES
from schema.entities.fields import column, entity, global_id, legacy_id
from schema.types.node import Node


@entity(TAX_CODES, description="A name by which adverts and variants tell how they are taxed.")
class TaxCode(Node):
    id: strawberry.ID = global_id("TaxCode")
    legacy_id: int = legacy_id()
    code: str = column("The code, as in `taxCode` of adverts and variants; unique.")
    name: str = column("What it stands for.")
