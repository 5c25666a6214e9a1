from typing import Any

import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection, Record
from app.errors import Forbidden, InvalidInput
from app.marketplace.orders.db.invoices import Invoice, LineItem
from app.marketplace.orders.domain.amendment import AmendmentLine
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.orders.services.invoice_amendments import NewAmendment, create_amendment
from app.marketplace.refunds.domain.refund_request import RefundLine, RefundRequestLineItemStatus
from app.marketplace.refunds.services.refund_requests import (
    NewRefundRequest,
    Refund,
    create_refund_request,
    refund_refund_request,
)
from tests.builders.invoices import create_invoice, create_line_item

REFUNDED, CANCELLED = InvoiceAmendmentLineItemStatus.REFUNDED, InvoiceAmendmentLineItemStatus.CANCELLED


async def _invoice(conn: Connection, *, unsent: int, sent: int) -> tuple[Invoice, LineItem]:
    invoice = await create_invoice(conn, total_cents=1000 * (unsent + sent))
    item = await create_line_item(
        conn,
        invoice_id=invoice.id,
        quantity=unsent + sent,
        quantity_awaiting_dispatch=unsent,
        quantity_returnable=sent,
        tax_total_cents=100 * (unsent + sent),
        commission_amount_cents=50 * (unsent + sent),
    )
    return invoice, item


def _amendment(invoice: Invoice, *lines: AmendmentLine, **values: Any) -> NewAmendment:
    return NewAmendment(invoice_id=invoice.id, line_items=lines, **values)


async def _state(conn: Connection) -> Record:
    row = await conn.fetchrow(
        "select i.status_flags as flags, i.adjustment_cents as adjustment, l.status,"
        " l.quantity_awaiting_dispatch as awaiting, l.quantity_returnable as returnable"
        " from invoices i join line_items l on l.invoice_id = i.id"
    )
    assert row is not None
    return row


async def test_amends_line_items_and_custom_amounts(conn: Connection, database: Database) -> None:
    invoice, item = await _invoice(conn, unsent=1, sent=2)

    made = await create_amendment(
        database,
        OPERATOR,
        _amendment(
            invoice,
            AmendmentLine(line_item_id=item.id, quantity=2, status=REFUNDED),
            AmendmentLine(line_item_id=item.id, quantity=1, status=CANCELLED, amount_cents=-500),
            AmendmentLine(custom="Fee", quantity=2, amount_cents=100, status=REFUNDED),
        ),
    )

    assert (made.total_cents, made.tax_cents, made.remittance_cents) == (-2300, -250, -2175)
    assert (made.line_item_amount_total_cents, made.refund_request_id) == (-2300, None)
    lines = await conn.fetch(
        "select line_item_id, custom, quantity, status, is_dispatched, amount_cents, total_cents, tax_cents"
        " from invoice_amendment_line_items order by id"
    )
    assert [tuple(row) for row in lines] == [
        (item.id, None, 2, "REFUNDED", True, -1000, -2000, -200),
        (item.id, None, 1, "CANCELLED", False, -500, -500, -50),
        (None, "Fee", 2, "REFUNDED", False, 100, 200, 0),
    ]
    assert tuple(await _state(conn)) == (["PAID", "REFUNDED"], -2300, "REFUNDED", 0, 0)


async def test_a_charge_raises_what_the_invoice_comes_to(conn: Connection, database: Database) -> None:
    invoice, _ = await _invoice(conn, unsent=1, sent=0)
    line = AmendmentLine(custom="Gift wrap", quantity=1, amount_cents=300, status=REFUNDED)

    made = await create_amendment(database, OPERATOR, _amendment(invoice, line, remittance_cents=250))

    assert (made.total_cents, made.remittance_cents, made.commission_amount_total_cents) == (300, 250, 50)
    lines = await conn.fetch(
        "select custom, total_cents, commission_amount_cents from invoice_amendment_line_items order by id"
    )
    assert [tuple(row) for row in lines] == [("Gift wrap", 300, 0), ("Adjustment", 0, 50)]
    assert tuple(await _state(conn)) == (["PAID"], 300, "NEW", 1, 0)


async def test_the_last_amount_takes_the_tax_that_rounding_has_left(conn: Connection, database: Database) -> None:
    invoice = await create_invoice(conn, total_cents=100)
    item = await create_line_item(conn, invoice_id=invoice.id, quantity=2, total_cents=100, tax_total_cents=10)

    taxes = []
    for amount in (-25, -75):
        line = AmendmentLine(line_item_id=item.id, quantity=1, status=CANCELLED, amount_cents=amount)
        taxes.append((await create_amendment(database, OPERATOR, _amendment(invoice, line))).tax_cents)

    # Of 5 for each: a half of it is 2, and half as much again 7.
    assert taxes == [-2, -8]
    lines = await conn.fetch("select total_cents, tax_cents from invoice_amendment_line_items order by id")
    assert [tuple(row) for row in lines] == [(-25, -2), (-75, -8)]


async def test_a_given_remittance_has_an_adjustment_line(conn: Connection, database: Database) -> None:
    invoice, item = await _invoice(conn, unsent=2, sent=0)
    line = AmendmentLine(line_item_id=item.id, quantity=1, status=CANCELLED)

    made = await create_amendment(database, OPERATOR, _amendment(invoice, line, remittance_cents=-1000))
    rest = await create_amendment(database, OPERATOR, _amendment(invoice, line))

    assert (made.total_cents, made.remittance_cents, made.commission_amount_total_cents) == (-1000, -1000, 0)
    lines = await conn.fetch(
        "select custom, total_cents, commission_amount_cents from invoice_amendment_line_items"
        " where invoice_amendment_id = $1 order by id",
        made.id,
    )
    assert [tuple(row) for row in lines] == [(None, -1000, -50), ("Adjustment", 0, 50)]
    assert (rest.total_cents, rest.remittance_cents) == (-1000, -950)


async def test_amendments_and_refunds_settle_an_item_together(conn: Connection, database: Database) -> None:
    invoice, item = await _invoice(conn, unsent=2, sent=0)
    line = AmendmentLine(line_item_id=item.id, quantity=1, status=CANCELLED)
    await create_amendment(database, OPERATOR, _amendment(invoice, line))
    between = await _state(conn)
    wanted = RefundLine(line_item_id=item.id, quantity=1, status=RefundRequestLineItemStatus.REFUND_ACCEPTED)
    request = await create_refund_request(
        database, OPERATOR, NewRefundRequest(invoice_id=invoice.id, line_items=[wanted], notes=[])
    )

    await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    assert (between["status"], between["awaiting"]) == ("NEW", 1)
    assert tuple(await _state(conn)) == (["PAID", "CANCELLED"], -2000, "CANCELLED", 0, 0)


async def test_names_what_is_wrong_with_each_line(conn: Connection, database: Database) -> None:
    invoice, item = await _invoice(conn, unsent=1, sent=0)
    foreign = await create_line_item(conn)
    claim = RefundLine(line_item_id=item.id, quantity=1)
    await create_refund_request(
        database, OPERATOR, NewRefundRequest(invoice_id=invoice.id, line_items=[claim], notes=[])
    )

    with pytest.raises(InvalidInput) as caught:
        await create_amendment(
            database,
            OPERATOR,
            _amendment(
                invoice,
                AmendmentLine(line_item_id=item.id, quantity=1, status=CANCELLED),
                AmendmentLine(line_item_id=foreign.id, quantity=1, status=CANCELLED),
                AmendmentLine(quantity=0, status=CANCELLED),
                AmendmentLine(custom=" ", quantity=1, status=CANCELLED),
            ),
        )

    assert caught.value.fields == {
        "line_items.0.quantity": ["is more than can be cancelled before dispatch: 0"],
        "line_items.1.line_item_id": ["there is no such line item on this invoice"],
        "line_items.2.quantity": ["must be at least 1"],
        "line_items.2": ["must be either about a line item or custom"],
        "line_items.3.custom": ["must not be blank"],
        "line_items.3.amount_cents": ["is required for a custom line"],
    }
    assert await conn.fetchval("select count(*) from invoice_amendments") == 0


async def test_gives_back_no_more_than_is_left(conn: Connection, database: Database) -> None:
    invoice, _ = await _invoice(conn, unsent=1, sent=0)
    line = AmendmentLine(custom="Goodwill", quantity=1, amount_cents=-1001, status=REFUNDED)

    with pytest.raises(InvalidInput) as caught:
        await create_amendment(database, OPERATOR, _amendment(invoice, line))

    assert caught.value.fields == {"line_items": ["come to more than is left of the invoice: 1000"]}
    assert (await _state(conn))["adjustment"] == 0


async def test_is_for_the_operator(conn: Connection, database: Database) -> None:
    invoice, item = await _invoice(conn, unsent=1, sent=0)
    line = AmendmentLine(line_item_id=item.id, quantity=1, status=CANCELLED)

    with pytest.raises(Forbidden):
        await create_amendment(database, Viewer(invoice.seller_id), _amendment(invoice, line))

    assert await conn.fetchval("select count(*) from invoice_amendments") == 0
