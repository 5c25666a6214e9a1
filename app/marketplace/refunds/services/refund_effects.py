"""Parts that all changes of refund requests share: locks, notes, and the effects on the invoice."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from app.auth.viewers import Viewer
from app.db.pool import Connection
from app.db.write import insert_rows, lock_row
from app.kernel.problems import Problems, blank_problems
from app.marketplace.catalogue.db.sellers import find_seller
from app.marketplace.orders.db.invoices import (
    Invoice,
    LineItem,
    LineItemId,
    lock_invoice,
    lock_line_items,
    touch_invoice,
    update_invoice,
)
from app.marketplace.orders.domain.invoice import flags_after_refund
from app.marketplace.owned.services.images import NewImage, add_images, image_problems
from app.marketplace.refunds.db.refund_requests import (
    REFUND_REQUEST_NOTES,
    REFUND_REQUESTS,
    RefundRequest,
    RefundRequestId,
    RefundRequestLineItem,
    find_refunded_invoice,
    lock_refund_lines,
)
from app.marketplace.refunds.domain.claims import Refundable
from app.marketplace.refunds.domain.refund_request import OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNote:
    """A note. An `author` of None is the viewer: the operator, or the seller's business."""

    note: str
    author: str | None = None
    ip_address: str | None = None
    attachments: Sequence[NewImage] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRefund:
    """A locked request and the rows that its change may touch. `all_lines` are those of all requests of the invoice."""

    invoice: Invoice
    request: RefundRequest
    items: Mapping[LineItemId, LineItem]
    all_lines: Sequence[RefundRequestLineItem]

    @property
    def lines(self) -> list[RefundRequestLineItem]:
        return [line for line in self.all_lines if line.refund_request_id == self.request.id]


async def lock_refund(conn: Connection, viewer: Viewer, refund_request_id: RefundRequestId) -> LockedRefund:
    """Lock a request with its invoice. Raises NotFound at `refund_request_id`, also for another seller's request."""
    # The invoice is locked before the request, in every change, so that changes don't deadlock.
    invoice_id = await find_refunded_invoice(conn, refund_request_id, seller_id=viewer.seller_id)
    invoice = await lock_invoice(conn, invoice_id, seller_id=viewer.seller_id)
    request = await lock_row(conn, REFUND_REQUESTS, refund_request_id)
    assert request is not None, "requests are not deleted"
    return LockedRefund(
        invoice=invoice,
        request=request,
        items={item.id: item for item in await lock_line_items(conn, invoice_id)},
        all_lines=await lock_refund_lines(conn, invoice_id),
    )


def refundable(items: Iterable[LineItem], lines: Iterable[RefundRequestLineItem]) -> dict[int, Refundable]:
    """Return the quantities of each line item that no open refund line claims."""
    claimed: Counter[tuple[int | None, bool]] = Counter()
    for line in lines:
        if line.status in OPEN:
            claimed[line.line_item_id, line.is_dispatched] += line.quantity
    return {
        item.id: Refundable(
            awaiting_dispatch=item.quantity_awaiting_dispatch - claimed[item.id, False],
            returnable=item.quantity_returnable - claimed[item.id, True],
        )
        for item in items
    }


def note_problems(notes: Sequence[NewNote]) -> Problems:
    problems = blank_problems({f"notes.{index}.note": note.note for index, note in enumerate(notes)})
    for index, note in enumerate(notes):
        problems.include(image_problems(note.attachments, f"notes.{index}.attachments"))
        if note.ip_address is not None and not _is_ip_address(note.ip_address):
            problems.add(f"notes.{index}.ip_address", "must be an IP address")
    return problems


def _is_ip_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


async def insert_notes(
    conn: Connection,
    viewer: Viewer,
    request: RefundRequest,
    notes: Sequence[NewNote],
    *,
    line: RefundRequestLineItem | None = None,
) -> None:
    """Insert notes with the present status of the line, or of the request if they are not about a line."""
    if not notes:
        return
    seller = None if viewer.seller_id is None else await find_seller(conn, viewer.seller_id)
    own_name = "Operator" if seller is None else seller.business_name
    rows = [
        {
            "refund_request_id": request.id,
            "refund_request_line_item_id": None if line is None else line.id,
            "timestamp": request.updated_at,
            "new_status": request.status if line is None else line.status,
            "note": note.note,
            "author": note.author or own_name,
            "ip_address": note.ip_address,
        }
        for note in notes
    ]
    for row, note in zip(await insert_rows(conn, REFUND_REQUEST_NOTES, rows), notes, strict=True):
        await add_images(conn, REFUND_REQUEST_NOTES.type_name, row.id, note.attachments)


async def follow_refunds(
    conn: Connection,
    invoice: Invoice,
    refund_lines: Iterable[RefundRequestLineItem],
    items: Iterable[LineItem],
    *,
    paid_cents: int = 0,
) -> None:
    """Update the invoice's flags for all refund lines and items. A payout lowers its total."""
    items = list(items)
    flags = flags_after_refund(
        invoice.status_flags,
        refund_lines={line.stage for line in refund_lines},
        line_items=[item.status for item in items],
        awaiting=[item.quantity_awaiting_dispatch for item in items],
    )
    if paid_cents or flags != invoice.status_flags:
        values = {"status_flags": flags, "adjustment_cents": invoice.adjustment_cents - paid_cents}
        await update_invoice(conn, invoice.id, values)
    else:
        await touch_invoice(conn, invoice.id)
