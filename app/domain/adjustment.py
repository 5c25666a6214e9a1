"""Words of adjustments: what was added to or taken off the price at checkout."""

from enum import StrEnum


class AdjustmentType(StrEnum):
    PROMOTION = "PROMOTION"
    FEE = "FEE"


class AdjustmentAppliesTo(StrEnum):
    SUBTOTAL_DISCOUNT = "SUBTOTAL_DISCOUNT"
    FREE_SHIPPING_DISCOUNT = "FREE_SHIPPING_DISCOUNT"
