"""advertUpsert, advertPublishedUpdate, advertDelete."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.kernel.attributes import ABSENT, Absent
from app.kernel.problems import Problems
from app.marketplace.catalogue.db.adverts import AdvertId
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.catalogue.db.variants import VariantId
from app.marketplace.catalogue.services.catalogue import upsert_advert
from app.marketplace.catalogue.services.catalogue_attributes import (
    AdvertAttributes,
    AdvertUpsert,
    AdvertVariant,
)
from app.marketplace.catalogue.services.withdrawals import publish_advert, withdraw_advert
from schema.engine.context import Info
from schema.entities import global_ids
from schema.enums.marketplace import (
    AdvertConditionEnum,
    AdvertGenderEnum,
)
from schema.mutations.catalogue.variants import VariantInput, VariantOptionValueInput, new_choices, variant_values
from schema.mutations.inputs import Ids, convert_input, decimal_of, optional, required, utc_time
from schema.mutations.owned.images import ImageInput, new_images
from schema.mutations.owned.owners import KeyValueInput, kept_values
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.catalogue.advert import Advert

_TIMES = (
    "sale_price_start_at",
    "sale_price_end_at",
    "wholesale_promo_price_start_at",
    "wholesale_promo_price_end_at",
)
_QUANTITIES = ("min_purchase_quantity", "max_purchase_quantity")
#: Attributes of an advert that are those of its new variants.
_FOR_NEW_VARIANTS = (
    *("price", "sale_price", "wholesale_price", "wholesale_promo_price", "recommended_retail_price"),
    *_TIMES,
    *_QUANTITIES,
)


@strawberry.input(
    description="An advert's value of an option: one of the option's values or, for a FREE_TEXT option, a text."
)
class AdvertOptionValueInput(VariantOptionValueInput):
    """As a variant's."""


@strawberry.input(description="The attributes of an advert. An absent field stays as it is, null clears it.")
class AdvertInput:
    title: str | None = optional("Title. Required for a new advert; can't be cleared.")
    description: str | None = optional("Description, as plain text.")
    code: str | None = optional("The seller's product code.")
    condition: AdvertConditionEnum | None = optional("New, by default, or used. Can't be cleared.")
    published: bool | None = optional("Whether it is for sale; true by default. Can't be cleared.")
    online: bool | None = optional("Whether it is shown; true by default. Can't be cleared.")
    vetted: bool | None = optional("Whether the operator has checked it; for the operator only. Can't be cleared.")
    tax_code: str | None = optional("Tax code of the seller's accounting.")
    product_features: list[str] | None = optional("Its special features; replaces all. Can't be null; [] removes all.")
    specifications: str | None = optional("Its technical data, as plain text.")
    promotion_text: str | None = optional("A line that advertises it.")
    youtube_video_url: str | None = optional("A film about it.")
    origin_country_code: str | None = optional("ISO 3166-1 code of the country that it is made in, such as AU.")
    gender: AdvertGenderEnum | None = optional("Whom it is made for.")
    year: int | None = optional("The year of the model, from 1 to 9999.")
    base_domestic_shipping_cost: str | None = optional(
        "What sending one within the country costs, as `9.90`. It is shown; orders tell their own."
    )
    has_free_domestic_shipping: bool | None = optional(
        "Whether sending it within the country is free; false by default. Can't be cleared."
    )
    vetting_rejected_reason: str | None = optional(
        "Why the operator does not approve it; for the operator only. null: it is not rejected."
    )
    url: str | None = optional("Page of the product in the seller's own shop.")
    brand_name: str | None = optional(
        "Name of the brand; one that is new is added. A seller may add 500. null: no brand."
    )
    brand_id: strawberry.ID | None = optional("The brand, in the place of `brandName`.")
    price: str | None = optional(
        "Price of those of the listed variants that are new and name none, as `12.50`. Refused where none is new."
    )
    sale_price: str | None = optional("Their price while on sale, as `12.50`.")
    sale_price_start_at: datetime | None = optional("The start of their sale. UTC without an offset.")
    sale_price_end_at: datetime | None = optional("The end of their sale. UTC without an offset.")
    wholesale_price: str | None = optional("Their price at which the operator buys them, as `12.50`.")
    wholesale_promo_price: str | None = optional("The same during a promotion, as `12.50`.")
    wholesale_promo_price_start_at: datetime | None = optional("The start of that promotion. UTC without an offset.")
    wholesale_promo_price_end_at: datetime | None = optional("The end of that promotion. UTC without an offset.")
    recommended_retail_price: str | None = optional("Their price that the maker recommends, as `12.50`.")
    min_purchase_quantity: int | None = optional("Their least quantity of a purchase, from 1.")
    max_purchase_quantity: int | None = optional("Their greatest quantity of a purchase.")
    taxon_id: strawberry.ID | None = optional("The Taxon of the advert.")
    images: list[ImageInput] | None = optional(
        "All its images: absent leaves them as they are, an empty list removes them. The display image stays while it"
        " is one of them; else the first by position becomes it."
    )
    advert_option_values: list[AdvertOptionValueInput] | None = optional(
        "The option values of all its variants; replaces all."
    )
    external_ids: list[KeyValueInput] | None = optional("Its ids in other systems. Those that are not listed stay.")
    metadata: list[KeyValueInput] | None = optional(
        "Values that other systems store with it. Those that are not listed stay."
    )
    variants: list[VariantInput] | None = optional(
        "Variants to add or to change, at least one for a new advert. Those not listed stay as they are."
    )


@strawberry.input(description="Input of advertUpsert.")
class AdvertUpsertMutationInput:
    advert_id: strawberry.ID | None = optional("The advert to change; absent: a new one.")
    seller_id: strawberry.ID | None = optional(
        "The seller of the new advert. Required for the operator; a seller's adverts are its own."
    )
    attributes: AdvertInput = required("The attributes of the advert.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of advertPublishedUpdate.")
class AdvertPublishedUpdateMutationInput:
    advert_id: strawberry.ID = required("The advert.", name="id")
    published: bool = required("Whether it is for sale.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of advertDelete.")
class AdvertDeleteMutationInput:
    advert_id: strawberry.ID = required("The advert to delete.", name="id")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of advertPublishedUpdate.")
class AdvertPublishedUpdateMutationPayload(MutationPayload):
    advert: Advert | None = strawberry.field(default=None, description="The advert as it is now; null on errors.")


@strawberry.type(description="Answer of advertDelete.")
class AdvertDeleteMutationPayload(MutationPayload):
    advert: Advert | None = strawberry.field(default=None, description="The advert as it was last; null on errors.")


@strawberry.type(description="Answer of advertUpsert.")
class AdvertUpsertMutationPayload(MutationPayload):
    advert: Advert | None = strawberry.field(default=None, description="The advert as it is now; null on errors.")


@strawberry.type
class AdvertMutations:
    @strawberry.field(
        description="Make an advert, or change one, together with its variants."
        " For the operator and the advert's seller."
    )
    async def advert_upsert(
        self,
        info: Info,
        input: Annotated[AdvertUpsertMutationInput, strawberry.argument(description="The advert.")],
    ) -> AdvertUpsertMutationPayload | None:
        async def upsert(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"advert": await upsert_advert(database, viewer, _upsert(input))}

        return await run_mutation(info, AdvertUpsertMutationPayload, input, upsert)

    @strawberry.field(
        description="Put an advert up for sale or take it down. For the operator and the advert's seller."
    )
    async def advert_published_update(
        self,
        info: Info,
        input: Annotated[AdvertPublishedUpdateMutationInput, strawberry.argument(description="The advert.")],
    ) -> AdvertPublishedUpdateMutationPayload | None:
        async def publish(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = AdvertId(global_ids.key_of(input.advert_id, "Advert", field="advertId"))
            return {"advert": await publish_advert(database, viewer, key, is_published=input.published)}

        return await run_mutation(info, AdvertPublishedUpdateMutationPayload, input, publish)

    @strawberry.field(
        description="Delete an advert with all its variants. Sold items keep their copies of the data."
        " For the operator and the advert's seller."
    )
    async def advert_delete(
        self,
        info: Info,
        input: Annotated[AdvertDeleteMutationInput, strawberry.argument(description="The advert.")],
    ) -> AdvertDeleteMutationPayload | None:
        async def delete(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = AdvertId(global_ids.key_of(input.advert_id, "Advert", field="advertId"))
            return {"advert": await withdraw_advert(database, viewer, key)}

        return await run_mutation(info, AdvertDeleteMutationPayload, input, delete)


def _upsert(given: AdvertUpsertMutationInput) -> AdvertUpsert:
    ids = Ids()
    advert_id = ids.optional_key(given.advert_id or None, "Advert", "advertId")
    seller_id = ids.optional_key(given.seller_id or None, "Seller", "sellerId")
    variants = [
        _variant(ids, variant, f"attributes.variants.{index}", given.attributes)
        for index, variant in enumerate(given.attributes.variants or ())
    ]
    brand_id = ids.attribute(given.attributes.brand_id, "Brand", "attributes.brandId")
    taxon_id = ids.attribute(given.attributes.taxon_id, "Taxon", "attributes.taxonId")
    choices = new_choices(ids, given.attributes.advert_option_values, "attributes.advertOptionValues")
    ids.check()
    _check_used(given.attributes)
    return AdvertUpsert(
        advert_id=None if advert_id is None else AdvertId(advert_id),
        seller_id=None if seller_id is None else SellerId(seller_id),
        attributes=convert_input(
            given.attributes,
            AdvertAttributes,
            variants=variants,
            taxon_id=taxon_id,
            brand_id=brand_id,
            base_domestic_shipping_cost=_float(given.attributes.base_domestic_shipping_cost),
            images=new_images(given.attributes.images),
            advert_option_values=choices,
            external_ids=kept_values(given.attributes.external_ids),
            metadata=kept_values(given.attributes.metadata),
        ),
    )


def _check_used(attributes: AdvertInput) -> None:
    """Check that what is for new variants is used: ignored, it would change nothing, and nobody would notice.

    Raises:
        InvalidInput: Names what is given though no new variant is listed.
    """
    if any(not variant.variant_id for variant in attributes.variants or ()):
        return
    unused = [name for name in _FOR_NEW_VARIANTS if getattr(attributes, name) not in (strawberry.UNSET, None)]
    message = "is for new variants, and none is listed: give it to the variants that it is for"
    Problems({f"attributes.{name}": [message] for name in unused}).check()


def _float(text: str | None) -> float | Absent | None:
    amount = decimal_of(text, "attributes.baseDomesticShippingCost")
    return float(amount) if isinstance(amount, Decimal) else amount


def _variant(ids: Ids, given: VariantInput, path: str, advert: AdvertInput) -> AdvertVariant:
    key = ids.optional_key(given.variant_id or None, "Variant", f"{path}.id")
    made = convert_input(
        given,
        AdvertVariant,
        but=(),
        variant_id=None if key is None else VariantId(key),
        option_values=new_choices(ids, given.option_values, f"{path}.optionValues"),
        **variant_values(given, path),
    )
    return made if key is not None else _new_variant(made, advert)


def _new_variant(made: AdvertVariant, advert: AdvertInput) -> AdvertVariant:
    """Return a new variant with the prices and bounds of its advert that it does not name, and with a label."""
    defaults: dict[str, Any] = {
        "price": decimal_of(advert.price, "attributes.price"),
        "sale_price": decimal_of(advert.sale_price, "attributes.salePrice"),
        "wholesale_price": decimal_of(advert.wholesale_price, "attributes.wholesalePrice"),
        "wholesale_promo_price": decimal_of(advert.wholesale_promo_price, "attributes.wholesalePromoPrice"),
        "recommended_retail_price": decimal_of(advert.recommended_retail_price, "attributes.recommendedRetailPrice"),
    }
    for name in _TIMES:
        time = getattr(advert, name)
        defaults[name] = ABSENT if time is strawberry.UNSET else utc_time(time)
    for name in _QUANTITIES:
        quantity = getattr(advert, name)
        defaults[name] = ABSENT if quantity is strawberry.UNSET else quantity
    names = (made.sku, made.barcode, advert.title or None)
    defaults["label"] = next((name for name in names if isinstance(name, str) and name.strip()), ABSENT)
    own = {name for name in defaults if getattr(made, name) is not ABSENT}
    own |= {name for name in ("price", "sale_price") if getattr(made, f"{name}_cents") is not ABSENT}
    return replace(made, **{name: value for name, value in defaults.items() if name not in own})
