"""The ledger of an invoice, from its rows: the amounts of refund lines and amendments are taken from it."""

from collections import Counter
from collections.abc import Iterable, Mapping

from app.db.pool import Connection
from app.db.write import update_row
from app.marketplace.orders.db.invoice_amendments import count_settled, sum_amendments
from app.marketplace.orders.db.invoices import Invoice, LineItem, LineItemId
from app.marketplace.orders.domain.settlement import NOTHING, ItemRest, Ledger, Split
from app.marketplace.refunds.db.refund_requests import (
    REFUND_REQUESTS,
    RefundRequestLineItem,
    RefundRequestLineItemId,
    set_line_amounts,
)
from app.marketplace.refunds.domain.refund_request import OPEN
from app.marketplace.refunds.services.refund_effects import LockedRefund


async def read_ledger(
    conn: Connection,
    invoice: Invoice,
    items: Mapping[LineItemId, LineItem],
    refund_lines: Iterable[RefundRequestLineItem],
) -> Ledger:
    """Return what is left of a locked invoice.

    Args:
        items: All its line items.
        refund_lines: The lines of all requests about it. The open ones claim their amounts.
    """
    quantities, claimed = Counter[LineItemId](), dict.fromkeys(items, NOTHING)
    for (item_id, _), quantity in (await count_settled(conn, invoice.id)).items():
        quantities[item_id] += quantity
    for line in refund_lines:
        if line.status in OPEN and line.line_item_id is not None:
            quantities[line.line_item_id] += line.quantity
            claimed[line.line_item_id] += line.amounts
    rests: dict[int, ItemRest] = {
        item.id: ItemRest(
            unsettled=item.amounts - item.settled,
            unclaimed=item.amounts - item.settled - claimed[item.id],
            quantity=item.quantity - quantities[item.id],
        )
        for item in items.values()
    }
    return Ledger(left=_bought(invoice, items.values()) + await sum_amendments(conn, invoice.id), items=rests)


def _bought(invoice: Invoice, items: Iterable[LineItem]) -> Split:
    """Return an invoice's amounts before its amendments. A commission that it does not tell is that of its items."""
    of_items = sum((item.amounts for item in items), NOTHING)
    commission, commission_tax = invoice.commission_amount_cents, invoice.commission_amount_tax_cents
    return Split(
        total_cents=invoice.total_cents,
        tax_cents=of_items.tax_cents + invoice.tax_shipping_cents,
        commission_cents=of_items.commission_cents if commission is None else commission,
        commission_tax_cents=of_items.commission_tax_cents if commission_tax is None else commission_tax,
    )


async def claim_again(conn: Connection, locked: LockedRefund, lines: Iterable[RefundRequestLineItemId]) -> None:
    """Give lines that claim their items again the amounts that are to be had now.

    Requests that were made between a denial and now may have taken a cent more or less of them.
    """
    ledger = await read_ledger(conn, locked.invoice, locked.items, locked.all_lines)
    again = {*lines}
    claimed = {
        line.id: (line, ledger.claim(line.line_item_id, line.quantity))
        for line in locked.lines
        if line.id in again and line.line_item_id is not None
    }
    changed = {line_id: amounts for line_id, (line, amounts) in claimed.items() if amounts != line.amounts}
    if not changed:
        return
    await set_line_amounts(conn, changed)
    total = sum((changed.get(line.id, line.amounts) for line in locked.lines), NOTHING)
    await update_row(conn, REFUND_REQUESTS, locked.request.id, request_totals(total))


def request_totals(total: Split) -> dict[str, object]:
    """Return the columns of a request for the sum of its lines."""
    return {
        "total_cents": total.total_cents,
        "line_item_amount_total_cents": total.total_cents,
        "line_item_tax_total_cents": total.tax_cents,
        "commission_amount_total_cents": total.commission_cents,
        "commission_tax_total_cents": total.commission_tax_cents,
    }
