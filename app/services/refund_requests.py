"""Refund requests: items are asked back or cancelled, and paid back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databases import Database

from app.auth import Viewer
from app.db.invoices import (
    INVOICES,
    Invoice,
    InvoiceId,
    LineItem,
    LineItemId,
    lock_invoice,
    lock_line_items,
    move_line_items,
)
from app.db.pool import Connection, transaction
from app.db.refund_requests import (
    REFUND_REQUEST_LINE_ITEMS,
    REFUND_REQUEST_NOTES,
    REFUND_REQUESTS,
    RefundRequest,
    RefundRequestId,
    RefundRequestLineItem,
    find_refunded_invoice,
    lock_refund_lines,
    lock_refund_request,
    set_line_status,
)
from app.db.sellers import find_seller
from app.db.write import insert_row, insert_rows, update_row
from app.domain.invoice import flags_after_refund
from app.domain.problems import BIGINT_MAX, Problems, blank_problems, value_problems
from app.domain.refund_request import (
    OPEN,
    Refundable,
    RefundLine,
    RefundRequestInitiator,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
    is_return,
    refund_line_problems,
    request_status,
    share,
)
from app.errors import InvalidInput
from app.services.refund_payouts import (
    Payout,
    decide_payout,
    insert_amendment,
    line_item_moves,
    moved_line_items,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNote:
    """author: None names the viewer, the operator or the seller's business."""

    note: str
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRefundRequest:
    """initiated_by: None is ADMIN for the operator, SELLER for a seller."""

    invoice_id: InvoiceId
    line_items: Sequence[RefundLine]
    notes: Sequence[NewNote]
    initiated_by: RefundRequestInitiator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Amounts in cents. refund: None is what the accepted lines come to. cash: None is all of the refund."""

    refund_request_id: RefundRequestId
    notes: Sequence[NewNote] = ()
    refund_amount_cents: int | None = None
    cash_amount_cents: int | None = None


async def create_refund_request(database: Database, viewer: Viewer, given: NewRefundRequest) -> RefundRequest:
    """Ask for items to be taken back or cancelled. For the operator and the invoice's seller.

    Raises NotFound; InvalidInput with everything that is wrong with the request.
    """
    _create_problems(viewer, given).check()
    async with transaction(database, actor=viewer.actor) as conn:
        invoice = await lock_invoice(conn, given.invoice_id, seller_id=viewer.seller_id)
        items = {item.id: item for item in await lock_line_items(conn, invoice.id)}
        others = await lock_refund_lines(conn, invoice.id)
        lines = [_decided(line, items) for line in given.line_items]
        refund_line_problems(lines, _refundable(items, others)).check()
        if sum(_amount(line, items) for line in lines) > BIGINT_MAX:
            raise InvalidInput.at("lineItems", "come to an amount that is too large")
        initiated_by = given.initiated_by or _initiator(viewer)
        request = await _insert_request(conn, invoice, lines, items, initiated_by)
        await _insert_notes(conn, viewer, request, given.notes)
        await _update_invoice(conn, invoice, [*others, *await _insert_lines(conn, request, lines, items)], items)
        return request


async def refund_refund_request(database: Database, viewer: Viewer, given: Refund) -> RefundRequest:
    """Pay a request out: an amendment of the invoice. For the operator and the invoice's seller.

    Raises NotFound; Conflict unless each line is accepted or denied, and when it was paid out before;
    InvalidInput for wrong amounts.
    """
    value_problems(given).include(_note_problems(given.notes)).check()
    async with transaction(database, actor=viewer.actor) as conn:
        # The invoice before the request, as everywhere: payouts wait for each other, never in a circle.
        invoice_id = await find_refunded_invoice(conn, given.refund_request_id, seller_id=viewer.seller_id)
        invoice = await lock_invoice(conn, invoice_id, seller_id=viewer.seller_id)
        request = await lock_refund_request(conn, given.refund_request_id)
        items = {item.id: item for item in await lock_line_items(conn, invoice_id)}
        all_lines = await lock_refund_lines(conn, invoice_id)
        payout = decide_payout(
            request,
            invoice,
            all_lines,
            refund_cents=given.refund_amount_cents,
            cash_cents=given.cash_amount_cents,
        )
        moves = line_item_moves(payout.lines, all_lines, items)
        await set_line_status(conn, [line.id for line in payout.lines], RefundRequestLineItemStatus.REFUNDED)
        await move_line_items(conn, moves)
        await insert_amendment(conn, invoice, request, payout, items)
        refunded = await _settle(conn, request, payout)
        await _insert_notes(conn, viewer, refunded, given.notes)
        await _update_invoice(
            conn, invoice, await lock_refund_lines(conn, invoice_id), moved_line_items(items, moves), payout
        )
        return refunded


def _create_problems(viewer: Viewer, given: NewRefundRequest) -> Problems:
    problems = value_problems(given).include(_note_problems(given.notes))
    if given.initiated_by is RefundRequestInitiator.ADMIN and not viewer.is_operator:
        problems.add("initiatedBy", "can be ADMIN for the operator only")
    return problems


def _note_problems(notes: Sequence[NewNote]) -> Problems:
    return blank_problems({f"notes.{index}.note": note.note for index, note in enumerate(notes)})


def _initiator(viewer: Viewer) -> RefundRequestInitiator:
    return RefundRequestInitiator.ADMIN if viewer.is_operator else RefundRequestInitiator.SELLER


def _decided(line: RefundLine, items: Mapping[LineItemId, LineItem]) -> RefundLine:
    item = items.get(LineItemId(line.line_item_id)) if line.line_item_id is not None else None
    return replace(line, is_dispatched=is_return(line, item.quantity_awaiting_dispatch if item else 0))


def _refundable(items: Mapping[LineItemId, LineItem], lines: Sequence[RefundRequestLineItem]) -> dict[int, Refundable]:
    """What each line item has left that no open refund line claims."""
    claimed: Counter[tuple[int | None, bool]] = Counter()
    for line in lines:
        if line.status in OPEN:
            claimed[line.line_item_id, line.is_dispatched] += line.quantity
    return {
        item.id: Refundable(
            awaiting_dispatch=item.quantity_awaiting_dispatch - claimed[item.id, False],
            returnable=item.quantity_returnable - claimed[item.id, True],
        )
        for item in items.values()
    }


def _amount(line: RefundLine, items: Mapping[LineItemId, LineItem]) -> int:
    """What the line comes to: its share of what was paid for the item, or the custom amount."""
    if line.line_item_id is None:
        return line.quantity * (line.amount_per_item_cents or 0)
    item = items[LineItemId(line.line_item_id)]
    return share(item.total_cents, line.quantity, item.quantity)


def _tax(line: RefundLine, items: Mapping[LineItemId, LineItem]) -> int:
    if line.line_item_id is None:
        return 0
    item = items[LineItemId(line.line_item_id)]
    return share(item.tax_total_cents, line.quantity, item.quantity)


async def _insert_request(
    conn: Connection,
    invoice: Invoice,
    lines: Sequence[RefundLine],
    items: Mapping[LineItemId, LineItem],
    initiated_by: RefundRequestInitiator,
) -> RefundRequest:
    total = sum(_amount(line, items) for line in lines)
    return await insert_row(
        conn,
        REFUND_REQUESTS,
        invoice_id=invoice.id,
        status=request_status([line.status for line in lines]),
        initiated_by=initiated_by,
        total_cents=total,
        request_value_cents=total,
        line_item_amount_total_cents=sum(_amount(line, items) for line in lines if line.line_item_id is not None),
        line_item_tax_total_cents=sum(_tax(line, items) for line in lines),
        currency=invoice.currency,
    )


async def _insert_lines(
    conn: Connection,
    request: RefundRequest,
    lines: Sequence[RefundLine],
    items: Mapping[LineItemId, LineItem],
) -> list[RefundRequestLineItem]:
    rows = [
        {
            "refund_request_id": request.id,
            "line_item_id": line.line_item_id,
            "custom": line.custom,
            "quantity": line.quantity,
            "status": line.status,
            "reason": line.reason,
            "is_dispatched": line.is_dispatched,
            "amount_cents": _amount(line, items),
            "amount_per_item_cents": share(_amount(line, items), 1, line.quantity),
            "currency": request.currency,
        }
        for line in lines
    ]
    return await insert_rows(conn, REFUND_REQUEST_LINE_ITEMS, rows)


async def _insert_notes(conn: Connection, viewer: Viewer, request: RefundRequest, notes: Sequence[NewNote]) -> None:
    """Keep the notes with the status that the request has then."""
    if not notes:
        return
    seller = None if viewer.seller_id is None else await find_seller(conn, viewer.seller_id)
    own_name = "Operator" if seller is None else seller.business_name
    rows = [
        {
            "refund_request_id": request.id,
            "timestamp": request.updated_at,
            "new_status": request.status,
            "note": note.note,
            "author": note.author or own_name,
        }
        for note in notes
    ]
    await insert_rows(conn, REFUND_REQUEST_NOTES, rows)


async def _settle(conn: Connection, request: RefundRequest, payout: Payout) -> RefundRequest:
    values = {
        "status": RefundRequestStatus.REFUNDED,
        "refunded_at": await conn.fetchval("select now()"),
        "total_cents": payout.lines_total_cents,
        "refund_amount_cents": payout.refund_cents,
        "cash_amount_cents": payout.cash_cents,
    }
    return await update_row(conn, REFUND_REQUESTS, request.id, values)


async def _update_invoice(
    conn: Connection,
    invoice: Invoice,
    refund_lines: Sequence[RefundRequestLineItem],
    items: Mapping[LineItemId, LineItem],
    payout: Payout | None = None,
) -> None:
    """The flags follow all refund lines and items; a payout lowers what the invoice comes to."""
    flags = flags_after_refund(
        invoice.status_flags,
        refund_lines={line.status for line in refund_lines},
        line_items=[item.status for item in items.values()],
        awaiting=[item.quantity_awaiting_dispatch for item in items.values()],
    )
    paid = 0 if payout is None else payout.refund_cents
    if paid or flags != invoice.status_flags:
        values = {"status_flags": flags, "adjustment_cents": invoice.adjustment_cents - paid}
        await update_row(conn, INVOICES, invoice.id, values)
