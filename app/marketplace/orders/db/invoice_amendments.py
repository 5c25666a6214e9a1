"""Invoice amendments, which change an invoice's amounts after the sale, and their lines."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import Table
from app.marketplace.orders.db.invoices import InvoiceId, LineItemId
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.refunds.db.refund_requests import RefundRequestId

InvoiceAmendmentId = NewType("InvoiceAmendmentId", int)
InvoiceAmendmentLineItemId = NewType("InvoiceAmendmentLineItemId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAmendment:
    id: InvoiceAmendmentId
    invoice_id: InvoiceId
    refund_request_id: RefundRequestId | None
    total_cents: int
    tax_cents: int
    remittance_cents: int
    line_item_amount_total_cents: int | None
    line_item_tax_total_cents: int | None
    tax_rate: float | None
    remitted_at: datetime | None
    currency: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAmendmentLineItem:
    id: InvoiceAmendmentLineItemId
    invoice_amendment_id: InvoiceAmendmentId
    line_item_id: LineItemId | None
    custom: str | None
    quantity: int
    status: InvoiceAmendmentLineItemStatus
    is_dispatched: bool
    amount_cents: int
    total_cents: int
    tax_cents: int | None
    tax_rate: float | None
    currency: str


INVOICE_AMENDMENTS = Table("invoice_amendments", InvoiceAmendment)
INVOICE_AMENDMENT_LINE_ITEMS = Table("invoice_amendment_line_items", InvoiceAmendmentLineItem)


async def count_settled(conn: Connection, invoice_id: InvoiceId) -> dict[tuple[LineItemId, bool], int]:
    """Count the cancelled (False) and returned (True) quantity of each line item, over all amendments of an invoice."""
    records = await conn.fetch(
        "select l.line_item_id, l.is_dispatched, sum(l.quantity)::int as quantity"
        " from invoice_amendment_line_items l join invoice_amendments a on a.id = l.invoice_amendment_id"
        " where a.invoice_id = $1 and l.line_item_id is not null group by 1, 2",
        invoice_id,
    )
    return {(LineItemId(row["line_item_id"]), row["is_dispatched"]): row["quantity"] for row in records}
