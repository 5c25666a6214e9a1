"""The catalogue: creating and changing adverts and their variants."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row
from app.errors import InvalidInput
from app.kernel.attributes import Absent, sent_values
from app.kernel.problems import Problems, blank_problems, form_problems, url_problems, value_problems
from app.marketplace.catalogue.db.adverts import ADVERTS, Advert, lock_advert, touch_adverts
from app.marketplace.catalogue.db.brands import Brand, add_brand, brand_exists, count_brands, find_brand
from app.marketplace.catalogue.db.inventories import insert_inventories
from app.marketplace.catalogue.db.option_types import ADVERT_OPTION_VALUES
from app.marketplace.catalogue.db.sellers import SellerId, find_seller
from app.marketplace.catalogue.db.taxons import taxon_exists
from app.marketplace.catalogue.db.variants import (
    VARIANTS,
    Variant,
    VariantId,
    lock_advert_variants,
    touch_advert_variants,
    touch_variants,
)
from app.marketplace.catalogue.domain.catalogue import (
    ADVERT_NOT_NULL,
)
from app.marketplace.catalogue.domain.stock import check_expected_stock
from app.marketplace.catalogue.services.catalogue_attributes import (
    AdvertAttributes,
    AdvertUpsert,
    AdvertVariant,
    columns_given,
    in_cents,
)
from app.marketplace.catalogue.services.options import OwnersChoices, set_choices
from app.marketplace.catalogue.services.variants import VariantParts, attribute_problems, save, save_parts
from app.marketplace.owned.services.images import image_problems, set_advert_images
from app.marketplace.owned.services.owned import (
    external_id_problems,
    keep_external_ids,
    keep_metadata,
    metadata_problems,
)

#: Brands that one seller may add to those of the marketplace.
MAX_BRANDS_PER_SELLER = 500


async def upsert_advert(database: Database, viewer: Viewer, change: AdvertUpsert) -> Advert:
    """Create or change an advert together with its variants. For the operator and the advert's seller.

    Raises:
        NotFound: There is no such advert for this viewer.
        InvalidInput: Names every wrong attribute of the advert and its variants.
    """
    value_problems(change).include(_advert_problems(viewer, change)).check()
    async with transaction(database, actor=viewer.actor) as conn:
        advert = await _find_advert(conn, viewer, change)
        known = {} if advert is None else {v.id: v for v in await lock_advert_variants(conn, advert.id)}
        change = _with_cents(change, known)
        problems = _variants_problems(change, known)
        brand_id = change.attributes.brand_id
        if isinstance(brand_id, int) and not await brand_exists(conn, brand_id):
            problems.add("attributes.brand_id", "there is no such brand")
        seller_id = await _seller_of(conn, viewer, change, advert, problems)
        taxon_id = change.attributes.taxon_id
        if isinstance(taxon_id, int) and not await taxon_exists(conn, taxon_id):
            problems.add("attributes.taxon_id", "there is no such taxon")
        problems.check()
        check_expected_stock(
            {
                f"attributes.variants.{index}": (one.expected_count_on_hand, known[one.variant_id].count_on_hand)
                for index, one in enumerate(change.attributes.variants)
                if one.variant_id is not None
            }
        )
        attributes = await _with_brand(conn, viewer, columns_given(change.attributes))
        before = advert
        if before is None:
            advert = await insert_row(conn, ADVERTS, seller_id=seller_id, **attributes)
        else:
            advert = await save(conn, ADVERTS, before, attributes)
        await _save_variants(conn, advert, change.attributes.variants, known)
        if known and change.attributes.variants:
            await touch_adverts(conn, [advert.id])
        advert = await _save_advert_parts(conn, advert, change.attributes)
        if before is not None and advert is not before:
            await touch_advert_variants(conn, advert.id)
        return advert


async def _with_brand(conn: Connection, viewer: Viewer, attributes: dict[str, Any]) -> dict[str, Any]:
    if "brand_name" not in attributes:
        return attributes
    name = attributes.pop("brand_name")
    return {**attributes, "brand_id": None if name is None else (await _find_or_add_brand(conn, viewer, name)).id}


async def _find_or_add_brand(conn: Connection, viewer: Viewer, name: str) -> Brand:
    """Return the brand of a name, or add it. All sellers see it, so that each may add a limited number.

    Raises:
        InvalidInput: The viewer has added as many as a seller may.
    """
    if (brand := await find_brand(conn, name)) is not None:
        return brand
    if viewer.seller_id is not None and await count_brands(conn, viewer.seller_id) >= MAX_BRANDS_PER_SELLER:
        raise InvalidInput.at(
            "attributes.brand_name",
            f"is new, and a seller may add {MAX_BRANDS_PER_SELLER} brands: name one that exists, or ask the operator",
        )
    return await add_brand(conn, name, added_by=viewer.seller_id)


def _advert_problems(viewer: Viewer, change: AdvertUpsert) -> Problems:
    """List the problems that do not depend on stored rows."""
    is_new = change.advert_id is None
    sent = sent_values(change.attributes)
    problems = form_problems(sent, required=("title",), not_null=ADVERT_NOT_NULL, is_new=is_new, path="attributes")
    for foreign in ("vetted", "vetting_rejected_reason"):
        if foreign in sent and not viewer.is_operator:
            problems.add(f"attributes.{foreign}", "can be set by the marketplace operator only")
    cost = sent.get("base_domestic_shipping_cost")
    if isinstance(cost, float) and not 0 <= cost < math.inf:
        problems.add("attributes.base_domestic_shipping_cost", "must not be negative")
    if isinstance(code := sent.get("origin_country_code"), str) and not re.fullmatch("[A-Z]{2}", code):
        problems.add("attributes.origin_country_code", "must be an ISO 3166-1 code of two letters such as AU")
    if isinstance(year := sent.get("year"), int) and not 1 <= year <= 9999:
        problems.add("attributes.year", "must be from 1 to 9999")
    if not isinstance(images := change.attributes.images, Absent):
        problems.include(image_problems(images, "attributes.images"))
    urls = {f"attributes.{name}": sent.get(name) for name in ("url", "youtube_video_url")}
    problems.include(url_problems(urls))
    problems.include(external_id_problems(change.attributes.external_ids, "attributes.external_ids"))
    problems.include(metadata_problems(change.attributes.metadata, "attributes.metadata"))
    if "brand_id" in sent and "brand_name" in sent:
        problems.add("attributes.brand_id", "give `brand_id` or `brand_name`")
    if isinstance(name := change.attributes.brand_name, str):
        problems.include(blank_problems({"attributes.brand_name": name}))
    if is_new and not change.attributes.variants:
        problems.add("attributes.variants", "must not be empty: an advert has at least one variant")
    if is_new and change.seller_id is None and viewer.is_operator:
        problems.add("seller_id", "is required for a new advert")
    return problems


async def _find_advert(conn: Connection, viewer: Viewer, change: AdvertUpsert) -> Advert | None:
    if change.advert_id is None:
        return None
    return await lock_advert(conn, change.advert_id, seller_id=viewer.seller_id)


async def _seller_of(
    conn: Connection, viewer: Viewer, change: AdvertUpsert, advert: Advert | None, problems: Problems
) -> SellerId | None:
    """Return the seller of the advert. A seller that does not exist, or is not the viewer, is added to the problems."""
    seller_id = change.seller_id if change.seller_id is not None else viewer.seller_id
    if advert is not None:
        if change.seller_id not in (None, advert.seller_id):
            problems.add("seller_id", "is not the advert's seller, which can't be changed")
        return advert.seller_id
    is_other = viewer.seller_id not in (None, seller_id)
    if seller_id is not None and (is_other or await find_seller(conn, seller_id) is None):
        problems.add("seller_id", "there is no such seller")
    return seller_id


def _with_cents(change: AdvertUpsert, known: Mapping[VariantId, Variant]) -> AdvertUpsert:
    """Return the change with all prices in cents. Raises InvalidInput."""
    variants = []
    problems = Problems()
    for index, one in enumerate(change.attributes.variants):
        present = known.get(one.variant_id) if one.variant_id is not None else None
        with problems.collecting():
            currency = None if present is None else present.currency
            variants.append(in_cents(one, currency, f"attributes.variants.{index}"))
    problems.check()
    return replace(change, attributes=replace(change.attributes, variants=variants))


def _variants_problems(change: AdvertUpsert, known: Mapping[VariantId, Variant]) -> Problems:
    problems = Problems()
    seen = set()
    for index, listed in enumerate(change.attributes.variants):
        path = f"attributes.variants.{index}"
        if listed.variant_id is not None and listed.variant_id not in known:
            problems.add(f"{path}.variant_id", "there is no such variant of this advert")
            continue
        if listed.variant_id in seen:
            problems.add(f"{path}.variant_id", "is listed twice")
        if listed.variant_id is not None:
            seen.add(listed.variant_id)
        variant = None if listed.variant_id is None else known[listed.variant_id]
        problems.include(attribute_problems(listed, variant, path))
    return problems


async def _save_variants(
    conn: Connection,
    advert: Advert,
    listed: Sequence[AdvertVariant],
    known: Mapping[VariantId, Variant],
) -> None:
    saved = []
    added = []
    for item in listed:
        attributes = columns_given(item)
        if item.variant_id is None:
            own = {"advert_id": advert.id, "seller_id": advert.seller_id}
            added.append(await insert_row(conn, VARIANTS, **own, **attributes))
            saved.append(added[-1])
        else:
            saved.append(await save(conn, VARIANTS, known[item.variant_id], attributes))
    await insert_inventories(conn, added)
    parts = [
        VariantParts(variant_id=variant.id, attributes=item, path=f"attributes.variants.{index}")
        for index, (variant, item) in enumerate(zip(saved, listed, strict=True))
    ]
    changed = await save_parts(conn, parts)
    await touch_variants(conn, [variant_id for variant_id in known if variant_id in changed])


async def _save_advert_parts(conn: Connection, advert: Advert, attributes: AdvertAttributes) -> Advert:
    """Set the values that are stored in other tables, if given. Raises InvalidInput."""
    await keep_external_ids(conn, ADVERTS.type_name, advert.id, attributes.external_ids)
    await keep_metadata(conn, ADVERTS.type_name, advert.id, attributes.metadata)
    if not isinstance(choices := attributes.advert_option_values, Absent):
        asked = OwnersChoices(owner_id=advert.id, choices=choices, path="attributes.advert_option_values")
        if await set_choices(conn, ADVERT_OPTION_VALUES, [asked]):
            await touch_adverts(conn, [advert.id])
    if isinstance(attributes.images, Absent):
        return advert
    return await set_advert_images(conn, advert, attributes.images)
