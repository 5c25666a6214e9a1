"""Taxons: the tree of categories that adverts are sorted into."""

from dataclasses import dataclass
from typing import NewType

from app.db.pool import Connection
from app.db.table import EVERYONE, Reference, Table

TaxonId = NewType("TaxonId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxon:
    """tree_name: the display names from the root down to this one; a trigger keeps it, whoever moves or renames."""

    id: TaxonId
    parent_id: TaxonId | None
    display_name: str
    title: str
    url_slug: str
    tree_name: str


TAXONS = Table(
    "taxons",
    Taxon,
    seen_by=EVERYONE,
    keys={"parent_id": Reference()},
)


async def taxon_exists(conn: Connection, taxon_id: int) -> bool:
    return bool(await conn.fetchval("select exists (select from taxons where id = $1)", taxon_id))
