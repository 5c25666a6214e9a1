"""Brands: reference data of the whole marketplace."""

from dataclasses import dataclass
from typing import NewType

from app.db.pool import Connection
from app.db.table import EVERYONE, Table
from app.marketplace.catalogue.domain.slug import slug
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
    owns=(IMAGES,),
)


async def find_or_add_brand(conn: Connection, name: str) -> Brand:
    """Return the brand of a name, or add it.

    The slug is made of the name; if another brand has that slug, it gets a suffix.
    """
    record = await conn.fetchrow(f"select {BRANDS.select_list('b')} from brands b where b.name = $1", name)
    if record is None:
        wanted = slug(name)
        is_taken = await conn.fetchval("select exists (select from brands where slug = $1)", wanted)
        record = await conn.fetchrow(
            "insert into brands as b (name, slug) values ($1, $2)"
            f" on conflict (name) do update set name = excluded.name returning {BRANDS.select_list('b')}",
            name,
            slug(name, is_unique=True) if is_taken else wanted,
        )
    assert record is not None
    return BRANDS.from_record(record)
