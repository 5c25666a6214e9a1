"""variantUpdate, variantsUpdate, variantDelete, and the attributes that it shares with advertUpsert."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, TypedDict

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.errors import InvalidInput
from app.kernel.attributes import ABSENT, Absent
from app.marketplace.catalogue.db.variants import VariantId
from app.marketplace.catalogue.services.catalogue_attributes import VariantAttributes, VariantUpdate
from app.marketplace.catalogue.services.options import NewChoice
from app.marketplace.catalogue.services.variants import update_variant, update_variants
from app.marketplace.catalogue.services.withdrawals import withdraw_variant
from app.marketplace.owned.services.images import NewImage
from app.marketplace.owned.services.owned import KeptValue
from schema.engine.context import Info
from schema.entities import global_ids
from schema.enums.marketplace import (
    PricingModelEnum,
)
from schema.enums.measures import ComparableUnitEnum
from schema.mutations.inputs import Ids, convert_input, decimal_of, optional, required
from schema.mutations.owned.images import ImageInput, new_images
from schema.mutations.owned.owners import KeyValueInput, kept_values
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.catalogue.variant import Variant


@strawberry.input(
    description="A variant's value of an option: one of the option's values or, for a FREE_TEXT option, a text."
)
class VariantOptionValueInput:
    option_type_id: strawberry.ID = required("The option type.")
    option_value_id: strawberry.ID | None = optional("One of its values.")
    text_value: str | None = optional("The text, for a FREE_TEXT option.")


@strawberry.input(description="The attributes of a variant. An absent field stays as it is, null clears it.")
class VariantInput:
    variant_id: strawberry.ID | None = optional(
        "The variant to change. In advertUpsert one of the advert, absent: a new one. In variantUpdate and"
        " variantsUpdate the same as `variantId`.",
        name="id",
    )
    label: str | None = optional(
        "Name of the variant beside others of its advert. Of a new one by default its sku, its barcode or the advert's"
        " title. Can't be cleared."
    )
    description: str | None = optional("Description, as plain text.")
    sku: str | None = optional("The seller's stock keeping unit.")
    barcode: str | None = optional("Barcode, such as an EAN.")
    count_on_hand: int | None = optional("The quantity in stock, from 0. Can't be cleared.")
    infinite_quantity: bool | None = optional("Whether it never runs out. Can't be cleared.")
    published: bool | None = optional("Whether it is for sale. Can't be cleared.")
    price: Decimal | None = optional("Price in units of the currency, as `12.50`.")
    price_cents: int | None = optional("The same in cents, from 0.")
    sale_price: Decimal | None = optional("Price while on sale, as `12.50`.")
    sale_price_cents: int | None = optional("The same in cents, from 0.")
    wholesale_price: str | None = optional("Price at which the operator buys it, as `12.50`.")
    recommended_retail_price: str | None = optional("The price that its maker recommends, as `12.50`.")
    wholesale_promo_price: str | None = optional("Price at which the operator buys it during a promotion, as `12.50`.")
    wholesale_promo_price_start_at: datetime | None = optional(
        "The start of that promotion; null: no start. UTC without an offset."
    )
    wholesale_promo_price_end_at: datetime | None = optional(
        "The end of that promotion; null: no end. UTC without an offset."
    )
    sale_price_start_at: datetime | None = optional("The start of the sale; null: no start. UTC without an offset.")
    sale_price_end_at: datetime | None = optional("The end of the sale; null: no end. UTC without an offset.")
    min_purchase_quantity: int | None = optional("The least quantity of a purchase, from 1; null: no limit.")
    max_purchase_quantity: int | None = optional("The greatest quantity of a purchase; null: no limit.")
    pricing_model: PricingModelEnum | None = optional("The pricing model. Can't be cleared.")
    option_values: list[VariantOptionValueInput] | None = optional(
        "Its values of options; replaces all.", name="variantOptionValues"
    )
    images: list[ImageInput] | None = optional("Pictures of this variant alone; replaces all.")
    external_ids: list[KeyValueInput] | None = optional("Its ids in other systems. Those that are not listed stay.")
    metadata: list[KeyValueInput] | None = optional(
        "Values that other systems store with it. Those that are not listed stay."
    )
    currency: str | None = optional("ISO 4217 code of its prices. Can't be cleared.")
    tax_code: str | None = optional("Tax code of the seller's accounting.")
    notes: str | None = optional("Notes of the seller.")
    url: str | None = optional("Page of the variant in the seller's own shop.")
    item_size: float | None = optional("How much it is in `itemUnit`, above 0: 250 of a jar of 250 g.")
    item_unit: ComparableUnitEnum | None = optional("The unit of `itemSize`.")
    comparable_size: float | None = optional("The amount by which buyers compare prices, above 0: 100 for per 100 g.")
    comparable_unit: ComparableUnitEnum | None = optional("The unit of `comparableSize`.")
    ingredients: str | None = optional("What it is made of, as its label says.")
    allergen_contains: str | None = optional("Allergens that it contains.")
    allergen_may_contain: str | None = optional("Allergens of which it may contain traces.")
    nutrition_information: str | None = optional("Its nutrition table, as text.")
    directions: str | None = optional("How to use it.")
    storage_instructions: str | None = optional("How to store it.")
    intended_purpose: str | None = optional("What it is for.")
    suitable_for: str | None = optional("Whom it suits, such as vegans or children from three years.")
    product_warnings: str | None = optional("Warnings on its label.")
    health_warnings: str | None = optional("Warnings about health on its label.")
    administrative_body_warning: str | None = optional("A warning that an authority prescribes.")
    expected_count_on_hand: int | None = optional(
        "The stock as it was read. If it is another one by now, nothing is changed, and the status is 409."
    )


@strawberry.input(description="Input of variantUpdate.")
class VariantUpdateMutationInput:
    variant_id: strawberry.ID | None = optional("The variant to change; required unless `attributes.id` names it.")
    attributes: VariantInput = required("The changes.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="The changes of one variant.")
class VariantChangeInput:
    variant_id: strawberry.ID | None = optional("The variant to change; required unless `attributes.id` names it.")
    attributes: VariantInput = required("The changes.")


@strawberry.input(description="Input of variantsUpdate.")
class VariantsUpdateMutationInput:
    variants: list[VariantChangeInput] = required("The changes, of each variant once; at most 500.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of variantsUpdate.")
class VariantsUpdateMutationPayload(MutationPayload):
    variants: list[Variant] | None = strawberry.field(
        default=None, description="The variants as they are now, in the order of the input; null on errors."
    )


@strawberry.input(description="Input of variantDelete.")
class VariantDeleteMutationInput:
    variant_id: strawberry.ID = required("The variant to delete.", name="id")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of variantDelete.")
class VariantDeleteMutationPayload(MutationPayload):
    variant: Variant | None = strawberry.field(default=None, description="The variant as it was last; null on errors.")


@strawberry.type(description="Answer of variantUpdate.")
class VariantUpdateMutationPayload(MutationPayload):
    variant: Variant | None = strawberry.field(default=None, description="The variant as it is now; null on errors.")


@strawberry.type
class VariantMutations:
    @strawberry.field(
        description="Change some attributes of a variant. Equal values are not a change."
        " For the operator and the variant's seller."
    )
    async def variant_update(
        self,
        info: Info,
        input: Annotated[VariantUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> VariantUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"variant": await update_variant(database, viewer, _update(input))}

        return await run_mutation(info, VariantUpdateMutationPayload, input, update)

    @strawberry.field(
        description="Change some attributes of several variants, all or none. Equal values are not a change."
        " For the operator and the variants' seller."
    )
    async def variants_update(
        self,
        info: Info,
        input: Annotated[VariantsUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> VariantsUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            changes = [_change(ids, one, f"variants.{index}.") for index, one in enumerate(input.variants)]
            ids.check()
            return {"variants": await update_variants(database, viewer, changes)}

        return await run_mutation(info, VariantsUpdateMutationPayload, input, update)

    @strawberry.field(
        description="Delete a variant; the last one of an advert goes with the advert only."
        " For the operator and the variant's seller."
    )
    async def variant_delete(
        self,
        info: Info,
        input: Annotated[VariantDeleteMutationInput, strawberry.argument(description="The variant.")],
    ) -> VariantDeleteMutationPayload | None:
        async def delete(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = VariantId(global_ids.key_of(input.variant_id, "Variant", field="variantId"))
            return {"variant": await withdraw_variant(database, viewer, key)}

        return await run_mutation(info, VariantDeleteMutationPayload, input, delete)


def _update(given: VariantUpdateMutationInput) -> VariantUpdate:
    ids = Ids()
    change = _change(ids, given, "")
    ids.check()
    return change


def _change(ids: Ids, given: VariantUpdateMutationInput | VariantChangeInput, path: str) -> VariantUpdate:
    variant_id = VariantId(ids.key(_id_of(given, path), "Variant", f"{path}variantId"))
    choices = new_choices(ids, given.attributes.option_values, f"{path}attributes.optionValues")
    own = variant_values(given.attributes, f"{path}attributes")
    attributes = convert_input(given.attributes, VariantAttributes, but=(), option_values=choices, **own)
    return VariantUpdate(variant_id=variant_id, attributes=attributes)


class VariantValues(TypedDict):
    """The attributes of a variant that its input has in another form."""

    images: list[NewImage] | Absent
    external_ids: list[KeptValue]
    metadata: list[KeptValue]
    wholesale_price: Decimal | Absent | None
    wholesale_promo_price: Decimal | Absent | None
    recommended_retail_price: Decimal | Absent | None


def variant_values(given: VariantInput, path: str) -> VariantValues:
    """Return the attributes of a variant that its input has in another form. Raises InvalidInput."""
    return {
        "images": new_images(given.images),
        "external_ids": kept_values(given.external_ids),
        "metadata": kept_values(given.metadata),
        "wholesale_price": decimal_of(given.wholesale_price, f"{path}.wholesalePrice"),
        "wholesale_promo_price": decimal_of(given.wholesale_promo_price, f"{path}.wholesalePromoPrice"),
        "recommended_retail_price": decimal_of(given.recommended_retail_price, f"{path}.recommendedRetailPrice"),
    }


def _id_of(given: VariantUpdateMutationInput | VariantChangeInput, path: str) -> strawberry.ID:
    """Return the id of the variant to change, from either place. Raises InvalidInput if they differ or are missing."""
    asked = {one for one in (given.variant_id or None, given.attributes.variant_id or None) if one is not None}
    if len(asked) != 1:
        raise InvalidInput.at(f"{path}variant_id", "differs from attributes.id" if asked else "is required")
    return asked.pop()


def new_choices(ids: Ids, given: Sequence[VariantOptionValueInput] | None, path: str) -> list[NewChoice] | Absent:
    """Convert option values: ABSENT if they are absent, an empty list for null."""
    if given is strawberry.UNSET:
        return ABSENT
    return [
        convert_input(
            choice,
            NewChoice,
            option_type_id=ids.key(choice.option_type_id, "OptionType", f"{path}.{index}.optionTypeId"),
            option_value_id=ids.optional_key(
                choice.option_value_id or None, "OptionValue", f"{path}.{index}.optionValueId"
            ),
        )
        for index, choice in enumerate(given or ())
    ]
