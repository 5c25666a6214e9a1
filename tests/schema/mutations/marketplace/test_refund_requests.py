from typing import Any

from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.invoices import create_line_item
from tests.schema.mutations.conftest import Mutate

REQUEST = """refundRequest { id status initiatedBy totalCents refundAmountCents
  lineItems { quantity status dispatched custom lineItem { id } } notes { note newStatus author }
  invoice { statusFlags totalIncludingAdjustmentsCents amendments { totalCents lineItems { status } } } }"""


async def _create(conn: Connection, mutate: Mutate, **line: Any) -> dict[str, Any]:
    item = await create_line_item(conn, quantity=2, quantity_returnable=0)
    given = {
        "invoiceId": encode("Invoice", item.invoice_id),
        "lineItems": [{"lineItemId": encode("LineItem", item.id), "quantity": 2, **line}],
        "notes": [{"note": "Changed my mind", "author": "Ada"}],
    }
    answer = await mutate("refundRequestCreate", REQUEST, given)
    payload: dict[str, Any] = answer["data"]["refundRequestCreate"]
    return payload


async def test_refund_request_create_and_refund(conn: Connection, mutate: Mutate) -> None:
    created = (await _create(conn, mutate, status="REFUND_ACCEPTED"))["refundRequest"]
    given = {"refundRequestId": created["id"]}
    first = await mutate("refundRequestRefund", REQUEST, given)
    second = await mutate("refundRequestRefund", REQUEST, given)

    assert (created["status"], created["initiatedBy"], created["totalCents"]) == ("PROCESSED", "ADMIN", 2000)
    assert created["notes"] == [{"note": "Changed my mind", "newStatus": "PROCESSED", "author": "Ada"}]
    assert created["invoice"]["statusFlags"] == ["PAID", "AWAITING_REFUND"]
    refunded = first["data"]["refundRequestRefund"]["refundRequest"]
    assert (refunded["status"], refunded["refundAmountCents"]) == ("REFUNDED", 2000)
    assert refunded["invoice"] == {
        "statusFlags": ["PAID", "CANCELLED"],
        "totalIncludingAdjustmentsCents": 0,
        "amendments": [{"totalCents": -2000, "lineItems": [{"status": "CANCELLED"}]}],
    }
    assert second["data"]["refundRequestRefund"] == {
        "status": 409,
        "clientMutationId": None,
        "errors": [{"field": "refundRequestId", "messages": ["has been refunded already"]}],
        "refundRequest": None,
    }
    assert await conn.fetchval("select count(*) from invoice_amendments") == 1


async def test_refund_request_create_awaits_return_by_default(conn: Connection, mutate: Mutate) -> None:
    created = (await _create(conn, mutate))["refundRequest"]

    assert created["status"] == "AWAITING"
    assert [line["status"] for line in created["lineItems"]] == ["AWAITING_RETURN"]
    assert [line["dispatched"] for line in created["lineItems"]] == [False]


async def test_refund_request_create_takes_statuses_to_begin_with(conn: Connection, mutate: Mutate) -> None:
    line = {"custom": "Goodwill", "quantity": 1, "amountPerItemCents": 100, "status": "REFUNDED"}
    invoice = encode("Invoice", (await create_line_item(conn)).invoice_id)

    answer = await mutate("refundRequestCreate", "", {"invoiceId": invoice, "lineItems": [line], "notes": []})

    (error,) = answer["errors"]
    assert "does not exist in 'RefundRequestLineItemCreateStatusEnum'" in error["message"]
    assert await conn.fetchval("select count(*) from refund_requests") == 0
