"""The attributes of adverts and variants that the catalogue's services take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from app.kernel.attributes import ABSENT, Absent, sent_values
from app.kernel.problems import Problems, join
from app.marketplace.catalogue.db.adverts import AdvertId
from app.marketplace.catalogue.db.brands import BrandId
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.catalogue.db.taxons import TaxonId
from app.marketplace.catalogue.db.variants import VariantId
from app.marketplace.catalogue.domain.advert import AdvertCondition, AdvertGender
from app.marketplace.catalogue.domain.measure import MeasureUnit
from app.marketplace.catalogue.services.options import NewChoice
from app.marketplace.money import minor_units
from app.marketplace.orders.domain.order import PricingModel
from app.marketplace.owned.services.images import NewImage
from app.marketplace.owned.services.owned import KeptValue


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantAttributes:
    """Attributes of a variant. An absent one stays as it is, None clears it.

    Args:
        price: In units of the currency, in the place of `price_cents`. So are the other prices.
        currency: ISO 4217 code of all prices.
        images: All images; they replace the present ones.
        option_values: All option values; they replace the present ones.
        expected_count_on_hand: The stock that the caller knows; with another one, nothing is changed. None or absent
            is no condition.
    """

    label: str | Absent | None = ABSENT
    description: str | Absent | None = ABSENT
    sku: str | Absent | None = ABSENT
    barcode: str | Absent | None = ABSENT
    count_on_hand: int | Absent | None = ABSENT
    infinite_quantity: bool | Absent | None = ABSENT
    published: bool | Absent | None = ABSENT
    price: Decimal | Absent | None = ABSENT
    price_cents: int | Absent | None = ABSENT
    sale_price: Decimal | Absent | None = ABSENT
    sale_price_cents: int | Absent | None = ABSENT
    wholesale_price: Decimal | Absent | None = ABSENT
    wholesale_price_cents: int | Absent | None = ABSENT
    recommended_retail_price: Decimal | Absent | None = ABSENT
    recommended_retail_price_cents: int | Absent | None = ABSENT
    wholesale_promo_price: Decimal | Absent | None = ABSENT
    wholesale_promo_price_cents: int | Absent | None = ABSENT
    wholesale_promo_price_start_at: datetime | Absent | None = ABSENT
    wholesale_promo_price_end_at: datetime | Absent | None = ABSENT
    sale_price_start_at: datetime | Absent | None = ABSENT
    sale_price_end_at: datetime | Absent | None = ABSENT
    min_purchase_quantity: int | Absent | None = ABSENT
    max_purchase_quantity: int | Absent | None = ABSENT
    pricing_model: PricingModel | Absent | None = ABSENT
    currency: str | Absent | None = ABSENT
    tax_code: str | Absent | None = ABSENT
    notes: str | Absent | None = ABSENT
    url: str | Absent | None = ABSENT
    item_size: float | Absent | None = ABSENT
    item_unit: MeasureUnit | Absent | None = ABSENT
    comparable_size: float | Absent | None = ABSENT
    comparable_unit: MeasureUnit | Absent | None = ABSENT
    ingredients: str | Absent | None = ABSENT
    allergen_contains: str | Absent | None = ABSENT
    allergen_may_contain: str | Absent | None = ABSENT
    nutrition_information: str | Absent | None = ABSENT
    directions: str | Absent | None = ABSENT
    storage_instructions: str | Absent | None = ABSENT
    intended_purpose: str | Absent | None = ABSENT
    suitable_for: str | Absent | None = ABSENT
    product_warnings: str | Absent | None = ABSENT
    health_warnings: str | Absent | None = ABSENT
    administrative_body_warning: str | Absent | None = ABSENT
    option_values: Sequence[NewChoice] | Absent = ABSENT
    images: Sequence[NewImage] | Absent = ABSENT
    external_ids: Sequence[KeptValue] = ()
    metadata: Sequence[KeptValue] = ()
    expected_count_on_hand: int | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvertVariant(VariantAttributes):
    """A variant of an advert. A `variant_id` of None creates a new one."""

    variant_id: VariantId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvertAttributes:
    """Attributes of an advert. An absent one stays as it is, None clears it.

    Args:
        brand_name: The name of the brand, in the place of `brand_id`; an unknown brand is added.
        variants: Variants to change or to add. Others stay as they are; so do other external ids and metadata.
        images: All images; they replace the present ones. So do option values.
    """

    title: str | Absent | None = ABSENT
    description: str | Absent | None = ABSENT
    code: str | Absent | None = ABSENT
    condition: AdvertCondition | Absent | None = ABSENT
    published: bool | Absent | None = ABSENT
    online: bool | Absent | None = ABSENT
    vetted: bool | Absent | None = ABSENT
    tax_code: str | Absent | None = ABSENT
    product_features: Sequence[str] | Absent | None = ABSENT
    specifications: str | Absent | None = ABSENT
    promotion_text: str | Absent | None = ABSENT
    youtube_video_url: str | Absent | None = ABSENT
    origin_country_code: str | Absent | None = ABSENT
    gender: AdvertGender | Absent | None = ABSENT
    year: int | Absent | None = ABSENT
    base_domestic_shipping_cost: float | Absent | None = ABSENT
    has_free_domestic_shipping: bool | Absent | None = ABSENT
    vetting_rejected_reason: str | Absent | None = ABSENT
    url: str | Absent | None = ABSENT
    brand_name: str | Absent | None = ABSENT
    brand_id: BrandId | Absent | None = ABSENT
    taxon_id: TaxonId | Absent | None = ABSENT
    images: Sequence[NewImage] | Absent = ABSENT
    advert_option_values: Sequence[NewChoice] | Absent = ABSENT
    external_ids: Sequence[KeptValue] = ()
    metadata: Sequence[KeptValue] = ()
    variants: Sequence[AdvertVariant] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantUpdate:
    variant_id: VariantId
    attributes: VariantAttributes


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvertUpsert:
    """The input of `upsert_advert`.

    An `advert_id` of None creates an advert of `seller_id`, or of the viewer if that is None.
    """

    attributes: AdvertAttributes
    advert_id: AdvertId | None = None
    seller_id: SellerId | None = None


#: The currency of a new variant that names none, as in the table.
DEFAULT_CURRENCY = "AUD"
#: Attributes that are stored in other tables.
_APART = frozenset(
    {
        "variants",
        "variant_id",
        "images",
        "option_values",
        "advert_option_values",
        "external_ids",
        "metadata",
        "expected_count_on_hand",
    }
)
#: Attributes whose column has another name.
_COLUMNS = {
    "infinite_quantity": "has_infinite_quantity",
    "published": "is_published",
    "online": "is_online",
    "vetted": "is_vetted",
}


_PRICES = ("price", "sale_price", "wholesale_price", "wholesale_promo_price", "recommended_retail_price")
Attributes = TypeVar("Attributes", bound=VariantAttributes)


def in_cents(attributes: Attributes, present_currency: str | None, path: str) -> Attributes:
    """Return the attributes with all prices in cents.

    Args:
        present_currency: The variant's currency as it is. None: a new variant.

    Raises:
        InvalidInput: A price is given in both forms, or has too many decimals.
    """
    currency = attributes.currency if isinstance(attributes.currency, str) else present_currency or DEFAULT_CURRENCY
    changed: dict[str, Any] = {}
    problems = Problems()
    for name in _PRICES:
        price, cents = getattr(attributes, name), getattr(attributes, f"{name}_cents")
        if price is ABSENT:
            continue
        if cents is not ABSENT:
            problems.add(join(path, name), f"give `{name}` or `{name}_cents`")
        changed |= {name: ABSENT, f"{name}_cents": None if price is None else minor_units(price, currency)}
        if price is not None and changed[f"{name}_cents"] is None:
            problems.add(join(path, name), f"has more decimals than {currency} has")
    problems.check()
    return replace(attributes, **changed)


def column_of(name: str) -> str:
    """Return the column of an attribute that is stored in the advert's or variant's own table."""
    return _COLUMNS.get(name, name)


def columns_given(attributes: VariantAttributes | AdvertAttributes) -> dict[str, object]:
    """Return the columns of the given attributes, except those that are stored in other tables."""
    return {column_of(name): value for name, value in sent_values(attributes).items() if name not in _APART}
