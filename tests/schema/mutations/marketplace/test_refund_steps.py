from typing import Any

import pytest

from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.invoices import create_line_item
from tests.builders.refund_requests import create_refund_request, create_refund_request_line_item
from tests.schema.mutations.conftest import Mutate

REQUEST = "refundRequest { status lineItems { status denyRefundReason } notes { note newStatus author } }"
LINE = """refundRequestLineItem { status denyRefundReason notes { note newStatus }
  refundRequest { status invoice { statusFlags } } }"""


async def _line(conn: Connection, status: str) -> tuple[str, str]:
    """Global ids of a request and of its one line, of something that was sent."""
    item = await create_line_item(conn, quantity=2, quantity_awaiting_dispatch=0)
    request = await create_refund_request(conn, invoice_id=item.invoice_id)
    line = await create_refund_request_line_item(
        conn, refund_request_id=request.id, line_item_id=item.id, status=status, is_dispatched=True
    )
    return encode("RefundRequest", request.id), encode("RefundRequestLineItem", line.id)


@pytest.mark.parametrize(
    ("name", "before", "status", "line_status"),
    [
        ("refundRequestApprove", "PENDING_APPROVAL", "AWAITING", "AWAITING_RETURN"),
        ("refundRequestReturn", "AWAITING_RETURN", "RETURNED", "AWAITING_RETURN"),
        ("refundRequestDeny", "AWAITING_RETURN", "DENIED", "REFUND_DENIED"),
        ("refundRequestRevertDenial", "REFUND_DENIED", "AWAITING", "PENDING_APPROVAL"),
    ],
)
async def test_steps_of_a_request(
    conn: Connection, mutate: Mutate, name: str, before: str, status: str, line_status: str
) -> None:
    request_id, _ = await _line(conn, before)

    answer = await mutate(name, REQUEST, {"refundRequestId": request_id, "notes": [{"note": "Seen", "author": "Bo"}]})

    assert answer["data"][name] == {
        "status": 200,
        "clientMutationId": None,
        "errors": None,
        "refundRequest": {
            "status": status,
            "lineItems": [{"status": line_status, "denyRefundReason": None}],
            "notes": [{"note": "Seen", "newStatus": status, "author": "Bo"}],
        },
    }


@pytest.mark.parametrize(
    ("name", "more", "status", "line_status", "flags"),
    [
        ("refundRequestLineItemAccept", {}, "PROCESSED", "REFUND_ACCEPTED", ["PAID", "AWAITING_REFUND"]),
        ("refundRequestLineItemReturn", {}, "RETURNED", "AWAITING_RETURN", ["PAID", "AWAITING_REFUND"]),
        ("refundRequestLineItemDeny", {"denyRefundReason": "Worn"}, "DENIED", "REFUND_DENIED", ["PAID"]),
    ],
)
async def test_steps_of_a_line(
    conn: Connection,
    mutate: Mutate,
    name: str,
    more: dict[str, Any],
    status: str,
    line_status: str,
    flags: list[str],
) -> None:
    _, line_id = await _line(conn, "AWAITING_RETURN")
    viewer = Viewer(await conn.fetchval("select seller_id from invoices"))

    given = {"refundRequestLineItemId": line_id, "notes": [{"note": "Seen"}], **more}
    answer = await mutate(name, LINE, given, viewer)

    assert answer["data"][name]["refundRequestLineItem"] == {
        "status": line_status,
        "denyRefundReason": more.get("denyRefundReason"),
        "notes": [{"note": "Seen", "newStatus": line_status}],
        "refundRequest": {"status": status, "invoice": {"statusFlags": flags}},
    }


async def test_a_step_out_of_turn_is_a_conflict(conn: Connection, mutate: Mutate) -> None:
    request_id, line_id = await _line(conn, "REFUND_DENIED")

    whole = await mutate("refundRequestReturn", "refundRequest { id }", {"refundRequestId": request_id})
    single = await mutate(
        "refundRequestLineItemAccept", "refundRequestLineItem { id }", {"refundRequestLineItemId": line_id}
    )

    assert whole["data"]["refundRequestReturn"] == {
        "status": 409,
        "clientMutationId": None,
        "errors": [{"field": "refundRequestId", "messages": ["has no line that can be returned"]}],
        "refundRequest": None,
    }
    assert single["data"]["refundRequestLineItemAccept"]["errors"] == [
        {"field": "refundRequestLineItemId", "messages": ["is REFUND_DENIED: it can't be accepted"]}
    ]


async def test_names_an_id_of_another_type(conn: Connection, mutate: Mutate) -> None:
    _, line_id = await _line(conn, "PENDING_APPROVAL")

    answer = await mutate("refundRequestDeny", "refundRequest { id }", {"refundRequestId": line_id})

    assert answer["data"]["refundRequestDeny"]["errors"] == [
        {
            "field": "refundRequestId",
            "messages": ["is the id of a RefundRequestLineItem, not of a RefundRequest"],
        }
    ]
