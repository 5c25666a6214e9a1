"""Brands: reference data of the whole marketplace."""

from dataclasses import dataclass
from typing import NewType

from app.db.pool import Connection
from app.db.table import EVERYONE, Table
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.catalogue.domain.slug import slug
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES

BrandId = NewType("BrandId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    id: BrandId
    name: str
    slug: str


BRANDS = Table(
    "brands",
    Brand,
    type_name="Brand",
    seen_by=EVERYONE,
    owns=(IMAGES, EXTERNAL_IDS),
)


async def find_brand(conn: Connection, name: str) -> Brand | None:
    record = await conn.fetchrow(f"select {BRANDS.select_list('b')} from brands b where b.name = $1", name)
    return None if record is None else BRANDS.from_record(record)


async def add_brand(conn: Connection, name: str, *, added_by: SellerId | None = None) -> Brand:
    """Add a brand, or return the one that has been added meanwhile.

    The slug is made of the name; if another brand has that slug, it gets a suffix.

    Args:
        added_by: The seller who names it first. None for the operator.
    """
    wanted = slug(name)
    is_taken = await conn.fetchval("select exists (select from brands where slug = $1)", wanted)
    record = await conn.fetchrow(
        "insert into brands as b (name, slug, added_by) values ($1, $2, $3)"
        f" on conflict (name) do update set name = excluded.name returning {BRANDS.select_list('b')}",
        name,
        slug(name, is_unique=True) if is_taken else wanted,
        added_by,
    )
    assert record is not None
    return BRANDS.from_record(record)


async def count_brands(conn: Connection, added_by: SellerId) -> int:
    """Count the brands that a seller has added."""
    return int(await conn.fetchval("select count(*) from brands where added_by = $1", added_by))


async def brand_exists(conn: Connection, brand_id: BrandId) -> bool:
    return bool(await conn.fetchval("select exists (select from brands where id = $1)", brand_id))
