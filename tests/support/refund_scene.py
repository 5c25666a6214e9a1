"""An invoice, refund requests for its lines by the service, and what becomes of the invoice."""

from typing import Any

from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection, Record
from app.marketplace.orders.db.invoices import Invoice, LineItem
from app.marketplace.refunds.db.refund_requests import RefundRequest
from app.marketplace.refunds.domain.refund_request import RefundLine
from app.marketplace.refunds.services.refund_requests import NewRefundRequest, create_refund_request
from tests.builders.invoices import create_invoice, create_line_item


async def invoice_of(conn: Connection, *lines: tuple[int, int]) -> tuple[Invoice, list[LineItem]]:
    """An invoice with lines of so many items that await dispatch, and so many that were sent."""
    total = 1000 * sum(map(sum, lines))
    invoice = await create_invoice(conn, total_cents=total, subtotal_cents=total)
    made = [
        await create_line_item(
            conn,
            invoice_id=invoice.id,
            quantity=unsent + sent,
            quantity_awaiting_dispatch=unsent,
            quantity_returnable=sent,
            tax_total_cents=100 * (unsent + sent),
        )
        for unsent, sent in lines
    ]
    return invoice, made


async def requested(
    database: Database, invoice: Invoice, *lines: RefundLine, viewer: Viewer = OPERATOR, **values: Any
) -> RefundRequest:
    given = NewRefundRequest(**{"invoice_id": invoice.id, "line_items": lines, "notes": [], **values})
    return await create_refund_request(database, viewer, given)


async def state_of(conn: Connection, invoice: Invoice) -> Record:
    row = await conn.fetchrow(
        "select i.status_flags as flags, i.adjustment_cents as adjustment,"
        " array_agg(l.quantity_awaiting_dispatch order by l.id) as awaiting,"
        " array_agg(l.quantity_returnable order by l.id) as returnable,"
        " array_agg(l.status order by l.id) as statuses"
        " from invoices i join line_items l on l.invoice_id = i.id where i.id = $1 group by i.id",
        invoice.id,
    )
    assert row is not None
    return row
