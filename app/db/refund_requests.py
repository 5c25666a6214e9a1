"""Refund requests, their lines and notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.invoices import InvoiceId, LineItemId
from app.db.pool import Connection
from app.db.sellers import SellerId
from app.db.table import Table
from app.domain.refund_request import (
    RefundRequestInitiator,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
)
from app.errors import NotFound

RefundRequestId = NewType("RefundRequestId", int)
RefundRequestLineItemId = NewType("RefundRequestLineItemId", int)
RefundRequestNoteId = NewType("RefundRequestNoteId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    id: RefundRequestId
    invoice_id: InvoiceId
    status: RefundRequestStatus
    initiated_by: RefundRequestInitiator
    refunded_at: datetime | None
    total_cents: int | None
    request_value_cents: int | None
    refund_amount_cents: int | None
    cash_amount_cents: int | None
    line_item_amount_total_cents: int | None
    line_item_tax_total_cents: int | None
    currency: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequestLineItem:
    id: RefundRequestLineItemId
    refund_request_id: RefundRequestId
    line_item_id: LineItemId | None
    custom: str | None
    quantity: int
    status: RefundRequestLineItemStatus
    reason: str | None
    deny_refund_reason: str | None
    description: str | None
    is_dispatched: bool
    amount_cents: int
    amount_per_item_cents: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequestNote:
    id: RefundRequestNoteId
    refund_request_id: RefundRequestId
    refund_request_line_item_id: RefundRequestLineItemId | None
    timestamp: datetime
    new_status: str
    note: str | None
    author: str | None


REFUND_REQUESTS = Table("refund_requests", RefundRequest)
REFUND_REQUEST_LINE_ITEMS = Table("refund_request_line_items", RefundRequestLineItem)
REFUND_REQUEST_NOTES = Table("refund_request_notes", RefundRequestNote)


async def find_refunded_invoice(
    conn: Connection, refund_request_id: RefundRequestId, *, seller_id: SellerId | None
) -> InvoiceId:
    """The invoice of a request, which has to be locked before the request is.

    seller_id  whose it must be; None takes anybody's.
    Raises NotFound at `refundRequestId`, for another seller's as well.
    """
    found = await conn.fetchval(
        "select q.invoice_id from refund_requests q join invoices i on i.id = q.invoice_id"
        " where q.id = $1 and ($2::bigint is null or i.seller_id = $2)",
        refund_request_id,
        seller_id,
    )
    if found is None:
        message = "there is no such refund request"
        raise NotFound(message, fields={"refundRequestId": [message]})
    return InvoiceId(found)


async def lock_refund_request(conn: Connection, refund_request_id: RefundRequestId) -> RefundRequest:
    """A request that exists, locked to the end of the transaction."""
    record = await conn.fetchrow(
        f"select {REFUND_REQUESTS.select_list('q')} from refund_requests q where q.id = $1 for no key update",
        refund_request_id,
    )
    assert record is not None, "requests are not deleted"
    return REFUND_REQUESTS.from_record(record)


async def lock_refund_lines(conn: Connection, invoice_id: InvoiceId) -> list[RefundRequestLineItem]:
    """The lines of all requests about an invoice, locked in key order."""
    records = await conn.fetch(
        f"select {REFUND_REQUEST_LINE_ITEMS.select_list('l')} from refund_request_line_items l"
        " join refund_requests q on q.id = l.refund_request_id"
        " where q.invoice_id = $1 order by l.id for no key update of l",
        invoice_id,
    )
    return REFUND_REQUEST_LINE_ITEMS.rows(records)


async def set_line_status(
    conn: Connection, line_ids: Sequence[RefundRequestLineItemId], status: RefundRequestLineItemStatus
) -> None:
    """Give lines that are locked another status, in one statement."""
    await conn.execute(
        "update refund_request_line_items set status = $2 where id = any($1::bigint[])",
        line_ids,
        status.value,
    )
