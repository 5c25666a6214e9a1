from typing import Any

from app.db.pool import Connection
from app.marketplace.orders.db.invoice_amendments import (
    INVOICE_AMENDMENT_LINE_ITEMS,
    INVOICE_AMENDMENTS,
    InvoiceAmendment,
    InvoiceAmendmentLineItem,
)
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.rows import insert_row


async def create_invoice_amendment(conn: Connection, **overrides: Any) -> InvoiceAmendment:
    """A refund of 10.00 AUD, without lines and of no refund request."""
    if "invoice_id" not in overrides:
        overrides["invoice_id"] = (await create_invoice(conn)).id
    return await insert_row(conn, INVOICE_AMENDMENTS, {"total_cents": -1000, "currency": "AUD"}, overrides)


async def create_invoice_amendment_line_item(conn: Connection, **overrides: Any) -> InvoiceAmendmentLineItem:
    """One refunded item at 10.00 AUD of a line of the amendment's invoice; `custom` makes a custom line."""
    if "invoice_amendment_id" not in overrides:
        overrides["invoice_amendment_id"] = (await create_invoice_amendment(conn)).id
    if "line_item_id" not in overrides and "custom" not in overrides:
        invoice_id = await conn.fetchval(
            "select invoice_id from invoice_amendments where id = $1", overrides["invoice_amendment_id"]
        )
        overrides["line_item_id"] = (await create_line_item(conn, invoice_id=invoice_id)).id
    defaults = {
        "quantity": 1,
        "status": InvoiceAmendmentLineItemStatus.REFUNDED,
        "amount_cents": -1000,
        "total_cents": -1000,
        "currency": "AUD",
    }
    return await insert_row(conn, INVOICE_AMENDMENT_LINE_ITEMS, defaults, overrides)
