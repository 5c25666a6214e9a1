"""Adjustment: what was added to or taken off a price at checkout."""

import strawberry

from app.marketplace.orders.db.adjustments import ADJUSTMENTS
from schema.entities.fields import Amounts, cents, column, entity, formatted, global_id
from schema.enums.marketplace import (
    AdjustmentAppliesToEnum,
    AdjustmentTypeEnum,
)
from schema.types.node import Node

_WITHHELD = Amounts(
    "The part of it that the seller bears. It is recorded and changes no other amount.",
    "amount_to_withhold_cents",
    twin="amountToWithholdFromSellerRemittanceFormatted",
)
_AMOUNT = "By how much the price changes; negative for what is taken off."


@entity(
    ADJUSTMENTS,
    description="What was added to or taken off a price at checkout, such as a promotion or a fee.",
)
class Adjustment(Node):
    id: strawberry.ID = global_id("Adjustment")
    adjustment_type: AdjustmentTypeEnum = column("What kind of adjustment it is.")
    applies_to: AdjustmentAppliesToEnum = column("Which part of the price it changes.")
    amount_cents: int | None = cents(_AMOUNT, "amount_cents")
    amount_formatted: str | None = formatted(_AMOUNT, "amount_cents")
    amount_to_withhold_from_seller_remittance_cents: int | None = _WITHHELD.cents()
    amount_to_withhold_from_seller_remittance_formatted: str | None = _WITHHELD.formatted()
    description: str | None = column("What it is for, in words.")
