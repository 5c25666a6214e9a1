"""Invoice amendments without a refund request: corrections by the operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.errors import Forbidden
from app.kernel.problems import value_problems
from app.marketplace.orders.db.invoice_amendments import InvoiceAmendment, count_settled
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
from app.marketplace.orders.domain.settlement import NOTHING, Ledger, Split
from app.marketplace.orders.services.amendment_lines import (
    AmendedLine,
    adjustment_line,
    close_lines,
    custom_ratio,
    insert_amendment,
)
from app.marketplace.refunds.db.refund_requests import lock_refund_lines
from app.marketplace.refunds.services.ledgers import read_ledger
from app.marketplace.refunds.services.refund_effects import follow_refunds, refundable
from app.marketplace.refunds.services.refund_payouts import moved_line_items, settled_quantities, settling_moves


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAmendment:
    """A new amendment.

    Args:
        remittance_cents: The change of the seller's payment; negative for a refund. None takes the lines' total less
            its commission.
    """

    invoice_id: InvoiceId
    line_items: Sequence[AmendmentLine]
    remittance_cents: int | None = None


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
        ledger = await read_ledger(conn, invoice, items, refund_lines)
        lines = [_amend(line, items, ledger, invoice) for line in given.line_items]
        refunded = sum(line.amounts.total_cents for line in lines)
        left = invoice.total_cents + invoice.adjustment_cents
        amount_problems(refunded, invoice_left_cents=left).check()
        lines = close_lines(lines, ledger)
        if given.remittance_cents is not None:
            lines += _remit(lines, -given.remittance_cents)
        moves = settling_moves(settled_quantities(lines), await count_settled(conn, invoice.id), items, lines)
        amendment = await insert_amendment(conn, invoice, lines)
        await move_line_items(conn, moves)
        moved = moved_line_items(items, moves).values()
        await follow_refunds(conn, invoice, refund_lines, moved, paid_cents=refunded)
        return amendment


def _amend(line: AmendmentLine, items: Mapping[LineItemId, LineItem], ledger: Ledger, invoice: Invoice) -> AmendedLine:
    """Take a line's amounts from the ledger: its share of what is left of the item, or the amount that it gives."""
    refund = None if line.amount_cents is None else -line.quantity * line.amount_cents
    item = None if line.line_item_id is None else items[LineItemId(line.line_item_id)]
    if item is None:
        cents = refund or 0
        claimed, amounts = NOTHING, ledger.take(cents, custom_ratio(cents, invoice.tax_rate))
    else:
        claimed = ledger.claim(item.id, line.quantity)
        amounts = claimed
        if refund is not None:
            amounts = (claimed if claimed.total_cents else custom_ratio(refund, item.tax_rate)).scale(refund)
        ledger.settle(item.id, claimed, paid=amounts)
    return AmendedLine(
        amounts=amounts,
        quantity=line.quantity,
        item=item,
        claimed=claimed,
        custom=line.custom,
        status=line.status,
        is_dispatched=line.is_dispatched,
    )


def _remit(lines: Sequence[AmendedLine], remittance_cents: int) -> list[AmendedLine]:
    """Return the line that moves an amount between operator and seller, so that the seller's part is the given one."""
    difference = remittance_cents - sum(line.amounts.remittance_cents for line in lines)
    return [adjustment_line(Split(commission_cents=-difference))] if difference else []
