"""Rules for the attributes of variants and adverts, whichever of them were changed."""

import re
from collections.abc import Mapping

from app.kernel.problems import Problems, join

#: Attributes that can be changed but not cleared.
VARIANT_NOT_NULL = ("count_on_hand", "infinite_quantity", "published", "currency", "pricing_model")
ADVERT_NOT_NULL = (
    "condition",
    "published",
    "online",
    "vetted",
    "product_features",
    "has_free_domestic_shipping",
)

_CURRENCY = re.compile(r"[A-Z]{3}\Z")


def variant_problems(variant: Mapping[str, object], *, path: str) -> Problems:
    """List the problems of a variant's attributes. Attributes that are missing or None are not checked."""
    problems = Problems()
    for name in (
        "count_on_hand",
        "price_cents",
        "sale_price_cents",
        "wholesale_price_cents",
        "wholesale_promo_price_cents",
        "recommended_retail_price_cents",
    ):
        if _below(variant.get(name), 0):
            problems.add(join(path, name), "must not be negative")
    for name in ("min_purchase_quantity", "max_purchase_quantity"):
        if _below(variant.get(name), 1):
            problems.add(join(path, name), "must be at least 1")
    if _below(variant.get("max_purchase_quantity"), variant.get("min_purchase_quantity")):
        problems.add(join(path, "max_purchase_quantity"), "must not be less than the smallest quantity")
    if _below(variant.get("sale_price_end_at"), variant.get("sale_price_start_at")):
        problems.add(join(path, "sale_price_end_at"), "must not be before the sale's start")
    if _below(variant.get("wholesale_promo_price_end_at"), variant.get("wholesale_promo_price_start_at")):
        problems.add(join(path, "wholesale_promo_price_end_at"), "must not be before the promotion's start")
    for name in ("item_size", "comparable_size"):
        size = variant.get(name)
        if isinstance(size, float) and size <= 0:
            problems.add(join(path, name), "must be above 0")
    currency = variant.get("currency")
    if isinstance(currency, str) and not _CURRENCY.match(currency):
        problems.add(join(path, "currency"), "must be an ISO 4217 code such as AUD")
    return problems


def _below(value: object, bound: object) -> bool:
    return value is not None and bound is not None and value < bound  # type: ignore[operator]  # of one type
