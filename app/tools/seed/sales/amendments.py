"""Make the amendments by which refunds reduce an invoice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENT_LINE_ITEMS, INVOICE_AMENDMENTS
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.orders.domain.settlement import NOTHING, share
from app.tools.seed.book import Book
from app.tools.seed.calendar import next_remittance
from app.tools.seed.sales.sale import Claim, Sale
from app.tools.seed.words import CURRENCY, TAX_RATE


def write_amendment(
    book: Book, sale: Sale, request_id: int, paid: Sequence[Claim], paid_at: datetime, *, until: datetime
) -> None:
    """Write the amendment for claims that are paid out in full."""
    amendment_id = book.number(INVOICE_AMENDMENTS)
    total = -sum((claim.amounts for claim in paid), NOTHING)
    remitted_at = next_remittance(paid_at)
    book.put(
        INVOICE_AMENDMENTS,
        id=amendment_id,
        invoice_id=sale.id,
        refund_request_id=request_id,
        total_cents=total.total_cents,
        tax_cents=total.tax_cents,
        remittance_cents=total.remittance_cents,
        line_item_amount_total_cents=total.total_cents,
        line_item_tax_total_cents=total.tax_cents,
        commission_amount_total_cents=total.commission_cents,
        commission_tax_total_cents=total.commission_tax_cents,
        tax_rate=sale.part.amounts.tax_rate,
        remitted_at=remitted_at if remitted_at <= until else None,
        currency=CURRENCY,
        created_at=paid_at,
        updated_at=paid_at,
    )
    for claim in paid:
        book.add(INVOICE_AMENDMENT_LINE_ITEMS, invoice_amendment_id=amendment_id, **_line_values(claim))


def _line_values(claim: Claim) -> dict[str, Any]:
    is_refund = claim.is_return or claim.line is None
    amounts = -claim.amounts
    status = InvoiceAmendmentLineItemStatus.REFUNDED if is_refund else InvoiceAmendmentLineItemStatus.CANCELLED
    return {
        "line_item_id": None if claim.line is None else claim.line.id,
        "custom": claim.custom,
        "quantity": claim.quantity,
        "status": status,
        "is_dispatched": claim.is_return,
        "amount_cents": share(amounts.total_cents, 1, claim.quantity),
        "total_cents": amounts.total_cents,
        "tax_cents": amounts.tax_cents,
        "commission_amount_cents": amounts.commission_cents,
        "commission_tax_cents": amounts.commission_tax_cents,
        "tax_rate": TAX_RATE,
        "currency": CURRENCY,
    }
