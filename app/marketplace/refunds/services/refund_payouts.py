"""The effects of paying a refund request out: moved line items, and the lines of an amendment of the invoice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.errors import Conflict
from app.marketplace.orders.db.invoices import Invoice, LineItem, LineItemId, LineItemMove
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.orders.domain.settlement import NOTHING, Ledger
from app.marketplace.orders.services.amendment_lines import AmendedLine, adjustment_line, close_lines, custom_ratio
from app.marketplace.refunds.db.refund_requests import RefundRequest, RefundRequestLineItem
from app.marketplace.refunds.domain.refund_request import (
    STEPS,
    RefundRequestStatus,
    RefundStep,
    payout_conflict,
    payout_problems,
    settled_status,
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
    lines: Sequence[AmendedLine],
    settled: Settled,
    items: Mapping[LineItemId, LineItem],
) -> dict[LineItemId, LineItemMove]:
    """Return the moves of the items when the lines are paid out: see `settling_moves`.

    Raises:
        Conflict: The items have been sent, or returned, since the request was made.
    """
    now = settled_quantities(lines)
    for item_id in {item_id for item_id, _ in now}:
        item = items[item_id]
        cancelled, returned = now.get((item_id, False), 0), now.get((item_id, True), 0)
        if cancelled > item.quantity_awaiting_dispatch or returned > item.quantity_returnable:
            message = "asks for items that were sent or refunded since"
            raise Conflict(f"The refund request {message}.", fields={"refund_request_id": [message]})
    return settling_moves(now, settled, items, lines)


def settling_moves(
    now: Settled, before: Settled, items: Mapping[LineItemId, LineItem], lines: Sequence[AmendedLine]
) -> dict[LineItemId, LineItemMove]:
    """Return the moves of items: cancelled ones no longer await dispatch, returned ones can't be returned again.

    Args:
        before: The quantities of earlier amendments. They tell when the whole item is settled.
        lines: The lines whose quantities are `now`. They tell the amounts that are settled.
    """
    amounts = dict.fromkeys(sorted(item_id for item_id, _ in now), NOTHING)
    for line in lines:
        if line.item is not None:
            amounts[line.item.id] += line.claimed
    moves = {}
    for item_id, settled in amounts.items():
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
            settled=settled,
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


def amend(payout: Payout, ledger: Ledger, invoice: Invoice, items: Mapping[LineItemId, LineItem]) -> list[AmendedLine]:
    """Take the lines' amounts from the ledger. If less is paid, an adjustment line says by how much."""
    lines = [_amended(line, ledger, invoice, items) for line in payout.lines]
    if kept := payout.lines_total_cents - payout.refund_cents:
        total = sum((line.amounts for line in lines), NOTHING)
        lines.append(adjustment_line(ledger.take(-kept, total)))
    return close_lines(lines, ledger)


def _amended(
    line: RefundRequestLineItem, ledger: Ledger, invoice: Invoice, items: Mapping[LineItemId, LineItem]
) -> AmendedLine:
    if line.line_item_id is None:
        amounts = ledger.take(line.amount_cents, custom_ratio(line.amount_cents, invoice.tax_rate))
        return AmendedLine(
            amounts=amounts, quantity=line.quantity, custom=line.custom, is_dispatched=line.is_dispatched
        )
    ledger.settle(line.line_item_id, line.amounts)
    is_return = line.is_dispatched
    return AmendedLine(
        amounts=line.amounts,
        quantity=line.quantity,
        item=items[line.line_item_id],
        claimed=line.amounts,
        status=InvoiceAmendmentLineItemStatus.REFUNDED if is_return else InvoiceAmendmentLineItemStatus.CANCELLED,
        is_dispatched=is_return,
    )


def settled_quantities(lines: Sequence[AmendedLine]) -> Settled:
    now: Counter[tuple[LineItemId, bool]] = Counter()
    for line in lines:
        if line.item is not None:
            now[line.item.id, line.is_dispatched] += line.quantity
    return now
