from datetime import UTC, datetime

from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.refund_requests import (
    create_refund_request,
    create_refund_request_line_item,
    create_refund_request_note,
)
from tests.builders.sales import create_sale, create_sales
from tests.support.operation import read_node, read_nodes


async def test_shows_what_the_row_holds(conn: Connection) -> None:
    noon = datetime(2026, 3, 4, 12, tzinfo=UTC)
    request = await create_refund_request(conn, status="REFUNDED", refunded_at=noon, total_cents=1000)

    answer = await read_node(
        conn,
        global_ids.encode("RefundRequest", request.id),
        "RefundRequest { legacyId status initiatedBy refundedAt totalCents totalFormatted requestValueCents"
        " refundAmountFormatted cashAmountCents lineItemAmountTotalCents lineItemTaxTotalCents }",
    )

    assert answer.errors == []
    assert answer.data == {
        "legacyId": request.id,
        "status": "REFUNDED",
        "initiatedBy": "BUYER",
        "refundedAt": "2026-03-04T12:00:00+00:00",
        "totalCents": 1000,
        "totalFormatted": "$10.00",
        "requestValueCents": None,
        "refundAmountFormatted": None,
        "cashAmountCents": None,
        "lineItemAmountTotalCents": None,
        "lineItemTaxTotalCents": None,
    }


async def test_splits_each_amount_between_operator_and_seller(conn: Connection) -> None:
    request = await create_refund_request(
        conn,
        line_item_amount_total_cents=1000,
        line_item_tax_total_cents=91,
        commission_amount_total_cents=150,
        commission_tax_total_cents=14,
        recovered_amount_cents=850,
    )
    await create_refund_request_line_item(
        conn, refund_request_id=request.id, line_item_tax_cents=91, commission_amount_cents=150, commission_tax_cents=14
    )

    answer = await read_node(
        conn,
        global_ids.encode("RefundRequest", request.id),
        "RefundRequest { recoveredAmountFormatted commissionAmountTotalCents commissionTaxTotalCents"
        " remittanceAmountTotalFormatted remittanceTaxTotalCents lineItems { lineItemAmountCents lineItemTaxCents"
        " commissionAmountCents commissionTaxFormatted remittanceAmountFormatted remittanceTaxCents } }",
    )

    assert answer.errors == []
    assert answer.data == {
        "recoveredAmountFormatted": "$8.50",
        "commissionAmountTotalCents": 150,
        "commissionTaxTotalCents": 14,
        "remittanceAmountTotalFormatted": "$8.50",
        "remittanceTaxTotalCents": 77,
        "lineItems": [
            {
                "lineItemAmountCents": 1000,
                "lineItemTaxCents": 91,
                "commissionAmountCents": 150,
                "commissionTaxFormatted": "$0.14",
                "remittanceAmountFormatted": "$8.50",
                "remittanceTaxCents": 77,
            }
        ],
    }


async def test_what_was_not_paid_in_cash_was_a_gift_card(conn: Connection) -> None:
    request = await create_refund_request(conn, refund_amount_cents=1000, cash_amount_cents=400)

    answer = await read_node(
        conn,
        global_ids.encode("RefundRequest", request.id),
        "RefundRequest { cashAmountCents giftCardAmountCents giftCardAmountFormatted }",
    )

    assert answer.data == {
        "cashAmountCents": 400,
        "giftCardAmountCents": 600,
        "giftCardAmountFormatted": "$6.00",
    }


async def test_a_request_without_amounts_has_no_remittance(conn: Connection) -> None:
    request = await create_refund_request(conn)

    answer = await read_node(
        conn,
        global_ids.encode("RefundRequest", request.id),
        "RefundRequest { remittanceAmountTotalCents remittanceTaxTotalFormatted giftCardAmountCents }",
    )

    assert answer.data == {
        "remittanceAmountTotalCents": None,
        "remittanceTaxTotalFormatted": None,
        "giftCardAmountCents": None,
    }


async def test_leads_to_its_lines_and_back(conn: Connection) -> None:
    await create_sale(conn)
    sale = await create_sale(conn)
    await create_refund_request_line_item(conn, refund_request_id=sale.refund_request.id, custom="Fee")

    answer = await read_node(
        conn,
        sale.id_of("refund_request"),
        "RefundRequest { invoice { id } lineItems { quantity status custom dispatched amountCents"
        " amountPerItemFormatted refundRequest { id } lineItem { id } notes { id } } }",
    )

    line = {
        "quantity": 1,
        "status": "AWAITING_RETURN",
        "dispatched": False,
        "amountCents": 1000,
        "amountPerItemFormatted": "$10.00",
        "refundRequest": {"id": sale.id_of("refund_request")},
    }
    bought = {
        "custom": None,
        "lineItem": {"id": sale.id_of("line_item")},
        "notes": [{"id": sale.id_of("refund_request_note")}],
    }
    assert answer.errors == []
    assert answer.data == {
        "invoice": {"id": sale.id_of("invoice")},
        "lineItems": [{**line, **bought}, {**line, "custom": "Fee", "lineItem": None, "notes": []}],
    }


async def test_notes_are_about_the_request_or_a_line(conn: Connection) -> None:
    noon = datetime(2026, 3, 4, 12, tzinfo=UTC)
    sale = await create_sale(conn)
    await create_refund_request_note(
        conn, refund_request_id=sale.refund_request.id, timestamp=noon, note=None, author="Ada"
    )

    answer = await read_node(
        conn,
        sale.id_of("refund_request"),
        "RefundRequest { notes { newStatus note author refundRequest { id } refundRequestLineItem { id } } }",
    )

    note = {"newStatus": "AWAITING", "refundRequest": {"id": sale.id_of("refund_request")}}
    about_line = {"refundRequestLineItem": {"id": sale.id_of("refund_request_line_item")}}
    assert answer.errors == []
    assert answer.data["notes"] == [
        {**note, **about_line, "note": "Arrived broken.", "author": None},
        {**note, "refundRequestLineItem": None, "note": None, "author": "Ada"},
    ]


async def test_statements_do_not_grow_with_the_number_of_requests(conn: Connection) -> None:
    sales = await create_sales(conn, 30)
    ids = [sale.id_of("refund_request") for sale in sales]
    fragment = """RefundRequest {
        invoice { id }
        lineItems { lineItem { id } refundRequest { id } notes { id } }
        notes { refundRequest { id } refundRequestLineItem { id } }
    }"""

    few = await read_nodes(conn, ids[:3], fragment)
    many = await read_nodes(conn, ids, fragment)

    assert many.data[29]["invoice"] == {"id": sales[29].id_of("invoice")}
    assert (few.statements, many.statements) == (7, 7)
