"""Refund requests, their lines and notes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import Table, Through, part_of
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS, InvoiceId, LineItemId
from app.marketplace.orders.domain.settlement import Split
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.metadata import METADATA
from app.marketplace.refunds.domain.refund_request import (
    RefundRequestInitiator,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
    RefundStage,
    line_stage,
    line_status,
)

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
    recovered_amount_cents: int | None
    line_item_amount_total_cents: int | None
    line_item_tax_total_cents: int | None
    commission_amount_total_cents: int | None
    commission_tax_total_cents: int | None
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
    returned_at: datetime | None
    amount_cents: int
    amount_per_item_cents: int
    line_item_tax_cents: int
    commission_amount_cents: int
    commission_tax_cents: int
    currency: str
    created_at: datetime
    updated_at: datetime

    @property
    def amounts(self) -> Split:
        return Split(
            total_cents=self.amount_cents,
            tax_cents=self.line_item_tax_cents,
            commission_cents=self.commission_amount_cents,
            commission_tax_cents=self.commission_tax_cents,
        )

    @property
    def stage(self) -> RefundStage:
        return line_stage(self.status, is_returned=self.returned_at is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequestNote:
    id: RefundRequestNoteId
    refund_request_id: RefundRequestId
    refund_request_line_item_id: RefundRequestLineItemId | None
    timestamp: datetime
    new_status: str
    note: str | None
    author: str | None
    ip_address: str | None


REFUND_REQUESTS = Table(
    "refund_requests",
    RefundRequest,
    type_name="RefundRequest",
    seen_by=Through("invoice_id", copy="seller_id"),
    keys={"invoice_id": part_of(INVOICES)},
    owns=(EXTERNAL_IDS, METADATA),
    is_subscribable=True,
)
REFUND_REQUEST_LINE_ITEMS = Table(
    "refund_request_line_items",
    RefundRequestLineItem,
    type_name="RefundRequestLineItem",
    seen_by=Through("refund_request_id"),
    keys={"refund_request_id": part_of(REFUND_REQUESTS), "line_item_id": LINE_ITEMS},
    owns=(EXTERNAL_IDS, METADATA),
    is_subscribable=True,
)
REFUND_REQUEST_NOTES = Table(
    "refund_request_notes",
    RefundRequestNote,
    type_name="RefundRequestNote",
    seen_by=Through("refund_request_id"),
    keys={
        "refund_request_id": part_of(REFUND_REQUESTS),
        "refund_request_line_item_id": part_of(REFUND_REQUEST_LINE_ITEMS),
    },
    owns=(IMAGES,),
)


async def find_refunded_invoice(
    conn: Connection, refund_request_id: RefundRequestId, *, seller_id: SellerId | None
) -> InvoiceId:
    """Return the invoice of a request. It must be locked before the request.

    Args:
        seller_id: The seller that must own it. None accepts any seller.

    Raises:
        NotFound: There is none, or it is another seller's. The field is `refund_request_id`.
    """
    found = await conn.fetchval(
        "select q.invoice_id from refund_requests q join invoices i on i.id = q.invoice_id"
        " where q.id = $1 and ($2::bigint is null or i.seller_id = $2)",
        refund_request_id,
        seller_id,
    )
    if found is None:
        raise NotFound.at("refund_request_id", "there is no such refund request")
    return InvoiceId(found)


async def lock_refund_lines(conn: Connection, invoice_id: InvoiceId) -> list[RefundRequestLineItem]:
    """Lock the lines of all requests about an invoice in key order."""
    records = await conn.fetch(
        f"select {REFUND_REQUEST_LINE_ITEMS.select_list('l')} from refund_request_line_items l"
        " join refund_requests q on q.id = l.refund_request_id"
        " where q.invoice_id = $1 order by l.id for no key update of l",
        invoice_id,
    )
    return REFUND_REQUEST_LINE_ITEMS.rows(records)


async def find_refund_request(
    conn: Connection, line_id: RefundRequestLineItemId, *, seller_id: SellerId | None
) -> RefundRequestId:
    """Return the request of a line.

    Args:
        seller_id: The seller that must own it. None accepts any seller.

    Raises:
        NotFound: There is none, or it is another seller's. The field is `refund_request_line_item_id`.
    """
    found = await conn.fetchval(
        "select l.refund_request_id from refund_request_line_items l"
        " join refund_requests q on q.id = l.refund_request_id join invoices i on i.id = q.invoice_id"
        " where l.id = $1 and ($2::bigint is null or i.seller_id = $2)",
        line_id,
        seller_id,
    )
    if found is None:
        raise NotFound.at("refund_request_line_item_id", "there is no such line of a refund request")
    return RefundRequestId(found)


async def set_line_stages(
    conn: Connection, stages: Mapping[RefundRequestLineItemId, RefundStage], *, deny_refund_reason: str | None = None
) -> None:
    """Move locked lines to other stages in one statement. A returned line gets its time.

    A denied line gets the reason; any other line loses it.
    """
    await conn.execute(
        "update refund_request_line_items l set status = s.status,"
        " returned_at = case when s.is_returned then coalesce(l.returned_at, now()) else l.returned_at end,"
        " deny_refund_reason = case when s.status = 'REFUND_DENIED' then $4::text end"
        " from unnest($1::bigint[], $2::text[], $3::boolean[]) s(id, status, is_returned) where l.id = s.id",
        [*stages],
        [line_status(stage).value for stage in stages.values()],
        [stage is RefundStage.RETURNED for stage in stages.values()],
        deny_refund_reason,
    )


async def set_line_amounts(conn: Connection, amounts: Mapping[RefundRequestLineItemId, Split]) -> None:
    """Set the amounts of locked lines in one statement."""
    await conn.execute(
        "update refund_request_line_items l set amount_cents = a.total, amount_per_item_cents = a.total / l.quantity,"
        " line_item_tax_cents = a.tax, commission_amount_cents = a.commission, commission_tax_cents = a.commission_tax"
        " from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])"
        " a(id, total, tax, commission, commission_tax) where l.id = a.id",
        [*amounts],
        [split.total_cents for split in amounts.values()],
        [split.tax_cents for split in amounts.values()],
        [split.commission_cents for split in amounts.values()],
        [split.commission_tax_cents for split in amounts.values()],
    )


async def touch_refund_request(conn: Connection, refund_request_id: RefundRequestId) -> None:
    """Set `updated_at` of a request whose part has changed, so that lists by that time find it.

    It records no change event: see app/capture.
    """
    await conn.execute("update refund_requests set updated_at = now() where id = $1", refund_request_id)
