"""Invoice amendments, which change an invoice's amounts after the sale, and their lines."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import Table, Through, part_of
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS, InvoiceId, LineItemId
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.orders.domain.settlement import Split
from app.marketplace.refunds.db.refund_requests import REFUND_REQUESTS, RefundRequestId

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
    commission_amount_total_cents: int
    commission_tax_total_cents: int
    tax_rate: float | None
    is_external_tax_applied: bool
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
    commission_amount_cents: int
    commission_tax_cents: int
    tax_rate: float | None
    currency: str


INVOICE_AMENDMENTS = Table(
    "invoice_amendments",
    InvoiceAmendment,
    seen_by=Through("invoice_id", copy="seller_id"),
    keys={"invoice_id": part_of(INVOICES), "refund_request_id": REFUND_REQUESTS},
)
INVOICE_AMENDMENT_LINE_ITEMS = Table(
    "invoice_amendment_line_items",
    InvoiceAmendmentLineItem,
    seen_by=Through("invoice_amendment_id"),
    keys={"invoice_amendment_id": part_of(INVOICE_AMENDMENTS), "line_item_id": LINE_ITEMS},
)


async def count_settled(conn: Connection, invoice_id: InvoiceId) -> dict[tuple[LineItemId, bool], int]:
    """Count the cancelled (False) and returned (True) quantity of each line item, over all amendments of an invoice."""
    records = await conn.fetch(
        "select l.line_item_id, l.is_dispatched, sum(l.quantity)::int as quantity"
        " from invoice_amendment_line_items l join invoice_amendments a on a.id = l.invoice_amendment_id"
        " where a.invoice_id = $1 and l.line_item_id is not null group by 1, 2",
        invoice_id,
    )
    return {(LineItemId(row["line_item_id"]), row["is_dispatched"]): row["quantity"] for row in records}


async def sum_amendments(conn: Connection, invoice_id: InvoiceId) -> Split:
    """Sum the lines of all amendments of an invoice. Amounts that only move between operator and seller don't count."""
    record = await conn.fetchrow(
        "select coalesce(sum(l.total_cents), 0)::bigint as total_cents,"
        " coalesce(sum(l.tax_cents), 0)::bigint as tax_cents,"
        " coalesce(sum(l.commission_amount_cents), 0)::bigint as commission_cents,"
        " coalesce(sum(l.commission_tax_cents), 0)::bigint as commission_tax_cents"
        " from invoice_amendment_line_items l join invoice_amendments a on a.id = l.invoice_amendment_id"
        " where a.invoice_id = $1 and (l.line_item_id is not null or l.total_cents <> 0 or l.tax_cents <> 0)",
        invoice_id,
    )
    assert record is not None, "an aggregate has one row"
    return Split(**record)
