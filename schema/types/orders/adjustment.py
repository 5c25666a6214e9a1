"""Adjustment: what was added to or taken off a price at checkout."""

import strawberry

from app.marketplace.orders.db.adjustments import ADJUSTMENTS
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS
from schema.entities.fields import cents, column, entity, formatted, global_id
from schema.entities.visibility import AnyOf, Through
from schema.enums.marketplace import (
    AdjustmentAppliesToEnum,
    AdjustmentTypeEnum,
)
from schema.types.node import Node
from schema.types.orders.invoice import INVOICE_VISIBILITY
from schema.types.orders.line_item import LINE_ITEM_VISIBILITY

_AMOUNT = "By how much the price changes; negative for what is taken off."


@entity(
    ADJUSTMENTS,
    visible=AnyOf(
        (
            Through("invoice_id", INVOICES.name, INVOICE_VISIBILITY),
            Through("line_item_id", LINE_ITEMS.name, LINE_ITEM_VISIBILITY),
        )
    ),
    description="What was added to or taken off a price at checkout, such as a promotion or a fee.",
)
class Adjustment(Node):
    id: strawberry.ID = global_id("Adjustment")
    adjustment_type: AdjustmentTypeEnum = column("What kind of adjustment it is.")
    applies_to: AdjustmentAppliesToEnum = column("Which part of the price it changes.")
    amount_cents: int | None = cents(_AMOUNT, "amount_cents")
    amount_formatted: str | None = formatted(_AMOUNT, "amount_cents")
    description: str | None = column("What it is for, in words.")
