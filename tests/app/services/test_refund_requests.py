import asyncio
from typing import Any

import pytest
from databases import Database

from app.auth import OPERATOR, Viewer
from app.db.invoices import Invoice, LineItem
from app.db.pool import Connection, Record
from app.db.refund_requests import RefundRequest
from app.domain.refund_request import (
    RefundLine,
    RefundRequestInitiator,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
)
from app.errors import Conflict, InvalidInput, NotFound
from app.services.refund_effects import NewNote
from app.services.refund_requests import (
    NewRefundRequest,
    Refund,
    create_refund_request,
    refund_refund_request,
)
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.sellers import create_seller

ACCEPTED = RefundRequestLineItemStatus.REFUND_ACCEPTED
PENDING = RefundRequestLineItemStatus.PENDING_APPROVAL
DENIED = RefundRequestLineItemStatus.REFUND_DENIED


async def _invoice(conn: Connection, *lines: tuple[int, int]) -> tuple[Invoice, list[LineItem]]:
    """An invoice with lines of so many items that await dispatch, and so many that were sent."""
    total = 1000 * sum(map(sum, lines))
    invoice = await create_invoice(conn, total_cents=total, subtotal_cents=total)
    made = [
        await create_line_item(
            conn,
            invoice_id=invoice.id,
            quantity=unsent + sent,
            quantity_awaiting_dispatch=unsent,
            quantity_returnable=sent,
            tax_total_cents=100 * (unsent + sent),
        )
        for unsent, sent in lines
    ]
    return invoice, made


async def _requested(
    database: Database, invoice: Invoice, *lines: RefundLine, viewer: Viewer = OPERATOR, **values: Any
) -> RefundRequest:
    given = NewRefundRequest(**{"invoice_id": invoice.id, "line_items": lines, "notes": [], **values})
    return await create_refund_request(database, viewer, given)


async def _state(conn: Connection, invoice: Invoice) -> Record:
    row = await conn.fetchrow(
        "select i.status_flags as flags, i.adjustment_cents as adjustment,"
        " array_agg(l.quantity_awaiting_dispatch order by l.id) as awaiting,"
        " array_agg(l.quantity_returnable order by l.id) as returnable,"
        " array_agg(l.status order by l.id) as statuses"
        " from invoices i join line_items l on l.invoice_id = i.id where i.id = $1 group by i.id",
        invoice.id,
    )
    assert row is not None
    return row


async def test_requests_a_return_of_what_was_sent(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (0, 3))

    request = await _requested(
        database,
        invoice,
        RefundLine(line_item_id=line.id, quantity=2, reason="Broken"),
        RefundLine(custom="Postage back", quantity=1, amount_per_item_cents=450),
        notes=[NewNote(note="Arrived broken")],
    )

    assert (request.status, request.initiated_by) == (
        RefundRequestStatus.AWAITING,
        RefundRequestInitiator.ADMIN,
    )
    assert (request.total_cents, request.request_value_cents) == (2450, 2450)
    assert (request.line_item_amount_total_cents, request.line_item_tax_total_cents) == (2000, 200)
    lines = await conn.fetch(
        "select line_item_id, custom, quantity, status, reason, is_dispatched, amount_cents,"
        " amount_per_item_cents from refund_request_line_items order by id"
    )
    assert [tuple(row) for row in lines] == [
        (line.id, None, 2, "AWAITING_RETURN", "Broken", True, 2000, 1000),
        (None, "Postage back", 1, "AWAITING_RETURN", None, False, 450, 450),
    ]
    note = await conn.fetchrow("select new_status, note, author from refund_request_notes")
    assert tuple(note or ()) == ("AWAITING", "Arrived broken", "Operator")
    state = await _state(conn, invoice)
    assert (state["flags"], state["adjustment"], state["returnable"]) == (["PAID", "AWAITING_RETURN"], 0, [3])


async def test_a_seller_is_the_initiator_unless_the_buyer_is(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (2, 0))
    viewer, half = Viewer(invoice.seller_id), RefundLine(line_item_id=line.id, quantity=1)

    own = await _requested(database, invoice, half, viewer=viewer)
    buyers = await _requested(database, invoice, half, viewer=viewer, initiated_by=RefundRequestInitiator.BUYER)
    with pytest.raises(InvalidInput) as caught:
        await _requested(database, invoice, half, viewer=viewer, initiated_by=RefundRequestInitiator.ADMIN)

    assert (own.initiated_by, buyers.initiated_by) == ("SELLER", "BUYER")
    assert caught.value.fields == {"initiatedBy": ["can be ADMIN for the operator only"]}


async def test_open_requests_claim_their_quantity(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (2, 1))
    await _requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=PENDING))

    with pytest.raises(InvalidInput) as caught:
        await _requested(
            database,
            invoice,
            RefundLine(line_item_id=line.id, quantity=1),
            RefundLine(line_item_id=line.id, quantity=1),
            RefundLine(line_item_id=line.id, quantity=2, is_dispatched=True),
        )

    assert caught.value.fields == {
        "lineItems.1.quantity": ["is more than can be cancelled before dispatch: 0"],
        "lineItems.2.quantity": ["is more than can be returned: 1"],
    }
    assert await conn.fetchval("select count(*) from refund_requests") == 1


async def test_refuses_amounts_that_do_not_fit(conn: Connection, database: Database) -> None:
    invoice, _ = await _invoice(conn, (1, 0))
    huge = RefundLine(custom="Fee", quantity=2**31 - 1, amount_per_item_cents=2**31)

    with pytest.raises(InvalidInput) as caught:
        await _requested(database, invoice, huge, huge, huge)

    assert caught.value.fields == {"lineItems": ["come to an amount that is too large"]}
    assert await conn.fetchval("select count(*) from refund_requests") == 0


async def test_a_denied_line_frees_its_quantity(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (1, 0))
    await _requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1))
    await conn.execute("update refund_request_line_items set status = 'REFUND_DENIED'")

    again = await _requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1))

    assert again.total_cents == 1000


async def test_parallel_requests_do_not_claim_an_item_twice(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (3, 0))

    results = await asyncio.gather(
        *(_requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1)) for _ in range(8)),
        return_exceptions=True,
    )

    assert sum(isinstance(result, InvalidInput) for result in results) == 5
    assert await conn.fetchval("select sum(quantity) from refund_request_line_items") == 3


async def test_pays_out_a_return(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (0, 3))
    request = await _requested(database, invoice, RefundLine(line_item_id=line.id, quantity=2, status=ACCEPTED))
    before = await _state(conn, invoice)

    paid = await refund_refund_request(
        database, OPERATOR, Refund(refund_request_id=request.id, notes=[NewNote(note="Paid")])
    )

    assert before["flags"] == ["PAID", "AWAITING_REFUND"]
    assert (paid.status, paid.refund_amount_cents, paid.cash_amount_cents) == ("REFUNDED", 2000, 2000)
    assert paid.refunded_at is not None
    after = await _state(conn, invoice)
    assert (after["flags"], after["adjustment"]) == (["PAID"], -2000)
    assert (after["awaiting"], after["returnable"], after["statuses"]) == ([0], [1], ["NEW"])
    amendment = await conn.fetchrow(
        "select refund_request_id, total_cents, tax_cents, remittance_cents from invoice_amendments"
    )
    assert tuple(amendment or ()) == (request.id, 2000, 200, 2000)
    lines = await conn.fetch(
        "select line_item_id, quantity, status, is_dispatched, amount_cents, total_cents, tax_cents"
        " from invoice_amendment_line_items"
    )
    assert [tuple(row) for row in lines] == [(line.id, 2, "REFUNDED", True, 1000, 2000, 200)]
    assert await conn.fetchval("select new_status from refund_request_notes") == "REFUNDED"
    assert await conn.fetchval("select status from refund_request_line_items") == "REFUNDED"


async def test_an_invoice_is_cancelled_when_nothing_of_it_was_sent(conn: Connection, database: Database) -> None:
    invoice, (first, second) = await _invoice(conn, (2, 0), (1, 0))
    for line, quantity in ((first, 1), (first, 1), (second, 1)):
        request = await _requested(
            database, invoice, RefundLine(line_item_id=line.id, quantity=quantity, status=ACCEPTED)
        )
        await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    state = await _state(conn, invoice)
    assert (state["flags"], state["adjustment"]) == (["PAID", "CANCELLED"], -3000)
    assert (state["awaiting"], state["statuses"]) == ([0, 0], ["CANCELLED", "CANCELLED"])


async def test_an_invoice_is_refunded_when_some_of_it_was_sent(conn: Connection, database: Database) -> None:
    invoice, (sent, unsent) = await _invoice(conn, (0, 1), (1, 0))
    request = await _requested(
        database,
        invoice,
        RefundLine(line_item_id=sent.id, quantity=1, status=ACCEPTED),
        RefundLine(line_item_id=unsent.id, quantity=1, status=ACCEPTED),
    )

    await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    state = await _state(conn, invoice)
    assert state["flags"] == ["PAID", "REFUNDED"]
    assert state["statuses"] == ["REFUNDED", "CANCELLED"]
    assert (state["awaiting"], state["returnable"]) == ([0, 0], [0, 0])


async def test_cancelling_the_rest_leaves_a_partly_sent_invoice_sent(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (1, 1))
    await conn.execute("update invoices set status_flags = '{PAID,PARTIALLY_SENT}'")
    request = await _requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED))

    await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    assert (await _state(conn, invoice))["flags"] == ["PAID", "SENT"]


async def test_pays_less_than_asked_when_told_so(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (0, 2))
    request = await _requested(database, invoice, RefundLine(line_item_id=line.id, quantity=2, status=ACCEPTED))

    paid = await refund_refund_request(
        database,
        OPERATOR,
        Refund(refund_request_id=request.id, refund_amount_cents=500, cash_amount_cents=100),
    )

    assert (paid.total_cents, paid.refund_amount_cents, paid.cash_amount_cents) == (2000, 500, 100)
    assert (await _state(conn, invoice))["adjustment"] == -500
    assert await conn.fetchval("select tax_cents from invoice_amendments") == 50


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (PENDING, "has lines that are neither accepted nor denied"),
        (DENIED, "has no line that was not denied"),
    ],
)
async def test_pays_nothing_before_all_is_decided(
    conn: Connection, database: Database, status: RefundRequestLineItemStatus, message: str
) -> None:
    invoice, (line,) = await _invoice(conn, (2, 0))
    request = await _requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1))
    await conn.execute("update refund_request_line_items set status = $1", status.value)

    with pytest.raises(Conflict) as caught:
        await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    assert caught.value.fields == {"refundRequestId": [message]}
    assert await conn.fetchval("select count(*) from invoice_amendments") == 0


async def test_does_not_refund_what_was_sent_meanwhile(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (1, 0))
    request = await _requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED))
    await conn.execute("update line_items set quantity_awaiting_dispatch = 0, quantity_returnable = 1")

    with pytest.raises(Conflict):
        await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    assert await conn.fetchval("select count(*) from invoice_amendments") == 0
    assert (await _state(conn, invoice))["returnable"] == [1]


async def test_refuses_wrong_amounts(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (2, 0))
    request = await _requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED))

    with pytest.raises(InvalidInput) as caught:
        await refund_refund_request(
            database,
            OPERATOR,
            Refund(refund_request_id=request.id, refund_amount_cents=1001, cash_amount_cents=1002),
        )

    assert caught.value.fields == {
        "refundAmountCents": ["is more than the accepted lines come to: 1000"],
        "cashAmountCents": ["must be from 0 to the amount refunded, 1001"],
    }


async def test_parallel_payouts_of_one_request_pay_once(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (0, 5))
    request = await _requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED))
    refund = Refund(refund_request_id=request.id)

    results = await asyncio.gather(
        *(refund_refund_request(database, OPERATOR, refund) for _ in range(6)), return_exceptions=True
    )

    conflicts = [result for result in results if isinstance(result, Conflict)]
    assert len(conflicts) == 5
    assert conflicts[0].fields == {"refundRequestId": ["has been refunded already"]}
    assert await conn.fetchval("select count(*) from invoice_amendments") == 1
    state = await _state(conn, invoice)
    assert (state["adjustment"], state["returnable"]) == (-1000, [4])


async def test_another_sellers_are_not_there(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, (1, 0))
    wanted = RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED)
    request = await _requested(database, invoice, wanted)
    other = Viewer((await create_seller(conn)).id)

    with pytest.raises(NotFound) as creating:
        await _requested(database, invoice, wanted, viewer=other)
    with pytest.raises(NotFound) as refunding:
        await refund_refund_request(database, other, Refund(refund_request_id=request.id))

    assert creating.value.fields == {"invoiceId": ["there is no such invoice"]}
    assert refunding.value.fields == {"refundRequestId": ["there is no such refund request"]}
    assert await conn.fetchval("select count(*) from invoice_amendments") == 0
