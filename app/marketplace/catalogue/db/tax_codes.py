"""Tax codes: the names by which adverts and variants tell how they are taxed."""

from dataclasses import dataclass
from typing import NewType

from app.db.table import EVERYONE, Table

TaxCodeId = NewType("TaxCodeId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxCode:
    id: TaxCodeId
    code: str
    name: str


TAX_CODES = Table(
    "tax_codes",
    TaxCode,
    type_name="TaxCode",
    seen_by=EVERYONE,
)
