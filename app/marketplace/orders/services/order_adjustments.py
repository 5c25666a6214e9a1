"""The adjustments of a new order's invoices and lines, as rows."""

from collections.abc import Sequence

from app.db.pool import Connection
from app.db.write import insert_rows
from app.marketplace.orders.db.adjustments import ADJUSTMENTS
from app.marketplace.orders.db.invoices import Invoice, LineItem
from app.marketplace.orders.domain.adjustment import NewAdjustment
from app.marketplace.orders.domain.purchase import Part


async def insert_adjustments(
    conn: Connection, invoices: Sequence[Invoice], lines: Sequence[LineItem], parts: Sequence[Part]
) -> None:
    """Insert the adjustments of a purchase.

    Args:
        invoices: The invoices of the parts, in the same order.
        lines: The lines of all parts, in the same order.
    """
    wanted = [line.wanted for part in parts for line in part.lines]
    rows = [
        *(
            adjustment_values(each, invoice.currency, invoice_id=invoice.id)
            for invoice, part in zip(invoices, parts, strict=True)
            for each in part.terms.adjustments
        ),
        *(
            adjustment_values(each, line.currency, line_item_id=line.id)
            for line, asked in zip(lines, wanted, strict=True)
            for each in asked.adjustments
        ),
    ]
    if rows:
        await insert_rows(conn, ADJUSTMENTS, rows)


def adjustment_values(
    given: NewAdjustment, currency: str, *, invoice_id: int | None = None, line_item_id: int | None = None
) -> dict[str, object]:
    """Return the columns of an adjustment of an invoice or of a line item."""
    return {
        "invoice_id": invoice_id,
        "line_item_id": line_item_id,
        "adjustment_type": given.adjustment_type,
        "applies_to": given.applies_to,
        "amount_cents": given.signed_cents,
        "currency": currency,
        "description": given.description,
        "amount_to_withhold_cents": given.amount_to_withhold_cents,
        "source_id": given.source_id,
    }
