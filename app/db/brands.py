"""Brands: reference data of the whole marketplace."""

from dataclasses import dataclass
from typing import NewType

from app.db.table import Table

BrandId = NewType("BrandId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    id: BrandId
    name: str
    slug: str


BRANDS = Table("brands", Brand)
