"""The lines of an amendment with their amounts, and the rows that they become."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.db.pool import Connection
from app.db.write import insert_row, insert_rows
from app.marketplace.orders.db.invoice_amendments import (
    INVOICE_AMENDMENT_LINE_ITEMS,
    INVOICE_AMENDMENTS,
    InvoiceAmendment,
)
from app.marketplace.orders.db.invoices import Invoice, LineItem
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.orders.domain.order import contained_tax
from app.marketplace.orders.domain.settlement import NOTHING, Ledger, Split, share
from app.marketplace.refunds.db.refund_requests import RefundRequestId
from app.marketplace.remittances.db.remittances import add_remittances


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendedLine:
    """One line of an amendment. Its amounts are positive if they go back to the buyer, unlike those of its row.

    Args:
        item: The line item. None: a custom line.
        claimed: The line item's own amounts for the quantity, which the line settles.
    """

    amounts: Split
    quantity: int = 1
    item: LineItem | None = None
    claimed: Split = NOTHING
    custom: str | None = None
    status: InvoiceAmendmentLineItemStatus = InvoiceAmendmentLineItemStatus.REFUNDED
    is_dispatched: bool = False

    @property
    def is_exact(self) -> bool:
        return self.item is not None and self.amounts == self.claimed


def custom_ratio(cents: int, tax_rate: float | None) -> Split:
    """Return the parts of an amount that belongs to no line item: the tax at this rate, and no commission."""
    tax = contained_tax(abs(cents), tax_rate)
    return Split(total_cents=cents, tax_cents=tax if cents > 0 else -tax)


def adjustment_line(amounts: Split) -> AmendedLine:
    """Return a line that makes the lines add up to the amendment's amounts."""
    return AmendedLine(amounts=amounts, custom="Adjustment")


def close_lines(lines: Sequence[AmendedLine], ledger: Ledger) -> list[AmendedLine]:
    """Return the lines, with what rounding has left of the tax and commission of an invoice that is given back whole.

    It goes to the last line with an amount of its own. Without one, an adjustment line takes it.
    """
    if ledger.left.total_cents or ledger.left == NOTHING:
        return [*lines]
    residue = ledger.left
    free = [index for index, line in enumerate(lines) if not line.is_exact]
    if free:
        closed = [*lines]
        closed[free[-1]] = replace(closed[free[-1]], amounts=closed[free[-1]].amounts + residue)
        return closed
    return [*lines, adjustment_line(residue)] if residue.tax_cents or residue.commission_tax_cents else [*lines]


async def insert_amendment(
    conn: Connection,
    invoice: Invoice,
    lines: Sequence[AmendedLine],
    *,
    refund_request_id: RefundRequestId | None = None,
) -> InvoiceAmendment:
    """Insert an amendment that adds up to its lines, and its remittance if the locked invoice is paid.

    The rows hold changes of the invoice: negative for a refund.
    """
    total = -sum((line.amounts for line in lines), NOTHING)
    amendment = await insert_row(
        conn,
        INVOICE_AMENDMENTS,
        invoice_id=invoice.id,
        refund_request_id=refund_request_id,
        total_cents=total.total_cents,
        tax_cents=total.tax_cents,
        remittance_cents=total.remittance_cents,
        line_item_amount_total_cents=total.total_cents,
        line_item_tax_total_cents=total.tax_cents,
        commission_amount_total_cents=total.commission_cents,
        commission_tax_total_cents=total.commission_tax_cents,
        tax_rate=invoice.tax_rate,
        is_external_tax_applied=invoice.is_external_tax_applied,
        currency=invoice.currency,
    )
    rows = [
        {"invoice_amendment_id": amendment.id, "currency": invoice.currency, **_row(line, invoice)} for line in lines
    ]
    await insert_rows(conn, INVOICE_AMENDMENT_LINE_ITEMS, rows)
    await add_remittances(conn, [invoice.id])
    return amendment


def _row(line: AmendedLine, invoice: Invoice) -> dict[str, object]:
    amounts = -line.amounts
    return {
        "line_item_id": None if line.item is None else line.item.id,
        "custom": line.custom,
        "quantity": line.quantity,
        "status": line.status,
        "is_dispatched": line.is_dispatched,
        "amount_cents": share(amounts.total_cents, 1, line.quantity),
        "total_cents": amounts.total_cents,
        "tax_cents": amounts.tax_cents,
        "commission_amount_cents": amounts.commission_cents,
        "commission_tax_cents": amounts.commission_tax_cents,
        "tax_rate": invoice.tax_rate if line.item is None else line.item.tax_rate,
    }
