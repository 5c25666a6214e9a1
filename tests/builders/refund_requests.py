from typing import Any

from app.db.pool import Connection
from app.marketplace.refunds.db.refund_requests import (
    REFUND_REQUEST_LINE_ITEMS,
    REFUND_REQUEST_NOTES,
    REFUND_REQUESTS,
    RefundRequest,
    RefundRequestLineItem,
    RefundRequestNote,
)
from app.marketplace.refunds.domain.refund_request import (
    RefundRequestInitiator,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
)
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.rows import insert_row


async def create_refund_request(conn: Connection, **overrides: Any) -> RefundRequest:
    """A request by the buyer that awaits a return, without lines."""
    if "invoice_id" not in overrides:
        overrides["invoice_id"] = (await create_invoice(conn)).id
    defaults = {
        "status": RefundRequestStatus.AWAITING,
        "initiated_by": RefundRequestInitiator.BUYER,
        "currency": "AUD",
    }
    return await insert_row(conn, REFUND_REQUESTS, defaults, overrides)


async def create_refund_request_line_item(conn: Connection, **overrides: Any) -> RefundRequestLineItem:
    """One item at 10.00 AUD of a line of the invoice, awaiting return; `custom` makes a custom line."""
    if "refund_request_id" not in overrides:
        overrides["refund_request_id"] = (await create_refund_request(conn)).id
    if "line_item_id" not in overrides and "custom" not in overrides:
        invoice_id = await conn.fetchval(
            "select invoice_id from refund_requests where id = $1", overrides["refund_request_id"]
        )
        overrides["line_item_id"] = (await create_line_item(conn, invoice_id=invoice_id)).id
    defaults = {
        "quantity": 1,
        "status": RefundRequestLineItemStatus.AWAITING_RETURN,
        "amount_cents": 1000,
        "amount_per_item_cents": 1000,
        "currency": "AUD",
    }
    return await insert_row(conn, REFUND_REQUEST_LINE_ITEMS, defaults, overrides)


async def create_refund_request_note(conn: Connection, **overrides: Any) -> RefundRequestNote:
    """A note about the request as a whole, unless `refund_request_line_item_id` is given."""
    if "refund_request_id" not in overrides:
        overrides["refund_request_id"] = (await create_refund_request(conn)).id
    defaults = {"new_status": RefundRequestStatus.AWAITING, "note": "Arrived broken."}
    return await insert_row(conn, REFUND_REQUEST_NOTES, defaults, overrides)
