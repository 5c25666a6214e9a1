"""Adjustments: amounts that were added to or taken off the price of an invoice or of one of its lines."""

from dataclasses import dataclass
from typing import NewType

from app.db.table import Table, Through, part_of
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS, InvoiceId, LineItemId
from app.marketplace.orders.domain.adjustment import AdjustmentAppliesTo, AdjustmentType

AdjustmentId = NewType("AdjustmentId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """An adjustment of either an invoice or a line item."""

    id: AdjustmentId
    invoice_id: InvoiceId | None
    line_item_id: LineItemId | None
    adjustment_type: AdjustmentType
    applies_to: AdjustmentAppliesTo
    amount_cents: int
    currency: str
    description: str | None
    amount_to_withhold_cents: int
    source_id: str | None


ADJUSTMENTS = Table(
    "adjustments",
    Adjustment,
    seen_by=Through("invoice_id", "line_item_id"),
    keys={"invoice_id": part_of(INVOICES), "line_item_id": part_of(LINE_ITEMS)},
)
