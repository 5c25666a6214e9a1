"""Adverts: a seller's products."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import OfSeller, Table
from app.errors import NotFound
from app.marketplace.catalogue.db.brands import BRANDS
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId
from app.marketplace.catalogue.db.taxons import TAXONS
from app.marketplace.catalogue.domain.advert import AdvertCondition, AdvertGender
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.metadata import METADATA

AdvertId = NewType("AdvertId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advert:
    id: AdvertId
    seller_id: SellerId
    title: str
    description: str | None
    code: str | None
    condition: AdvertCondition
    is_published: bool
    is_online: bool
    is_vetted: bool
    is_seller_online: bool
    is_displayable: bool
    tax_code: str | None
    product_features: tuple[str, ...]
    specifications: str | None
    promotion_text: str | None
    youtube_video_url: str | None
    origin_country_code: str | None
    gender: AdvertGender | None
    year: int | None
    base_domestic_shipping_cost: float | None
    has_free_domestic_shipping: bool
    vetting_rejected_reason: str | None
    url: str | None
    brand_id: int | None
    taxon_id: int | None
    display_image_id: int | None
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime


ADVERTS = Table(
    "adverts",
    Advert,
    type_name="Advert",
    seen_by=OfSeller(),
    keys={"seller_id": SELLERS, "brand_id": BRANDS, "taxon_id": TAXONS, "display_image_id": IMAGES},
    owns=(IMAGES, EXTERNAL_IDS, METADATA),
    is_subscribable=True,
)


async def lock_advert(conn: Connection, advert_id: AdvertId, *, seller_id: SellerId | None) -> Advert:
    """Lock an advert that is not deleted until the transaction ends.

    Args:
        seller_id: The seller that must own it. None accepts any seller.

    Raises:
        NotFound: There is none, or it is another seller's. The field is `advert_id`.
    """
    record = await conn.fetchrow(
        f"select {ADVERTS.select_list('a')} from adverts a where a.id = $1 and a.deleted_at is null"
        " and ($2::bigint is null or a.seller_id = $2) for no key update",
        advert_id,
        seller_id,
    )
    if record is None:
        raise NotFound.at("advert_id", "there is no such advert")
    return ADVERTS.from_record(record)


async def follow_seller(conn: Connection, *, limit: int) -> int | None:
    """Tell adverts of one seller that it went online or offline. The triggers pass that on to their variants.

    Returns:
        The number of changed adverts, at most `limit`. None if no seller waits.
    """
    seller = await conn.fetchrow(
        "select id, is_online from sellers where is_online <> is_shown_online order by id limit 1"
        " for no key update skip locked"
    )
    if seller is None:
        return None
    changed = await conn.fetch(
        "update adverts set is_seller_online = $2, updated_at = now() where id in (select a.id from adverts a"
        " where a.seller_id = $1 and a.is_seller_online <> $2 order by a.id limit $3 for no key update) returning id",
        seller["id"],
        seller["is_online"],
        limit,
    )
    if len(changed) < limit:
        await conn.execute("update sellers set is_shown_online = is_online where id = $1", seller["id"])
    return len(changed)


async def touch_adverts(conn: Connection, advert_ids: Collection[AdvertId]) -> None:
    """Set `updated_at` of adverts whose variants have changed, so that lists by that time find them.

    It records no change event: see app/capture.
    """
    if advert_ids:
        await conn.execute("update adverts set updated_at = now() where id = any($1::bigint[])", [*advert_ids])


async def delete_advert(conn: Connection, advert_id: AdvertId) -> Advert:
    """Mark a locked advert, and all its variants, as deleted."""
    await conn.execute(
        "update variants set deleted_at = now(), updated_at = now() where advert_id = $1 and deleted_at is null",
        advert_id,
    )
    record = await conn.fetchrow(
        "update adverts a set deleted_at = now(), updated_at = now() where a.id = $1"
        f" returning {ADVERTS.select_list('a')}",
        advert_id,
    )
    assert record is not None, "the caller has locked the row"
    return ADVERTS.from_record(record)
