"""Advert: a seller's product, and what stands in its place while buyers can't see it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry

from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.catalogue.db.adverts import Advert as AdvertRow
from app.marketplace.catalogue.db.option_types import ADVERT_OPTION_VALUES
from app.marketplace.catalogue.db.variants import VARIANTS
from app.marketplace.catalogue.db.variants import Variant as VariantRow
from app.marketplace.catalogue.domain.advert import description_html, full_title, page_path, youtube_video_id
from app.marketplace.money import decimal_amount
from schema.entities.connections import Connection
from schema.entities.fields import argument, column, computed, entity, global_id, legacy_id
from schema.entities.relations import pages, relation, relation_list, same_row
from schema.enums.marketplace import (
    AdvertConditionEnum,
    AdvertGenderEnum,
)
from schema.types.catalogue.brand import Brand
from schema.types.catalogue.seller import Seller
from schema.types.catalogue.taxon import Taxon
from schema.types.node import Node
from schema.types.owned.fields import AnImage, ExternalIDs, Metadata, external_ids, images, metadata

if TYPE_CHECKING:
    from schema.types.catalogue.option_type import AdvertOptionValue
    from schema.types.catalogue.variant import Variant

#: What `classify_advert` reads.
ADVERT_CLASS_COLUMNS = ("is_published", "deleted_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpublishedAdvertRow(AdvertRow):
    """An advert that is not published. Its class alone tells the schema so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedAdvertRow(AdvertRow):
    """An advert that is deleted, published or not."""


def classify_advert(row: AdvertRow) -> AdvertRow:
    """Return the same advert as a row of its member of `AllAdvert`."""
    if row.deleted_at is not None:
        return DeletedAdvertRow(**_values(row))
    return row if row.is_published else UnpublishedAdvertRow(**_values(row))


def _variants_shown(displayable_only: bool | None = None) -> str:
    return "t.is_published and t.is_advert_displayable" if displayable_only else "true"


def _lowest_price(variants: Sequence[VariantRow]) -> str | None:
    return _lowest_text((row.lowest_price_cents, row.currency) for row in variants if row.is_displayable)


def _lowest_price_cents(variants: Sequence[VariantRow]) -> int | None:
    return _lowest_cents(row.lowest_price_cents for row in variants if row.is_displayable)


def _lowest_original_price(variants: Sequence[VariantRow]) -> str | None:
    return _lowest_text((row.price_cents, row.currency) for row in variants if row.is_displayable)


def _lowest_original_price_cents(variants: Sequence[VariantRow]) -> int | None:
    return _lowest_cents(row.price_cents for row in variants if row.is_displayable)


def _lowest_text(prices: Iterable[tuple[int | None, str]]) -> str | None:
    amounts = (decimal_amount(cents, currency) for cents, currency in prices)
    lowest = min((amount for amount in amounts if amount is not None), default=None)
    return None if lowest is None else str(lowest)


def _lowest_cents(prices: Iterable[int | None]) -> int | None:
    lowest = min((cents for cents in prices if cents is not None), default=None)
    return lowest if lowest is None or lowest < 2**31 else None


@entity(ADVERTS, description="A seller's product, bought as one of its variants.")
class Advert(Node):
    id: strawberry.ID = global_id("Advert")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the advert was created.")
    updated_at: datetime = column("When the advert was last changed, or a part of it by a mutation.")
    title: str = column("Title of the product.")
    full_title: str = computed(
        lambda row: full_title(row.title, row.code),
        reads=("title", "code"),
        description="The title, followed by the code in parentheses where there is one.",
    )
    description: str | None = column("What the product is, as plain text.")
    description_html: str | None = computed(
        lambda row: description_html(row.description),
        reads=("description",),
        description="`description` as HTML: escaped, with its paragraphs and line breaks.",
    )
    code: str | None = column("The seller's code of the product.")
    condition: AdvertConditionEnum = column("Whether the product is new or used.")
    published: bool = column("Whether the seller has published it.", "is_published")
    online: bool = column("Whether the advert itself is online; its seller is online or not besides.", "is_online")
    vetted: bool = column("Whether the operator has approved it.", "is_vetted")
    displayable: bool = column(
        "Whether buyers can see it: published, online, vetted and not deleted, of a seller that is online.",
        "is_displayable",
    )
    tax_code: str | None = column("Code by which the tax is determined.")
    product_features: list[str] = column("What is worth knowing about the product, point by point.")
    specifications: str | None = column("Its technical data, as plain text.")
    specifications_html: str | None = computed(
        lambda row: description_html(row.specifications),
        reads=("specifications",),
        description="`specifications` as HTML: escaped, with its paragraphs and line breaks.",
    )
    promotion_text: str | None = column("A line that advertises it.")
    youtube_video_url: str | None = column("A film about it; null without one.")
    youtube_video_id: str | None = computed(
        lambda row: youtube_video_id(row.youtube_video_url),
        reads=("youtube_video_url",),
        description="The id of that film at YouTube; null if it is not there.",
    )
    gender: AdvertGenderEnum | None = column("Whom it is made for; null when that does not matter.")
    year: int | None = column("The year of the model.")
    origin_country_code: str | None = column("Code of the country that it is made in, after ISO 3166-1.")
    base_domestic_shipping_cost: float | None = column("What sending one within the country costs, in major units.")
    has_free_domestic_shipping: bool = column("Whether sending it within the country is free.")
    requires_vetting: bool = computed(
        lambda row: not row.is_vetted, reads=("is_vetted",), description="Whether the operator has yet to approve it."
    )
    vetting_rejected: bool = computed(
        lambda row: row.vetting_rejected_reason is not None,
        reads=("vetting_rejected_reason",),
        description="Whether the operator does not approve it.",
    )
    vetting_rejected_reason: str | None = column("Why the operator does not approve it; null if it is not rejected.")
    url: str | None = column("The product's page at the seller's own shop.")
    page_path: str = computed(
        lambda row: page_path(row.id), reads=("id",), description="Path of the product's page in the shop."
    )
    seller: Seller = relation(ADVERTS.seller_id, description="The seller who offers it.")
    variants: Connection[Annotated["Variant", strawberry.lazy("schema.types.catalogue.variant")]] = pages(
        VARIANTS.advert_id,
        where=_variants_shown,
        filters=("is_published", "is_advert_displayable"),
        arguments=(argument("displayable_only", bool | None, "Leave out variants that buyers can't see."),),
        description="What can be bought of the product, such as its sizes.",
    )
    lowest_price: str | None = relation_list(
        VARIANTS.advert_id,
        classify=_lowest_price,
        decides=("is_displayable", "lowest_price_cents", "currency"),
        description="The lowest of the displayable variants' lowest prices, as in `12.50`; null without any.",
    )
    lowest_price_cents: int | None = relation_list(
        VARIANTS.advert_id,
        classify=_lowest_price_cents,
        decides=("is_displayable", "lowest_price_cents"),
        description="The same in cents; null also where it does not fit.",
    )
    lowest_original_price: str | None = relation_list(
        VARIANTS.advert_id,
        classify=_lowest_original_price,
        decides=("is_displayable", "price_cents", "currency"),
        description="The lowest of the displayable variants' regular prices, as in `12.50`; null without any.",
    )
    lowest_original_price_cents: int | None = relation_list(
        VARIANTS.advert_id,
        classify=_lowest_original_price_cents,
        decides=("is_displayable", "price_cents"),
        description="The same in cents; null also where it does not fit.",
    )
    brand: Brand | None = relation(ADVERTS.brand_id, description="The brand; null when it has none.")
    taxon: Taxon | None = relation(ADVERTS.taxon_id, description="The category; null when it is in none.")
    taxon_nullable: Taxon | None = relation(ADVERTS.taxon_id, description="The same as `taxon`.")
    images: Connection[AnImage] = images(ADVERTS, "Pictures of the product.")
    display_image: AnImage | None = relation(
        ADVERTS.display_image_id, description="The picture that stands for the product; null without one."
    )
    advert_option_values: Connection[
        Annotated["AdvertOptionValue", strawberry.lazy("schema.types.catalogue.option_type")]
    ] = pages(ADVERT_OPTION_VALUES.advert_id, description="What is true of all of its variants.")
    external_ids: ExternalIDs = external_ids(ADVERTS)
    metadata: Metadata = metadata(ADVERTS)


@entity(
    ADVERTS,
    row=UnpublishedAdvertRow,
    where="t.deleted_at is null and not t.is_published",
    description="Stands in the place of an advert that its seller has not published.",
)
class UnpublishedAdvert(Node):
    id: strawberry.ID = global_id("UnpublishedAdvert")
    legacy_id: int = legacy_id()
    updated_at: datetime = column("When the advert itself was last changed.")
    details: Advert = same_row(ADVERTS, with_deleted=True, description="The advert, with all its fields.")


@entity(
    ADVERTS,
    row=DeletedAdvertRow,
    where="t.deleted_at is not null",
    description="Stands in the place of an advert that was deleted.",
)
class DeletedAdvert(Node):
    id: strawberry.ID = global_id("DeletedAdvert")
    legacy_id: int = legacy_id()
    updated_at: datetime = column("When the advert itself was last changed.")


AllAdvert: TypeAlias = Annotated[
    Advert | UnpublishedAdvert | DeletedAdvert,
    strawberry.union("AllAdvert", description="An advert, or what stands in its place."),
]


def _values(row: AdvertRow) -> dict[str, Any]:
    return {column: getattr(row, column) for column in ADVERTS.columns}
