"""Variant: what is bought of an advert."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.marketplace.catalogue.db.inventories import INVENTORIES
from app.marketplace.catalogue.db.option_types import VARIANT_OPTION_VALUES
from app.marketplace.catalogue.db.variants import VARIANTS
from app.marketplace.money import decimal_amount
from schema.entities.connections import Connection
from schema.entities.fields import Amounts, cents, column, computed, entity, global_id, legacy_id
from schema.entities.relations import pages, relation
from schema.enums.marketplace import (
    PricingModelEnum,
)
from schema.enums.measures import ComparableUnitEnum
from schema.types.catalogue.advert import ADVERT_CLASS_COLUMNS, AllAdvert, classify_advert
from schema.types.node import Node
from schema.types.owned.fields import AnImage, ExternalIDs, Metadata, external_ids, images, metadata

if TYPE_CHECKING:
    from schema.types.catalogue.inventory import Inventory
    from schema.types.catalogue.option_type import OptionValue, VariantOptionValue

_LOWEST_PRICE = (
    "What one costs now: the regular price or, while a sale lasts, the sale price where that is lower."
    " Null when there is neither. It changes, and webhooks are told, when the sale begins and ends."
)
_PRICE = Amounts("The regular price, as the seller sets it.", "price_cents", twin="editablePriceFormatted")
_SALE_PRICE = Amounts(
    "The price during a sale, as the seller sets it; null when none is planned.",
    "sale_price_cents",
    twin="editableSalePriceFormatted",
)
_ORIGINAL_PRICE = Amounts(
    "The regular price, whether there is a sale or not.", "price_cents", twin="lowestOriginalPrice"
)
_RETAIL_PRICE = Amounts("The price that its maker recommends; null without one.", "recommended_retail_price_cents")
_PROMO_PRICE = Amounts(
    "The price at which the operator buys it during a promotion; null without one.", "wholesale_promo_price_cents"
)
_WHOLESALE_PRICE = Amounts("The price at which the operator buys it; null without one.", "wholesale_price_cents")


def _text(cents: int | None, currency: str) -> str | None:
    amount = decimal_amount(cents, currency)
    return None if amount is None else str(amount)


@entity(VARIANTS, description="What is bought of an advert, such as one of its sizes.")
class Variant(Node):
    id: strawberry.ID = global_id("Variant")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the variant was created.")
    updated_at: datetime = column("When the variant was last changed, or a part of it by a mutation.")
    label: str = column("What tells it from the advert's other variants, such as `Red / M`.")
    description: str | None = column("What it is, as plain text; the advert has its own.")
    sku: str | None = column("Stock keeping unit: the seller's own number.")
    barcode: str | None = column("Barcode, such as an EAN.")
    count_on_hand: int = column("How many are in stock; of no meaning with `infiniteQuantity`.")
    infinite_quantity: bool = column("Whether it never runs out.", "has_infinite_quantity")
    published: bool = column("Whether the seller has published it.", "is_published")
    displayable: bool = column(
        "Whether buyers can see it: its advert is displayable, and it is published and not deleted.", "is_displayable"
    )
    buyable: bool = column(
        "Whether there is something to buy: displayable, and in stock or never running out.", "is_buyable"
    )
    lowest_price: str | None = computed(
        lambda row: _text(row.lowest_price_cents, row.currency),
        reads=("lowest_price_cents", "currency"),
        description=f"{_LOWEST_PRICE} As a decimal number, as in `12.50`.",
    )
    lowest_price_cents: int | None = cents(_LOWEST_PRICE, "lowest_price_cents", twin="lowestPrice")
    editable_price: Decimal | None = computed(
        lambda row: decimal_amount(row.price_cents, row.currency),
        reads=("price_cents", "currency"),
        description="The regular price, as the seller sets it.",
    )
    editable_price_cents: int | None = _PRICE.cents()
    editable_price_formatted: str | None = _PRICE.formatted()
    editable_sale_price: Decimal | None = computed(
        lambda row: decimal_amount(row.sale_price_cents, row.currency),
        reads=("sale_price_cents", "currency"),
        description="The price during a sale, as the seller sets it; null when none is planned.",
    )
    editable_sale_price_cents: int | None = _SALE_PRICE.cents()
    editable_sale_price_formatted: str | None = _SALE_PRICE.formatted()
    lowest_original_price: str | None = computed(
        lambda row: _text(row.price_cents, row.currency),
        reads=("price_cents", "currency"),
        description="The regular price, whether there is a sale or not, as in `12.50`.",
    )
    lowest_original_price_cents: int | None = _ORIGINAL_PRICE.cents()
    recommended_retail_price: str | None = computed(
        lambda row: _text(row.recommended_retail_price_cents, row.currency),
        reads=("recommended_retail_price_cents", "currency"),
        description="The price that its maker recommends, as in `12.50`; null without one.",
    )
    recommended_retail_price_cents: int | None = _RETAIL_PRICE.cents()
    recommended_retail_price_formatted: str | None = _RETAIL_PRICE.formatted()
    wholesale_price: str | None = computed(
        lambda row: _text(row.wholesale_price_cents, row.currency),
        reads=("wholesale_price_cents", "currency"),
        description="The price at which the operator buys it, as in `12.50`; null without one.",
    )
    wholesale_price_cents: int | None = _WHOLESALE_PRICE.cents()
    wholesale_price_formatted: str | None = _WHOLESALE_PRICE.formatted()
    wholesale_promo_price: Decimal | None = computed(
        lambda row: decimal_amount(row.wholesale_promo_price_cents, row.currency),
        reads=("wholesale_promo_price_cents", "currency"),
        description="The price at which the operator buys it during a promotion; null without one.",
    )
    wholesale_promo_price_cents: int | None = _PROMO_PRICE.cents()
    wholesale_promo_price_formatted: str | None = _PROMO_PRICE.formatted()
    wholesale_promo_price_start_at: datetime | None = column("When that promotion starts; null when it has no start.")
    wholesale_promo_price_end_at: datetime | None = column("When that promotion ends; null when it has no end.")
    sale_price_start_at: datetime | None = column("When the sale starts; null when it has no start.")
    sale_price_end_at: datetime | None = column("When the sale ends; null when it has no end.")
    min_purchase_quantity: int | None = column("How many must be bought at least; null when any number may.")
    max_purchase_quantity: int | None = column("How many may be bought at most; null when any number may.")
    pricing_model: PricingModelEnum = column("On whose account it is sold.")
    tax_code: str | None = column("Code by which the tax is determined.")
    notes: str | None = column("The seller's own notes.")
    url: str | None = column("The variant's page at the seller's own shop.")
    item_size: float | None = column("How much it is in `itemUnit`: 250 of a jar of 250 g.")
    item_unit: ComparableUnitEnum | None = column("The unit of `itemSize`.")
    comparable_size: float | None = column("The amount by which buyers compare prices: 100 for a price per 100 g.")
    comparable_unit: ComparableUnitEnum | None = column("The unit of `comparableSize`.")
    ingredients: str | None = column("What it is made of, as its label says.")
    allergen_contains: str | None = column("Allergens that it contains.")
    allergen_may_contain: str | None = column("Allergens of which it may contain traces.")
    nutrition_information: str | None = column("Its nutrition table, as text.")
    directions: str | None = column("How to use it.")
    storage_instructions: str | None = column("How to store it.")
    intended_purpose: str | None = column("What it is for.")
    suitable_for: str | None = column("Whom it suits, such as vegans or children from three years.")
    product_warnings: str | None = column("Warnings on its label.")
    health_warnings: str | None = column("Warnings about health on its label.")
    administrative_body_warning: str | None = column("A warning that an authority prescribes.")
    advert: AllAdvert = relation(
        VARIANTS.advert_id,
        classify=classify_advert,
        decides=ADVERT_CLASS_COLUMNS,
        with_deleted=True,
        description="The advert that this is a variant of, or what stands in its place.",
    )
    variant_option_values: Connection[
        Annotated["VariantOptionValue", strawberry.lazy("schema.types.catalogue.option_type")]
    ] = pages(VARIANT_OPTION_VALUES.variant_id, description="What tells it from the advert's other variants.")
    option_values: Connection[Annotated["OptionValue", strawberry.lazy("schema.types.catalogue.option_type")]] = pages(
        VARIANT_OPTION_VALUES.option_value_id,
        through=VARIANT_OPTION_VALUES.variant_id,
        description="The values among `variantOptionValues`, without free texts.",
    )
    images: Connection[AnImage] = images(VARIANTS, "Pictures of this variant; the advert has its own.")
    inventories: Connection[Annotated["Inventory", strawberry.lazy("schema.types.catalogue.inventory")]] = pages(
        INVENTORIES.variant_id, description="What each seller has of it."
    )
    external_ids: ExternalIDs = external_ids(VARIANTS)
    metadata: Metadata = metadata(VARIANTS)
