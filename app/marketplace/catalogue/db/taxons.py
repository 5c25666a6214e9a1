"""Taxons: the tree of categories of adverts."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import EVERYONE, Reference, Table
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS

TaxonId = NewType("TaxonId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxon:
    """A category of adverts.

    Args:
        tree_name: The display names from the root to this taxon. A trigger updates it after each move or renaming.
    """

    id: TaxonId
    parent_id: TaxonId | None
    display_name: str
    title: str
    url_slug: str
    tree_name: str
    created_at: datetime
    updated_at: datetime


TAXONS = Table(
    "taxons",
    Taxon,
    type_name="Taxon",
    seen_by=EVERYONE,
    keys={"parent_id": Reference(is_part=True)},
    owns=(EXTERNAL_IDS,),
    is_subscribable=True,
)


async def taxon_exists(conn: Connection, taxon_id: int) -> bool:
    return bool(await conn.fetchval("select exists (select from taxons where id = $1)", taxon_id))
