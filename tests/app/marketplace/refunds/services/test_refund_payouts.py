"""Paying out a refund request: what it does to the invoice, its lines and the amendment, and when it is refused."""

import asyncio

import pytest
from databases import Database

from app.auth.viewers import OPERATOR
from app.db.pool import Connection
from app.errors import Conflict, InvalidInput
from app.marketplace.refunds.domain.refund_request import RefundLine, RefundRequestLineItemStatus, RefundStep
from app.marketplace.refunds.services.refund_effects import NewNote
from app.marketplace.refunds.services.refund_requests import Refund, refund_refund_request
from app.marketplace.refunds.services.refund_steps import RequestStep, step_refund_request
from tests.support.refund_scene import invoice_of, requested, state_of

ACCEPTED = RefundRequestLineItemStatus.REFUND_ACCEPTED
PENDING = RefundRequestLineItemStatus.PENDING_APPROVAL
DENIED = RefundRequestLineItemStatus.REFUND_DENIED


async def test_pays_out_a_return(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (0, 3))
    request = await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=2, status=ACCEPTED))
    before = await state_of(conn, invoice)

    paid = await refund_refund_request(
        database, OPERATOR, Refund(refund_request_id=request.id, notes=[NewNote(note="Paid")])
    )

    assert before["flags"] == ["PAID", "AWAITING_REFUND"]
    assert (paid.status, paid.refund_amount_cents, paid.cash_amount_cents) == ("REFUNDED", 2000, 2000)
    assert paid.refunded_at is not None
    after = await state_of(conn, invoice)
    assert (after["flags"], after["adjustment"]) == (["PAID"], -2000)
    assert (after["awaiting"], after["returnable"], after["statuses"]) == ([0], [1], ["NEW"])
    amendment = await conn.fetchrow(
        "select refund_request_id, total_cents, tax_cents, remittance_cents from invoice_amendments"
    )
    assert tuple(amendment or ()) == (request.id, -2000, -200, -2000)
    lines = await conn.fetch(
        "select line_item_id, quantity, status, is_dispatched, amount_cents, total_cents, tax_cents"
        " from invoice_amendment_line_items"
    )
    assert [tuple(row) for row in lines] == [(line.id, 2, "REFUNDED", True, -1000, -2000, -200)]
    assert await conn.fetchval("select new_status from refund_request_notes") == "REFUNDED"
    assert await conn.fetchval("select status from refund_request_line_items") == "REFUNDED"


async def test_an_invoice_is_cancelled_when_nothing_of_it_was_sent(conn: Connection, database: Database) -> None:
    invoice, (first, second) = await invoice_of(conn, (2, 0), (1, 0))
    for line, quantity in ((first, 1), (first, 1), (second, 1)):
        request = await requested(
            database, invoice, RefundLine(line_item_id=line.id, quantity=quantity, status=ACCEPTED)
        )
        await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    state = await state_of(conn, invoice)
    assert (state["flags"], state["adjustment"]) == (["PAID", "CANCELLED"], -3000)
    assert (state["awaiting"], state["statuses"]) == ([0, 0], ["CANCELLED", "CANCELLED"])


async def test_an_invoice_is_refunded_when_some_of_it_was_sent(conn: Connection, database: Database) -> None:
    invoice, (sent, unsent) = await invoice_of(conn, (0, 1), (1, 0))
    request = await requested(
        database,
        invoice,
        RefundLine(line_item_id=sent.id, quantity=1, status=ACCEPTED),
        RefundLine(line_item_id=unsent.id, quantity=1, status=ACCEPTED),
    )

    await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    state = await state_of(conn, invoice)
    assert state["flags"] == ["PAID", "REFUNDED"]
    assert state["statuses"] == ["REFUNDED", "CANCELLED"]
    assert (state["awaiting"], state["returnable"]) == ([0, 0], [0, 0])


async def test_cancelling_the_rest_leaves_a_partly_sent_invoice_sent(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (1, 1))
    await conn.execute("update invoices set status_flags = '{PAID,PARTIALLY_SENT}'")
    request = await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED))

    await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    assert (await state_of(conn, invoice))["flags"] == ["PAID", "SENT"]


async def test_pays_less_than_asked_when_told_so(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (0, 2))
    request = await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=2, status=ACCEPTED))

    paid = await refund_refund_request(
        database,
        OPERATOR,
        Refund(refund_request_id=request.id, refund_amount_cents=500, cash_amount_cents=100),
    )

    assert (paid.total_cents, paid.refund_amount_cents, paid.cash_amount_cents) == (2000, 500, 100)
    assert (await state_of(conn, invoice))["adjustment"] == -500
    assert paid.recovered_amount_cents == 500
    amendment = await conn.fetchrow("select total_cents, tax_cents, remittance_cents from invoice_amendments")
    assert tuple(amendment or ()) == (-500, -50, -500)
    lines = await conn.fetch("select custom, total_cents, tax_cents from invoice_amendment_line_items order by id")
    assert [tuple(row) for row in lines] == [(None, -2000, -200), ("Adjustment", 1500, 150)]


async def test_what_is_put_back_from_denial_takes_what_the_others_have_left(
    conn: Connection, database: Database
) -> None:
    invoice, (line,) = await invoice_of(conn, (3, 0))
    await conn.execute("update line_items set total_cents = 100, tax_total_cents = 10")
    one, two = (RefundLine(line_item_id=line.id, quantity=count, status=ACCEPTED) for count in (1, 2))
    denied = RequestStep(refund_request_id=(await requested(database, invoice, one)).id)
    await step_refund_request(database, OPERATOR, RefundStep.DENY, denied)
    other = await requested(database, invoice, two)

    again = await step_refund_request(database, OPERATOR, RefundStep.REVERT_DENIAL, denied)

    # A third of 100 is 33, but two thirds are 66.
    assert (other.total_cents, again.total_cents, again.request_value_cents) == (66, 34, 33)
    assert (other.line_item_tax_total_cents, again.line_item_tax_total_cents) == (6, 4)
    lines = await conn.fetch("select amount_cents, amount_per_item_cents from refund_request_line_items order by id")
    assert [tuple(row) for row in lines] == [(34, 34), (66, 33)]


async def test_shipping_is_given_back_with_its_tax(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (1, 0))
    await conn.execute(
        "update invoices set total_cents = 1550, shipping_cost_cents = 550, tax_shipping_cents = 50,"
        " tax_total_cents = 150, tax_rate = 0.1"
    )
    taxes = []
    for cents in (333, 217):
        asked = [RefundLine(custom="Shipping", quantity=1, amount_per_item_cents=cents, status=ACCEPTED)]
        if cents == 217:
            asked.append(RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED))
        request = await requested(database, invoice, *asked)
        paid = await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))
        taxes.append((paid.line_item_amount_total_cents, paid.line_item_tax_total_cents))

    assert taxes == [(333, 30), (1217, 120)]
    assert (await state_of(conn, invoice))["adjustment"] == -1550
    assert await conn.fetchval("select sum(tax_cents) from invoice_amendments") == -150


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
    invoice, (line,) = await invoice_of(conn, (2, 0))
    request = await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1))
    await conn.execute("update refund_request_line_items set status = $1", status.value)

    with pytest.raises(Conflict) as caught:
        await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    assert caught.value.fields == {"refund_request_id": [message]}
    assert await conn.fetchval("select count(*) from invoice_amendments") == 0


async def test_does_not_refund_what_was_sent_meanwhile(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (1, 0))
    request = await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED))
    await conn.execute("update line_items set quantity_awaiting_dispatch = 0, quantity_returnable = 1")

    with pytest.raises(Conflict):
        await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    assert await conn.fetchval("select count(*) from invoice_amendments") == 0
    assert (await state_of(conn, invoice))["returnable"] == [1]


async def test_refuses_wrong_amounts(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (2, 0))
    request = await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED))

    with pytest.raises(InvalidInput) as caught:
        await refund_refund_request(
            database,
            OPERATOR,
            Refund(refund_request_id=request.id, refund_amount_cents=1001, cash_amount_cents=1002),
        )

    assert caught.value.fields == {
        "refund_amount_cents": ["is more than the accepted lines come to: 1000"],
        "cash_amount_cents": ["must be from 0 to the amount refunded, 1001"],
    }


async def test_parallel_payouts_of_one_request_pay_once(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (0, 5))
    request = await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED))
    refund = Refund(refund_request_id=request.id)

    results = await asyncio.gather(
        *(refund_refund_request(database, OPERATOR, refund) for _ in range(6)), return_exceptions=True
    )

    conflicts = [result for result in results if isinstance(result, Conflict)]
    assert len(conflicts) == 5
    assert conflicts[0].fields == {"refund_request_id": ["has been refunded already"]}
    assert await conn.fetchval("select count(*) from invoice_amendments") == 1
    state = await state_of(conn, invoice)
    assert (state["adjustment"], state["returnable"]) == (-1000, [4])
