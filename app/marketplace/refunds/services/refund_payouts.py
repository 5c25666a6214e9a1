"""The effects of paying a refund request out: moved line items, and an amendment of the invoice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.db.pool import Connection
from app.db.write import insert_row, insert_rows
from app.errors import Conflict
from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENT_LINE_ITEMS, INVOICE_AMENDMENTS
from app.marketplace.orders.db.invoices import Invoice, LineItem, LineItemId, LineItemMove
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.refunds.db.refund_requests import RefundRequest, RefundRequestLineItem
from app.marketplace.refunds.domain.refund_request import (
    STEPS,
    RefundRequestStatus,
    RefundStep,
    payout_conflict,
    payout_problems,
    settled_status,
    share,
)

#: Quantities by line item and whether they had been sent: sent ones are returned, others cancelled.
Settled = Mapping[tuple[LineItemId, bool], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """The accepted or returned lines, and the amount that is paid for them, in cents: at most their total."""

    lines: Sequence[RefundRequestLineItem]
    lines_total_cents: int
    refund_cents: int
    cash_cents: int

    def scale(self, amount_cents: int) -> int:
        """Return the part of the lines' amount that is paid."""
        return share(amount_cents, self.refund_cents, self.lines_total_cents)


def decide_payout(
    request: RefundRequest,
    invoice: Invoice,
    all_lines: Sequence[RefundRequestLineItem],
    *,
    refund_cents: int | None,
    cash_cents: int | None,
) -> Payout:
    """Decide the lines and the amount of a payout. A refund of None is the lines' total, cash of None the whole refund.

    Raises:
        Conflict: The request can't be paid out now, or was paid out before.
        InvalidInput: An amount is wrong.
    """
    lines = [line for line in all_lines if line.refund_request_id == request.id]
    conflict = payout_conflict([line.stage for line in lines])
    if request.refunded_at is not None or request.status is RefundRequestStatus.REFUNDED:
        conflict = "has been refunded already"
    if conflict is not None:
        raise Conflict(f"The refund request {conflict}.", fields={"refund_request_id": [conflict]})
    accepted = [line for line in lines if line.stage in STEPS[RefundStep.REFUND]]
    total = sum(line.amount_cents for line in accepted)
    payout_problems(
        lines_total_cents=total,
        invoice_left_cents=invoice.total_cents + invoice.adjustment_cents,
        refund_cents=refund_cents,
        cash_cents=cash_cents,
    ).check()
    amount = total if refund_cents is None else refund_cents
    cash = amount if cash_cents is None else cash_cents
    return Payout(lines=accepted, lines_total_cents=total, refund_cents=amount, cash_cents=cash)


def line_item_moves(
    lines: Sequence[RefundRequestLineItem],
    settled: Settled,
    items: Mapping[LineItemId, LineItem],
) -> dict[LineItemId, LineItemMove]:
    """Return the moves of the items when the lines are paid out: see `settling_moves`.

    Raises:
        Conflict: The items have been sent, or returned, since the request was made.
    """
    now: Counter[tuple[LineItemId, bool]] = Counter()
    for line in lines:
        if line.line_item_id is not None:
            now[line.line_item_id, line.is_dispatched] += line.quantity
    for item_id in {item_id for item_id, _ in now}:
        item = items[item_id]
        if now[item_id, False] > item.quantity_awaiting_dispatch or now[item_id, True] > item.quantity_returnable:
            message = "asks for items that were sent or refunded since"
            raise Conflict(f"The refund request {message}.", fields={"refund_request_id": [message]})
    return settling_moves(now, settled, items)


def settling_moves(
    now: Settled, before: Settled, items: Mapping[LineItemId, LineItem]
) -> dict[LineItemId, LineItemMove]:
    """Return the moves of items: cancelled ones no longer await dispatch, returned ones can't be returned again.

    Args:
        before: The quantities of earlier amendments. They tell when the whole item is settled.
    """
    moves = {}
    for item_id in sorted({item_id for item_id, _ in now}):
        item = items[item_id]
        cancelled, returned = now.get((item_id, False), 0), now.get((item_id, True), 0)
        moves[item_id] = LineItemMove(
            awaiting_dispatch=-cancelled,
            returnable=-returned,
            status=settled_status(
                quantity=item.quantity,
                cancelled=cancelled + before.get((item_id, False), 0),
                returned=returned + before.get((item_id, True), 0),
                status=item.status,
            ),
        )
    return moves


def moved_line_items(
    items: Mapping[LineItemId, LineItem], moves: Mapping[LineItemId, LineItemMove]
) -> dict[LineItemId, LineItem]:
    """Return the line items after their moves."""
    still = {item.id: LineItemMove(awaiting_dispatch=0, returnable=0, status=item.status) for item in items.values()}
    return {
        item_id: replace(
            items[item_id],
            quantity_awaiting_dispatch=items[item_id].quantity_awaiting_dispatch + move.awaiting_dispatch,
            quantity_returnable=items[item_id].quantity_returnable + move.returnable,
            status=move.status,
        )
        for item_id, move in {**still, **moves}.items()
    }


async def insert_amendment(
    conn: Connection,
    invoice: Invoice,
    request: RefundRequest,
    payout: Payout,
    items: Mapping[LineItemId, LineItem],
) -> None:
    """Record a refund in positive cents. The seller's payment is reduced by it, less its commission."""
    lines = [_line(line, items) for line in payout.lines]
    taxes = sum(_tax(line, items) for line in payout.lines)
    commission = sum(_commission(line, items) for line in payout.lines)
    amendment = await insert_row(
        conn,
        INVOICE_AMENDMENTS,
        invoice_id=invoice.id,
        refund_request_id=request.id,
        total_cents=payout.refund_cents,
        tax_cents=payout.scale(taxes),
        remittance_cents=payout.refund_cents - payout.scale(commission),
        line_item_amount_total_cents=sum(line.amount_cents for line in payout.lines if line.line_item_id),
        line_item_tax_total_cents=taxes,
        tax_rate=invoice.tax_rate,
        currency=invoice.currency,
    )
    rows = [{"invoice_amendment_id": amendment.id, **line} for line in lines]
    await insert_rows(conn, INVOICE_AMENDMENT_LINE_ITEMS, rows)


def _line(line: RefundRequestLineItem, items: Mapping[LineItemId, LineItem]) -> dict[str, object]:
    is_return = line.is_dispatched
    return {
        "line_item_id": line.line_item_id,
        "custom": line.custom,
        "quantity": line.quantity,
        "status": InvoiceAmendmentLineItemStatus.REFUNDED
        if is_return or line.line_item_id is None
        else InvoiceAmendmentLineItemStatus.CANCELLED,
        "is_dispatched": is_return,
        "amount_cents": line.amount_per_item_cents,
        "total_cents": line.amount_cents,
        "tax_cents": _tax(line, items),
        "tax_rate": None if line.line_item_id is None else items[line.line_item_id].tax_rate,
        "currency": line.currency,
    }


def _tax(line: RefundRequestLineItem, items: Mapping[LineItemId, LineItem]) -> int:
    if line.line_item_id is None:
        return 0
    item = items[line.line_item_id]
    return share(item.tax_total_cents, line.quantity, item.quantity)


def _commission(line: RefundRequestLineItem, items: Mapping[LineItemId, LineItem]) -> int:
    if line.line_item_id is None:
        return 0
    item = items[line.line_item_id]
    return share(item.commission_amount_cents or 0, line.quantity, item.quantity)
