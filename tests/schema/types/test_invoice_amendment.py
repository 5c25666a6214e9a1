from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.invoice_amendments import create_invoice_amendment, create_invoice_amendment_line_item
from tests.builders.sales import create_sale, create_sales
from tests.support.operation import read_node, read_nodes


async def test_shows_what_the_row_holds(conn: Connection) -> None:
    amendment = await create_invoice_amendment(conn, tax_cents=90, remittance_cents=-850, tax_rate=0.1)

    answer = await read_node(
        conn,
        global_ids.encode("InvoiceAmendment", amendment.id),
        "InvoiceAmendment { legacyId totalCents taxFormatted remittanceFormatted lineItemAmountTotalCents"
        " lineItemTaxTotalFormatted taxRate remittedAt lineItems { id } }",
    )

    assert answer.errors == []
    assert answer.data == {
        "legacyId": amendment.id,
        "totalCents": -1000,
        "taxFormatted": "$0.90",
        "remittanceFormatted": "-$8.50",
        "lineItemAmountTotalCents": None,
        "lineItemTaxTotalFormatted": None,
        "taxRate": 0.1,
        "remittedAt": None,
        "lineItems": [],
    }


async def test_leads_to_its_invoice_and_lines(conn: Connection) -> None:
    await create_sale(conn)
    sale = await create_sale(conn)
    await create_invoice_amendment_line_item(
        conn, invoice_amendment_id=sale.invoice_amendment.id, custom="Restocking fee", status="CANCELLED", tax_rate=0.1
    )

    answer = await read_node(
        conn,
        sale.id_of("invoice_amendment"),
        "InvoiceAmendment { invoice { id } lineItems { quantity status custom dispatched amountCents"
        " totalFormatted taxCents customLineItemTaxRate lineItem { id } } }",
    )

    line = {
        "quantity": 1,
        "dispatched": False,
        "amountCents": -1000,
        "totalFormatted": "-$10.00",
        "taxCents": None,
    }
    bought = {
        "status": "REFUNDED",
        "custom": None,
        "customLineItemTaxRate": None,
        "lineItem": {"id": sale.id_of("line_item")},
    }
    custom = {"status": "CANCELLED", "custom": "Restocking fee", "customLineItemTaxRate": "0.1", "lineItem": None}
    assert answer.errors == []
    assert answer.data == {
        "invoice": {"id": sale.id_of("invoice")},
        "lineItems": [{**line, **bought}, {**line, **custom}],
    }


async def test_splits_each_amount_between_operator_and_seller(conn: Connection) -> None:
    amendment = await create_invoice_amendment(
        conn, tax_cents=-91, remittance_cents=-850, commission_amount_total_cents=-150, commission_tax_total_cents=-14
    )
    await create_invoice_amendment_line_item(
        conn,
        invoice_amendment_id=amendment.id,
        tax_cents=-91,
        commission_amount_cents=-150,
        commission_tax_cents=-14,
    )

    answer = await read_node(
        conn,
        global_ids.encode("InvoiceAmendment", amendment.id),
        "InvoiceAmendment { commissionAmountTotalCents commissionTaxTotalFormatted remittanceAmountTotalCents"
        " remittanceTaxTotalCents lineItems { lineItemAmountCents lineItemTaxFormatted commissionAmountFormatted"
        " commissionTaxCents remittanceAmountCents remittanceTaxCents } }",
    )

    assert answer.errors == []
    assert answer.data == {
        "commissionAmountTotalCents": -150,
        "commissionTaxTotalFormatted": "-$0.14",
        "remittanceAmountTotalCents": -850,
        "remittanceTaxTotalCents": -77,
        "lineItems": [
            {
                "lineItemAmountCents": -1000,
                "lineItemTaxFormatted": "-$0.91",
                "commissionAmountFormatted": "-$1.50",
                "commissionTaxCents": -14,
                "remittanceAmountCents": -850,
                "remittanceTaxCents": -77,
            }
        ],
    }


async def test_statements_do_not_grow_with_the_number_of_amendments(conn: Connection) -> None:
    sales = await create_sales(conn, 30)
    ids = [sale.id_of("invoice_amendment") for sale in sales]
    fragment = "InvoiceAmendment { invoice { id } lineItems { lineItem { id } } }"

    few = await read_nodes(conn, ids[:3], fragment)
    many = await read_nodes(conn, ids, fragment)

    assert many.data[29]["lineItems"] == [{"lineItem": {"id": sales[29].id_of("line_item")}}]
    assert (few.statements, many.statements) == (4, 4)
