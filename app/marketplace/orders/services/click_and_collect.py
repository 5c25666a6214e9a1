"""Click and collect: an invoice's items are ready to be collected, and are collected."""

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.errors import Conflict
from app.marketplace.orders.db.invoices import (
    Invoice,
    InvoiceId,
    LineItemMove,
    lock_invoice,
    lock_line_items,
    move_line_items,
    update_invoice,
)
from app.marketplace.orders.domain.invoice import (
    InvoiceClickAndCollectStatus,
    collecting_conflict,
    flags_after_collecting,
)


async def update_collection(
    database: Database, viewer: Viewer, invoice_id: InvoiceId, status: InvoiceClickAndCollectStatus
) -> Invoice:
    """Set an invoice to ready or collected. For the operator and the invoice's seller.

    Collected items no longer await dispatch, and can be returned. Setting the same state again changes nothing.

    Raises:
        NotFound: There is no such invoice for this viewer.
        Conflict: The invoice is not collected by the buyer, is cancelled or refunded, has been collected, or is to be
            collected unpaid.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        invoice = await lock_invoice(conn, invoice_id, seller_id=viewer.seller_id)
        conflict = collecting_conflict(invoice.status_flags, invoice.delivery_type, status)
        if conflict is not None:
            raise Conflict(f"The invoice {conflict}.", fields={"invoice_id": [conflict]})
        flags = flags_after_collecting(invoice.status_flags, status)
        if flags == invoice.status_flags:
            return invoice
        if status is InvoiceClickAndCollectStatus.COLLECTED:
            await _hand_over(conn, invoice)
        return await update_invoice(conn, invoice.id, {"status_flags": flags})


async def _hand_over(conn: Connection, invoice: Invoice) -> None:
    """Move all quantities that await dispatch to the buyer."""
    moves = {
        item.id: LineItemMove(
            awaiting_dispatch=-item.quantity_awaiting_dispatch,
            returnable=item.quantity_awaiting_dispatch,
            status=item.status,
        )
        for item in await lock_line_items(conn, invoice.id)
        if item.quantity_awaiting_dispatch
    }
    await move_line_items(conn, moves)
