"""Variants: the items of an advert that can be bought."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection, Record
from app.db.table import OfSeller, Table, part_of
from app.errors import NotFound
from app.marketplace.catalogue.db.adverts import ADVERTS, AdvertId
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId
from app.marketplace.catalogue.domain.measure import MeasureUnit
from app.marketplace.orders.domain.order import PricingModel
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.metadata import METADATA

VariantId = NewType("VariantId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    id: VariantId
    advert_id: AdvertId
    seller_id: SellerId
    label: str
    description: str | None
    sku: str | None
    barcode: str | None
    count_on_hand: int
    has_infinite_quantity: bool
    is_published: bool
    price_cents: int | None
    sale_price_cents: int | None
    sale_price_start_at: datetime | None
    sale_price_end_at: datetime | None
    wholesale_price_cents: int | None
    recommended_retail_price_cents: int | None
    wholesale_promo_price_cents: int | None
    wholesale_promo_price_start_at: datetime | None
    wholesale_promo_price_end_at: datetime | None
    is_advert_displayable: bool
    is_on_sale: bool
    sale_changes_at: datetime | None
    min_purchase_quantity: int | None
    max_purchase_quantity: int | None
    pricing_model: PricingModel
    currency: str
    tax_code: str | None
    notes: str | None
    url: str | None
    item_size: float | None
    item_unit: MeasureUnit | None
    comparable_size: float | None
    comparable_unit: MeasureUnit | None
    ingredients: str | None
    allergen_contains: str | None
    allergen_may_contain: str | None
    nutrition_information: str | None
    directions: str | None
    storage_instructions: str | None
    intended_purpose: str | None
    suitable_for: str | None
    product_warnings: str | None
    health_warnings: str | None
    administrative_body_warning: str | None
    deleted_at: datetime | None
    is_displayable: bool
    is_buyable: bool
    lowest_price_cents: int | None
    created_at: datetime
    updated_at: datetime


VARIANTS = Table(
    "variants",
    Variant,
    type_name="Variant",
    seen_by=OfSeller(),
    keys={"advert_id": part_of(ADVERTS, passes_down=True), "seller_id": SELLERS},
    owns=(IMAGES, EXTERNAL_IDS, METADATA),
    is_subscribable=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedVariant:
    """A variant, and the values of its advert that an order copies. `now` is the transaction's time.

    `is_shown` tells whether buyers may see its advert.
    """

    variant: Variant
    advert_title: str
    advert_code: str | None
    is_shown: bool
    brand_name: str | None
    image_id: int | None
    inventory_id: int | None
    now: datetime


async def find_advert_of(conn: Connection, variant_id: VariantId, *, seller_id: SellerId | None) -> AdvertId:
    """Return the advert of a variant, both of them not deleted. The advert must be locked before the variant.

    Args:
        seller_id: The seller that must own it. None accepts any seller.

    Raises:
        NotFound: There is none, or it is another seller's. The field is `variant_id`.
    """
    found = await conn.fetchval(
        "select v.advert_id from variants v join adverts a on a.id = v.advert_id"
        " where v.id = $1 and v.deleted_at is null and a.deleted_at is null"
        " and ($2::bigint is null or v.seller_id = $2)",
        variant_id,
        seller_id,
    )
    if found is None:
        raise NotFound.at("variant_id", "there is no such variant")
    return AdvertId(found)


async def lock_variant(conn: Connection, variant_id: VariantId, *, seller_id: SellerId | None) -> Variant:
    """Lock a variant until the transaction ends; neither it nor its advert is deleted.

    Args:
        seller_id: The seller that must own it. None accepts any seller.

    Raises:
        NotFound: There is none, or it is another seller's. The field is `variant_id`.
    """
    record = await conn.fetchrow(
        f"select {VARIANTS.select_list('v')} from variants v join adverts a on a.id = v.advert_id"
        " where v.id = $1 and v.deleted_at is null and a.deleted_at is null"
        " and ($2::bigint is null or v.seller_id = $2) for no key update of v",
        variant_id,
        seller_id,
    )
    if record is None:
        raise NotFound.at("variant_id", "there is no such variant")
    return VARIANTS.from_record(record)


async def lock_variants(
    conn: Connection, variant_ids: Collection[VariantId], *, seller_id: SellerId | None
) -> dict[VariantId, Variant]:
    """Lock variants after their adverts, in key order. Those that are deleted, or whose advert is, are left out.

    Args:
        seller_id: The seller that must own them. None accepts any seller.
    """
    await conn.execute(
        "select from adverts a where a.id in (select v.advert_id from variants v where v.id = any($1::bigint[])"
        " and ($2::bigint is null or v.seller_id = $2)) order by a.id for no key update",
        [*variant_ids],
        seller_id,
    )
    records = await conn.fetch(
        f"select {VARIANTS.select_list('v')} from variants v join adverts a on a.id = v.advert_id"
        " where v.id = any($1::bigint[]) and v.deleted_at is null and a.deleted_at is null"
        " and ($2::bigint is null or v.seller_id = $2) order by v.id for no key update of v",
        [*variant_ids],
        seller_id,
    )
    return {variant.id: variant for variant in VARIANTS.rows(records)}


async def lock_advert_variants(conn: Connection, advert_id: AdvertId) -> list[Variant]:
    """Lock the variants of an advert that are not deleted, in key order."""
    records = await conn.fetch(
        f"select {VARIANTS.select_list('v')} from variants v where v.advert_id = $1 and v.deleted_at is null"
        " order by v.id for no key update",
        advert_id,
    )
    return VARIANTS.rows(records)


async def lock_offered_variants(
    conn: Connection, variant_ids: Collection[VariantId]
) -> dict[VariantId, OfferedVariant]:
    """Lock variants after their adverts, in key order, except those that are deleted or whose advert is."""
    await conn.execute(
        "select from adverts a where a.id in (select v.advert_id from variants v where v.id = any($1::bigint[]))"
        " order by a.id for no key update",
        [*variant_ids],
    )
    records = await conn.fetch(
        f"select {VARIANTS.select_list('v')}, a.title as advert_title, a.code as advert_code,"
        # The seller itself, because its adverts follow it later.
        " a.is_displayable and s.is_online as is_shown, b.name as brand_name, a.display_image_id as image_id,"
        " n.id as inventory_id, now() as now from variants v join adverts a on a.id = v.advert_id"
        " join sellers s on s.id = a.seller_id"
        " left join brands b on b.id = a.brand_id"
        # By `+ 0` the planner can't take the index by seller, which without statistics looks as good as the other one.
        " left join inventories n on n.variant_id = v.id and n.seller_id + 0 = v.seller_id"
        " where v.id = any($1::bigint[]) and v.deleted_at is null and a.deleted_at is null"
        " order by v.id for no key update of v",
        [*variant_ids],
    )
    return {VariantId(record["id"]): _offered(record) for record in records}


async def touch_variants(conn: Connection, variant_ids: Collection[VariantId]) -> None:
    """Set `updated_at` of variants whose parts have changed, and of their adverts: lists by that time find them.

    It records no change event.
    """
    if not variant_ids:
        return
    await conn.execute("update variants set updated_at = now() where id = any($1::bigint[])", [*variant_ids])
    await conn.execute(
        "update adverts set updated_at = now()"
        " where id in (select v.advert_id from variants v where v.id = any($1::bigint[]))",
        [*variant_ids],
    )


async def touch_advert_variants(conn: Connection, advert_id: AdvertId) -> None:
    """Set `updated_at` of an advert's variants, since a change of the advert is one of theirs. It records none."""
    await conn.execute(
        "update variants set updated_at = now() where advert_id = $1 and deleted_at is null and updated_at < now()",
        advert_id,
    )


async def change_due_sales(conn: Connection, *, limit: int) -> int | None:
    """Begin and end sales whose time has come: the trigger on `variants` sets the columns.

    Returns:
        The number of changed variants, at most `limit`. None if no sale is due.
    """
    changed = await conn.fetch(
        "update variants set updated_at = now() where id in (select v.id from variants v"
        " where v.sale_changes_at <= now() order by v.sale_changes_at, v.id limit $1 for no key update skip locked)"
        " returning id",
        limit,
    )
    return len(changed) or None


async def add_to_stock(conn: Connection, differences: Mapping[VariantId, int]) -> dict[VariantId, Variant]:
    """Add differences to `count_on_hand` of locked variants, and return these. The caller has checked the result."""
    records = await conn.fetch(
        "update variants v set count_on_hand = v.count_on_hand + q.quantity, updated_at = now()"
        " from unnest($1::bigint[], $2::int[]) q(id, quantity) where v.id = q.id"
        f" returning {VARIANTS.select_list('v')}",
        [*differences],
        [*differences.values()],
    )
    return {variant.id: variant for variant in VARIANTS.rows(records)}


async def take_from_stock(conn: Connection, quantities: Mapping[VariantId, int]) -> None:
    """Lower `count_on_hand` of locked variants, except those with infinite stock.

    The caller has checked the quantities.
    """
    await conn.execute(
        "with taken as (update variants v set count_on_hand = v.count_on_hand - q.quantity, updated_at = now()"
        " from unnest($1::bigint[], $2::int[]) q(id, quantity)"
        " where v.id = q.id and not v.has_infinite_quantity returning v.advert_id)"
        " update adverts set updated_at = now() where id in (select advert_id from taken)",
        [*quantities],
        [*quantities.values()],
    )


def _offered(record: Record) -> OfferedVariant:
    return OfferedVariant(
        variant=VARIANTS.from_record(record),
        advert_title=record["advert_title"],
        advert_code=record["advert_code"],
        is_shown=record["is_shown"],
        brand_name=record["brand_name"],
        image_id=record["image_id"],
        inventory_id=record["inventory_id"],
        now=record["now"],
    )
