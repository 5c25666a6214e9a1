"""A refund request is paid out by whoever has the right to, and in cash only what was paid."""

import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.errors import Forbidden, InvalidInput
from app.marketplace.refunds.domain.refund_request import RefundLine, RefundRequestLineItemStatus
from app.marketplace.refunds.services.refund_requests import Refund, refund_refund_request
from tests.support.refund_scene import invoice_of, requested, state_of

ACCEPTED = RefundRequestLineItemStatus.REFUND_ACCEPTED


async def test_a_seller_pays_out_only_with_the_right_to(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (0, 2))
    request = await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=1, status=ACCEPTED))
    seller, before = Viewer(invoice.seller_id), await state_of(conn, invoice)

    with pytest.raises(Forbidden):
        await refund_refund_request(database, seller, Refund(refund_request_id=request.id))
    refused = await state_of(conn, invoice)
    await conn.execute("update sellers set can_pay_out_refunds = true where id = $1", invoice.seller_id)
    paid = await refund_refund_request(database, seller, Refund(refund_request_id=request.id))

    assert refused == before
    assert (paid.status, paid.cash_amount_cents) == ("REFUNDED", 1000)


async def test_no_cash_is_given_back_of_an_unpaid_invoice(conn: Connection, database: Database) -> None:
    invoice, (line,) = await invoice_of(conn, (2, 0))
    await conn.execute("update invoices set status_flags = '{}'")
    request = await requested(database, invoice, RefundLine(line_item_id=line.id, quantity=2, status=ACCEPTED))

    with pytest.raises(InvalidInput) as caught:
        await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id, cash_amount_cents=1))
    cancelled = await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id))

    assert caught.value.fields == {"cash_amount_cents": ["must be 0: the invoice is not paid"]}
    assert (cancelled.refund_amount_cents, cancelled.cash_amount_cents) == (2000, 0)
    state = await state_of(conn, invoice)
    assert (state["flags"], state["adjustment"]) == (["CANCELLED"], -2000)
