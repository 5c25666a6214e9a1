"""Labels of variants, and wholesale promotions that are still to come: one in eight variants has both."""

from datetime import datetime, timedelta

_EVERY = 8
_WORDS: dict[str, object] = {
    "item_size": 250.0,
    "item_unit": "G",
    "comparable_size": 100.0,
    "comparable_unit": "G",
    "ingredients": "Steel, oak, linseed oil",
    "allergen_contains": "Nickel",
    "allergen_may_contain": "Latex",
    "nutrition_information": "Not a food.",
    "directions": "Wash it by hand.",
    "storage_instructions": "Keep it dry.",
    "intended_purpose": "Use at home",
    "suitable_for": "Adults, and children from six years",
    "product_warnings": "Sharp edges.",
    "health_warnings": "Do not breathe in its dust.",
    "administrative_body_warning": "Keep it out of reach of children under three years.",
}
_PROMOTION = ("wholesale_promo_price_cents", "wholesale_promo_price_start_at", "wholesale_promo_price_end_at")


def label_of(variant_id: int, price_cents: int, until: datetime) -> dict[str, object]:
    """Return the columns of a variant's label and of its promotion, which begins after `until`. Most are None."""
    if variant_id % _EVERY:
        return dict.fromkeys((*_WORDS, *_PROMOTION))
    promotion = price_cents * 6 // 10, until + timedelta(days=30), until + timedelta(days=44)
    return {**_WORDS, **dict(zip(_PROMOTION, promotion, strict=True))}
