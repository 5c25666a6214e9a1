"""Invoice amendments without a refund request: corrections by the operator."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row, insert_rows
from app.errors import Forbidden
from app.kernel.problems import value_problems
from app.marketplace.orders.db.invoice_amendments import (
    INVOICE_AMENDMENT_LINE_ITEMS,
    INVOICE_AMENDMENTS,
    InvoiceAmendment,
    count_settled,
)
from app.marketplace.orders.db.invoices import (
    Invoice,
    InvoiceId,
    LineItem,
    LineItemId,
    lock_invoice,
    lock_line_items,
    move_line_items,
)
from app.marketplace.orders.domain.amendment import AmendmentLine, amendment_problems, amount_problems
from app.marketplace.refunds.db.refund_requests import lock_refund_lines
from app.marketplace.refunds.domain.refund_request import share
from app.marketplace.refunds.services.refund_effects import follow_refunds, refundable
from app.marketplace.refunds.services.refund_payouts import Settled, moved_line_items, settling_moves


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAmendment:
    """A new amendment.

    Args:
        remittance_cents: The amount by which the seller's payment is reduced. None takes the lines' total less its
            commission.
    """

    invoice_id: InvoiceId
    line_items: Sequence[AmendmentLine]
    remittance_cents: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _PricedLine:
    """A line with its amounts in cents. The total contains tax and commission."""

    line: AmendmentLine
    item: LineItem | None
    total_cents: int
    tax_cents: int
    commission_cents: int


async def create_amendment(database: Database, viewer: Viewer, given: NewAmendment) -> InvoiceAmendment:
    """Amend an invoice, its total and the quantities of its line items. For the operator.

    Raises:
        Forbidden: The viewer is not the operator.
        NotFound: There is no such invoice.
        InvalidInput: Names everything that is wrong.
    """
    if not viewer.is_operator:
        raise Forbidden("Invoices can be amended by the marketplace operator only.")
    value_problems(given).check()
    async with transaction(database, actor=viewer.actor) as conn:
        invoice = await lock_invoice(conn, given.invoice_id, seller_id=None)
        items = {item.id: item for item in await lock_line_items(conn, invoice.id)}
        refund_lines = await lock_refund_lines(conn, invoice.id)
        amendment_problems(given.line_items, refundable(items.values(), refund_lines)).check()
        lines = [_price_line(line, items) for line in given.line_items]
        total = sum(line.total_cents for line in lines)
        left = invoice.total_cents + invoice.adjustment_cents
        amount_problems(total, invoice_left_cents=left).check()
        moves = settling_moves(_settled(lines), await count_settled(conn, invoice.id), items)
        amendment = await _insert(conn, invoice, lines, given.remittance_cents)
        await move_line_items(conn, moves)
        moved = moved_line_items(items, moves).values()
        await follow_refunds(conn, invoice, refund_lines, moved, paid_cents=total)
        return amendment


def _price_line(line: AmendmentLine, items: Mapping[LineItemId, LineItem]) -> _PricedLine:
    if line.line_item_id is None:
        total = line.quantity * (line.amount_cents or 0)
        return _PricedLine(line=line, item=None, total_cents=total, tax_cents=0, commission_cents=0)
    item = items[LineItemId(line.line_item_id)]
    own = share(item.total_cents, line.quantity, item.quantity)
    total = own if line.amount_cents is None else line.quantity * line.amount_cents
    return _PricedLine(
        line=line,
        item=item,
        total_cents=total,
        tax_cents=share(item.tax_total_cents, total, item.total_cents),
        commission_cents=share(item.commission_amount_cents or 0, total, item.total_cents),
    )


def _settled(lines: Sequence[_PricedLine]) -> Settled:
    now: Counter[tuple[LineItemId, bool]] = Counter()
    for priced in lines:
        if priced.item is not None:
            now[priced.item.id, priced.line.is_dispatched] += priced.line.quantity
    return now


async def _insert(
    conn: Connection, invoice: Invoice, lines: Sequence[_PricedLine], remittance_cents: int | None
) -> InvoiceAmendment:
    total = sum(line.total_cents for line in lines)
    commission = sum(line.commission_cents for line in lines)
    amendment = await insert_row(
        conn,
        INVOICE_AMENDMENTS,
        invoice_id=invoice.id,
        total_cents=total,
        tax_cents=sum(line.tax_cents for line in lines),
        remittance_cents=total - commission if remittance_cents is None else remittance_cents,
        line_item_amount_total_cents=sum(line.total_cents for line in lines if line.item is not None),
        line_item_tax_total_cents=sum(line.tax_cents for line in lines),
        tax_rate=invoice.tax_rate,
        currency=invoice.currency,
    )
    rows = [{"invoice_amendment_id": amendment.id, "currency": invoice.currency, **_row(line)} for line in lines]
    await insert_rows(conn, INVOICE_AMENDMENT_LINE_ITEMS, rows)
    return amendment


def _row(priced: _PricedLine) -> dict[str, object]:
    line = priced.line
    return {
        "line_item_id": line.line_item_id,
        "custom": line.custom,
        "quantity": line.quantity,
        "status": line.status,
        "is_dispatched": line.is_dispatched,
        "amount_cents": share(priced.total_cents, 1, line.quantity),
        "total_cents": priced.total_cents,
        "tax_cents": priced.tax_cents,
        "tax_rate": None if priced.item is None else priced.item.tax_rate,
    }
