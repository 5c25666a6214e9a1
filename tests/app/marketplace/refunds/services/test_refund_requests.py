"""Asking for a refund: what may be asked for, and what it does to the invoice."""

import asyncio

import pytest
from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection
from app.errors import InvalidInput, NotFound
from app.marketplace.refunds.domain.refund_request import (
    RefundLine,
    RefundRequestInitiator,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
)
from app.marketplace.refunds.services.refund_effects import NewNote
from app.marketplace.refunds.services.refund_requests import Refund, refund_refund_request
from tests.builders.sellers import create_seller
from tests.support.refund_scene import invoice_of, requested, state_of

ACCEPTED = RefundRequestLineItemStatus.REFUND_ACCEPTED
PENDING = RefundRequestLineItemStatus.PENDING_APPROVAL


async def test_requests_a_return_of_what_was_sent(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (0, 3))

    request = await requested(
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
    assert (request.line_item_amount_total_cents, request.line_item_tax_total_cents) == (2450, 200)
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
    state = await state_of(conn, invoice)
    assert (state["flags"], state["adjustment"], state["returnable"]) == (["PAID", "AWAITING_RETURN"], 0, [3])


async def test_a_seller_is_the_initiator_unless_the_buyer_is(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (2, 0))
    viewer, half = Viewer(invoice.seller_id), RefundLine(line_item_id=line.id, quantity=1)

    own = await requested(database, invoice, half, viewer=viewer)
    buyers = await requested(database, invoice, half, viewer=viewer, initiated_by=RefundRequestInitiator.BUYER)
    with pytest.raises(InvalidInput) as caught:
        await requested(database, invoice, half, viewer=viewer, initiated_by=RefundRequestInitiator.ADMIN)

    assert (own.initiated_by, buyers.initiated_by) == ("SELLER", "BUYER")
    assert caught.value.fields == {"initiated_by": ["can be ADMIN for the operator only"]}


async def test_open_requests_claim_their_quantity(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (2, 1))
    await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=PENDING))

    with pytest.raises(InvalidInput) as caught:
        await requested(
            database,
            invoice,
            RefundLine(line_item_id=line.id, quantity=1),
            RefundLine(line_item_id=line.id, quantity=1),
            RefundLine(line_item_id=line.id, quantity=2, is_dispatched=True),
        )

    assert caught.value.fields == {
        "line_items.1.quantity": ["is more than can be cancelled before dispatch: 0"],
        "line_items.2.quantity": ["is more than can be returned: 1"],
    }
    assert await conn.fetchval("select count(*) from refund_requests") == 1


async def test_refuses_amounts_that_do_not_fit(conn: Connection, database: Database) -> None:
    invoice, _ = await invoice_of(conn, (1, 0))
    huge = RefundLine(custom="Fee", quantity=2**31 - 1, amount_per_item_cents=2**31)

    with pytest.raises(InvalidInput) as caught:
        await requested(database, invoice, huge, huge, huge)

    assert caught.value.fields == {"line_items": ["come to an amount that is too large"]}
    assert await conn.fetchval("select count(*) from refund_requests") == 0


async def test_a_denied_line_frees_its_quantity(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (1, 0))
    await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1))
    await conn.execute("update refund_request_line_items set status = 'REFUND_DENIED'")

    again = await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1))

    assert again.total_cents == 1000


async def test_parallel_requests_do_not_claim_an_item_twice(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (3, 0))

    results = await asyncio.gather(
        *(requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1)) for _ in range(8)),
        return_exceptions=True,
    )

    assert sum(isinstance(result, InvalidInput) for result in results) == 5
    assert await conn.fetchval("select sum(quantity) from refund_request_line_items") == 3


async def test_another_sellers_are_not_there(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (1, 0))
    wanted = RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED)
    request = await requested(database, invoice, wanted)
    other = Viewer((await create_seller(conn)).id)

    with pytest.raises(NotFound) as creating:
        await requested(database, invoice, wanted, viewer=other)
    with pytest.raises(NotFound) as refunding:
        await refund_refund_request(database, other, Refund(refund_request_id=request.id))

    assert creating.value.fields == {"invoice_id": ["there is no such invoice"]}
    assert refunding.value.fields == {"refund_request_id": ["there is no such refund request"]}
    assert await conn.fetchval("select count(*) from invoice_amendments") == 0
