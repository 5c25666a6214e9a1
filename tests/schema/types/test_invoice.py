from datetime import UTC, datetime

from app.auth.viewers import Viewer
from app.db.pool import Connection
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from schema.entities import global_ids
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.sales import create_sale, create_sales
from tests.support.operation import read_node, run_operation

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


async def test_shows_what_the_row_holds(conn: Connection) -> None:
    invoice = await create_invoice(
        conn, buyer_phone="555", paid_at=NOON, created_at=NOON, tax_rate=0.1, shipping_description="Express"
    )

    answer = await read_node(
        conn,
        global_ids.encode("Invoice", invoice.id),
        "Invoice { id legacyId createdAt deliveryType statusFlags buyerFirstName buyerSurname buyerPhone"
        " buyerEmailAddress paidAt remittedAt shippingDescription taxRate }",
    )

    assert answer.errors == []
    assert answer.data == {
        "id": "SW52b2ljZS0x",
        "legacyId": 1,
        "createdAt": "2026-03-04T12:00:00+00:00",
        "deliveryType": "BUY_ONLINE",
        "statusFlags": ["PAID"],
        "buyerFirstName": "Ada",
        "buyerSurname": "Byron",
        "buyerPhone": "555",
        "buyerEmailAddress": None,
        "paidAt": "2026-03-04T12:00:00+00:00",
        "remittedAt": None,
        "shippingDescription": "Express",
        "taxRate": 0.1,
    }


async def test_shows_amounts_as_cents_and_as_text(conn: Connection) -> None:
    invoice = await create_invoice(
        conn, total_cents=123450, adjustment_cents=-450, discount_cents=-5, commission_amount_cents=700
    )

    answer = await read_node(
        conn,
        global_ids.encode("Invoice", invoice.id),
        "Invoice { totalCents totalFormatted totalIncludingAdjustmentsCents"
        ' totalIncludingAdjustmentsFormatted discountFormatted(currency: "aud")'
        " commissionAmountCents commissionAmountTaxCents commissionAmountTaxFormatted }",
    )

    assert answer.errors == []
    assert answer.data == {
        "totalCents": 123450,
        "totalFormatted": "$1,234.50",
        "totalIncludingAdjustmentsCents": 123000,
        "totalIncludingAdjustmentsFormatted": "$1,230.00",
        "discountFormatted": "-$0.05",
        "commissionAmountCents": 700,
        "commissionAmountTaxCents": None,
        "commissionAmountTaxFormatted": None,
    }


async def test_amount_beyond_int_is_an_error_that_names_its_twin(conn: Connection) -> None:
    invoice = await create_invoice(conn, total_cents=2**31, adjustment_cents=-1)

    answer = await read_node(
        conn,
        global_ids.encode("Invoice", invoice.id),
        "Invoice { totalCents totalFormatted totalIncludingAdjustmentsCents }",
    )

    assert answer.data == {
        "totalCents": None,
        "totalFormatted": "$21,474,836.48",
        "totalIncludingAdjustmentsCents": 2**31 - 1,
    }
    assert answer.failures == [(["node", "totalCents"], "INT_OVERFLOW")]
    assert "totalFormatted" in answer.errors[0]["message"]


async def test_amount_is_not_converted_to_another_currency(conn: Connection) -> None:
    invoice = await create_invoice(conn)

    answer = await read_node(
        conn, global_ids.encode("Invoice", invoice.id), 'Invoice { id totalFormatted(currency: "EUR") }'
    )

    assert answer.data == {"id": "SW52b2ljZS0x", "totalFormatted": None}
    assert answer.failures == [(["node", "totalFormatted"], "BAD_USER_INPUT")]


async def test_status_is_the_flag_that_says_most(conn: Connection) -> None:
    flags = [InvoiceStatusFlag.PAID, InvoiceStatusFlag.REMITTED, InvoiceStatusFlag.PARTIALLY_SENT]
    sent = await create_invoice(conn, status_flags=flags)
    unpaid = await create_invoice(conn, status_flags=[])

    answers = [
        (await read_node(conn, global_ids.encode("Invoice", row.id), "Invoice { status statusFlags }")).data
        for row in (sent, unpaid)
    ]

    assert answers == [
        {"status": "PARTIALLY_SENT", "statusFlags": ["PAID", "REMITTED", "PARTIALLY_SENT"]},
        {"status": "AWAITING_PAYMENT", "statusFlags": []},
    ]


async def test_leads_to_all_its_parts(conn: Connection) -> None:
    await create_sale(conn)
    sale = await create_sale(conn)
    second = await create_line_item(conn, invoice_id=sale.invoice.id)

    answer = await read_node(
        conn,
        sale.id_of("invoice"),
        "Invoice { order { id } seller { id } lineItems { id } shipments { id } refundRequests { id }"
        " amendments { id } }",
    )

    assert answer.errors == []
    assert answer.data == {
        "order": {"id": sale.id_of("order")},
        "seller": {"id": sale.id_of("seller")},
        "lineItems": [{"id": sale.id_of("line_item")}, {"id": global_ids.encode("LineItem", second.id)}],
        "shipments": [{"id": sale.id_of("shipment")}],
        "refundRequests": [{"id": sale.id_of("refund_request")}],
        "amendments": [{"id": sale.id_of("invoice_amendment")}],
    }


async def test_order_is_forbidden_for_a_seller_and_the_rest_stands(conn: Connection) -> None:
    sale = await create_sale(conn)

    answer = await read_node(
        conn,
        sale.id_of("invoice"),
        "Invoice { legacyId order { token } lineItems { id } }",
        viewer=Viewer(sale.seller.id),
    )

    assert answer.failures == [(["node", "order"], "FORBIDDEN")]
    assert answer.data == {
        "legacyId": sale.invoice.id,
        "order": None,
        "lineItems": [{"id": sale.id_of("line_item")}],
    }


async def test_statements_do_not_grow_with_the_number_of_invoices(conn: Connection) -> None:
    document = """{ invoices(first: 100) { nodes {
        order { id } seller { id } lineItems { id } shipments { id } refundRequests { id } amendments { id }
    } } }"""

    await create_sales(conn, 3)
    few = await run_operation(conn, document)
    await create_sales(conn, 27)
    many = await run_operation(conn, document)

    assert (len(few.data["invoices"]["nodes"]), len(many.data["invoices"]["nodes"])) == (3, 30)
    assert (few.statements, many.statements) == (7, 7)
