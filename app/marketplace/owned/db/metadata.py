"""Metadata: values that other systems store with an entity. Tellgraph gives them no meaning."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.table import WITH_OWNER, Table

MetadatumId = NewType("MetadatumId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadatum:
    """A value that another system stores with an entity. `owner_type` is the GraphQL type of the row `owner_id`.

    A key occurs once per owner.
    """

    id: MetadatumId
    owner_type: str
    owner_id: int
    key: str
    value: str
    created_at: datetime
    updated_at: datetime


METADATA = Table(
    "metadata",
    Metadatum,
    seen_by=WITH_OWNER,
)
