"""Refund requests: asking for items to be returned or cancelled, and paying for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row, insert_rows, update_row
from app.errors import Forbidden, InvalidInput
from app.kernel.problems import BIGINT_MAX, Problems, value_problems
from app.marketplace.catalogue.db.sellers import find_seller
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
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.marketplace.orders.domain.settlement import NOTHING, Ledger, Split, share
from app.marketplace.orders.services.amendment_lines import AmendedLine, custom_ratio, insert_amendment
from app.marketplace.owned.services.owned import KeptValue, keep_external_ids, keep_metadata, kept_problems
from app.marketplace.refunds.db.refund_requests import (
    REFUND_REQUEST_LINE_ITEMS,
    REFUND_REQUESTS,
    RefundRequest,
    RefundRequestId,
    RefundRequestLineItem,
    lock_refund_lines,
    set_line_amounts,
    set_line_stages,
)
from app.marketplace.refunds.domain.refund_request import (
    RefundLine,
    RefundRequestInitiator,
    RefundRequestStatus,
    RefundStage,
    is_return,
    refund_line_problems,
    request_status,
)
from app.marketplace.refunds.services.ledgers import read_ledger, request_totals
from app.marketplace.refunds.services.refund_effects import (
    NewNote,
    follow_refunds,
    insert_notes,
    lock_refund,
    note_problems,
    refundable,
)
from app.marketplace.refunds.services.refund_payouts import (
    Payout,
    amend,
    decide_payout,
    line_item_moves,
    moved_line_items,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOfLine:
    """Values that other systems store with one line of a request."""

    external_ids: Sequence[KeptValue] = ()
    metadata: Sequence[KeptValue] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRefundRequest:
    """A new request. An `initiated_by` of None is ADMIN for the operator and SELLER for a seller.

    Args:
        of_lines: What is kept with the lines, in their order. Empty: nothing.
    """

    invoice_id: InvoiceId
    line_items: Sequence[RefundLine]
    notes: Sequence[NewNote]
    initiated_by: RefundRequestInitiator | None = None
    external_ids: Sequence[KeptValue] = ()
    metadata: Sequence[KeptValue] = ()
    of_lines: Sequence[KeptOfLine] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """The amounts of a payout in cents.

    A `refund` of None is the total of the accepted lines. `cash` of None is the whole refund, or 0 if the invoice is
    not paid.
    """

    refund_request_id: RefundRequestId
    notes: Sequence[NewNote] = ()
    refund_amount_cents: int | None = None
    cash_amount_cents: int | None = None


async def create_refund_request(database: Database, viewer: Viewer, given: NewRefundRequest) -> RefundRequest:
    """Ask for items to be returned or cancelled. For the operator and the invoice's seller.

    Raises:
        NotFound: There is no such invoice for this viewer.
        InvalidInput: Names everything that is wrong with the request.
    """
    _create_problems(viewer, given).check()
    async with transaction(database, actor=viewer.actor) as conn:
        invoice = await lock_invoice(conn, given.invoice_id, seller_id=viewer.seller_id)
        items = {item.id: item for item in await lock_line_items(conn, invoice.id)}
        others = await lock_refund_lines(conn, invoice.id)
        lines = [_decided(line, items) for line in given.line_items]
        refund_line_problems(lines, refundable(items.values(), others)).check()
        ledger = await read_ledger(conn, invoice, items, others)
        priced = [(line, _claim(line, ledger, invoice)) for line in lines]
        if sum(amounts.total_cents for _, amounts in priced) > BIGINT_MAX:
            raise InvalidInput.at("line_items", "come to an amount that is too large")
        initiated_by = given.initiated_by or _initiator(viewer)
        request = await _insert_request(conn, invoice, priced, initiated_by)
        await insert_notes(conn, viewer, request, given.notes)
        inserted = await _insert_lines(conn, request, priced)
        await _keep(conn, REFUND_REQUESTS.type_name, request.id, given)
        for line, kept in zip(inserted, given.of_lines, strict=False):
            await _keep(conn, REFUND_REQUEST_LINE_ITEMS.type_name, line.id, kept)
        await follow_refunds(conn, invoice, [*others, *inserted], items.values())
        return request


async def refund_refund_request(database: Database, viewer: Viewer, given: Refund) -> RefundRequest:
    """Pay a request out by an amendment of the invoice. For the operator, and for sellers that have the right to.

    Raises:
        Forbidden: The seller may not pay refunds out.
        NotFound: There is no such request for this viewer.
        Conflict: A line is neither returned nor decided, or the request was paid out before.
        InvalidInput: An amount is wrong.
    """
    value_problems(given).include(note_problems(given.notes)).check()
    async with transaction(database, actor=viewer.actor) as conn:
        locked = await lock_refund(conn, viewer, given.refund_request_id)
        await _check_right(conn, viewer)
        payout = decide_payout(
            locked.request,
            locked.invoice,
            locked.all_lines,
            refund_cents=given.refund_amount_cents,
            cash_cents=_cash(locked.invoice, given.cash_amount_cents),
        )
        ledger = await read_ledger(conn, locked.invoice, locked.items, locked.all_lines)
        amended = amend(payout, ledger, locked.invoice, locked.items)
        settled = await count_settled(conn, locked.invoice.id)
        moves = line_item_moves(amended, settled, locked.items)
        await set_line_stages(conn, {line.id: RefundStage.REFUNDED for line in payout.lines})
        await _set_custom_amounts(conn, payout, amended)
        await move_line_items(conn, moves)
        amendment = await insert_amendment(conn, locked.invoice, amended, refund_request_id=locked.request.id)
        refunded = await _settle(conn, locked.request, payout, amended, amendment)
        await insert_notes(conn, viewer, refunded, given.notes)
        all_lines = await lock_refund_lines(conn, locked.invoice.id)
        items = moved_line_items(locked.items, moves).values()
        await follow_refunds(conn, locked.invoice, all_lines, items, paid_cents=payout.refund_cents)
        return refunded


def _create_problems(viewer: Viewer, given: NewRefundRequest) -> Problems:
    problems = value_problems(given).include(note_problems(given.notes))
    if given.initiated_by is RefundRequestInitiator.ADMIN and not viewer.is_operator:
        problems.add("initiated_by", "can be ADMIN for the operator only")
    problems.include(kept_problems(given.external_ids, given.metadata, ""))
    for index, kept in enumerate(given.of_lines):
        problems.include(kept_problems(kept.external_ids, kept.metadata, f"line_items.{index}."))
    return problems


async def _keep(conn: Connection, type_name: str, row_id: int, kept: KeptOfLine | NewRefundRequest) -> None:
    if kept.external_ids:
        await keep_external_ids(conn, type_name, row_id, kept.external_ids)
    if kept.metadata:
        await keep_metadata(conn, type_name, row_id, kept.metadata)


async def _check_right(conn: Connection, viewer: Viewer) -> None:
    seller = None if viewer.seller_id is None else await find_seller(conn, viewer.seller_id)
    if seller is not None and not seller.can_pay_out_refunds:
        raise Forbidden("Refunds are paid out by the marketplace operator, or by sellers that it has given this right.")


def _cash(invoice: Invoice, cash_cents: int | None) -> int | None:
    """Return the cash of a payout. Nothing is given back of a payment that was not made. Raises InvalidInput."""
    if InvoiceStatusFlag.PAID in invoice.status_flags:
        return cash_cents
    if cash_cents:
        raise InvalidInput.at("cash_amount_cents", "must be 0: the invoice is not paid")
    return 0


def _initiator(viewer: Viewer) -> RefundRequestInitiator:
    return RefundRequestInitiator.ADMIN if viewer.is_operator else RefundRequestInitiator.SELLER


def _decided(line: RefundLine, items: Mapping[LineItemId, LineItem]) -> RefundLine:
    item = items.get(LineItemId(line.line_item_id)) if line.line_item_id is not None else None
    return replace(line, is_dispatched=is_return(line, item.quantity_awaiting_dispatch if item else 0))


def _claim(line: RefundLine, ledger: Ledger, invoice: Invoice) -> Split:
    """Return the amounts of a line: its share of what is left of the item, or the custom amount."""
    if line.line_item_id is None:
        cents = line.quantity * (line.amount_per_item_cents or 0)
        return ledger.take(cents, custom_ratio(cents, invoice.tax_rate))
    return ledger.claim(line.line_item_id, line.quantity)


async def _insert_request(
    conn: Connection,
    invoice: Invoice,
    lines: Sequence[tuple[RefundLine, Split]],
    initiated_by: RefundRequestInitiator,
) -> RefundRequest:
    total = sum((amounts for _, amounts in lines), NOTHING)
    return await insert_row(
        conn,
        REFUND_REQUESTS,
        invoice_id=invoice.id,
        status=request_status([RefundStage(line.status.value) for line, _ in lines]),
        initiated_by=initiated_by,
        request_value_cents=total.total_cents,
        currency=invoice.currency,
        **request_totals(total),
    )


async def _insert_lines(
    conn: Connection, request: RefundRequest, lines: Sequence[tuple[RefundLine, Split]]
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
            "amount_cents": amounts.total_cents,
            "amount_per_item_cents": share(amounts.total_cents, 1, line.quantity),
            "line_item_tax_cents": amounts.tax_cents,
            "commission_amount_cents": amounts.commission_cents,
            "commission_tax_cents": amounts.commission_tax_cents,
            "currency": request.currency,
        }
        for line, amounts in lines
    ]
    return await insert_rows(conn, REFUND_REQUEST_LINE_ITEMS, rows)


async def _set_custom_amounts(conn: Connection, payout: Payout, amended: Sequence[AmendedLine]) -> None:
    """Give the custom lines the tax and commission that are paid out for them: other refunds may have come before."""
    changed = {
        line.id: paid.amounts
        for line, paid in zip(payout.lines, amended, strict=False)
        if line.line_item_id is None and line.amounts != paid.amounts
    }
    if changed:
        await set_line_amounts(conn, changed)


async def _settle(
    conn: Connection,
    request: RefundRequest,
    payout: Payout,
    amended: Sequence[AmendedLine],
    amendment: InvoiceAmendment,
) -> RefundRequest:
    lines = amended[: len(payout.lines)]
    values = {
        "status": RefundRequestStatus.REFUNDED,
        "refunded_at": await conn.fetchval("select now()"),
        "refund_amount_cents": payout.refund_cents,
        "cash_amount_cents": payout.cash_cents,
        "recovered_amount_cents": -amendment.remittance_cents,
        **request_totals(sum((line.amounts for line in lines), NOTHING)),
    }
    return await update_row(conn, REFUND_REQUESTS, request.id, values)
