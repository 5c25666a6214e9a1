import pytest

from app.db.pool import Connection
from app.marketplace.orders.domain.order import LineItemStatus
from schema.entities import global_ids
from tests.builders.invoices import create_line_item
from tests.builders.sales import create_sale, create_sales
from tests.support.operation import read_node, read_nodes


async def test_shows_the_copies_taken_at_purchase(conn: Connection) -> None:
    line = await create_line_item(
        conn, advert_id=7, variant_id=9, brand_name="Alessi", discount_cents=-100, commission_amount_tax_cents=7
    )

    answer = await read_node(
        conn,
        global_ids.encode("LineItem", line.id),
        "LineItem { legacyId quantity quantityAwaitingDispatch quantityReturnable pricingModel advertId"
        " advertLegacyId advertTitle advertCode brandName variantId variantLegacyId variantName variantSku"
        " variantBarcode itemAmountCents totalFormatted subtotalCents taxTotalCents discountCents"
        " commissionAmountTaxCents postageCents commissionAmountFormatted taxRate advert { id } variant { id } }",
    )

    assert answer.errors == []
    assert answer.data == {
        "legacyId": line.id,
        "quantity": 2,
        "quantityAwaitingDispatch": 2,
        "quantityReturnable": 2,
        "pricingModel": "MARKETPLACE",
        "advertId": global_ids.encode("Advert", 7),
        "advertLegacyId": 7,
        "advertTitle": "Kettle",
        "advertCode": None,
        "brandName": "Alessi",
        "variantId": global_ids.encode("Variant", 9),
        "variantLegacyId": 9,
        "variantName": "Red",
        "variantSku": "K-RED",
        "variantBarcode": None,
        "itemAmountCents": 1000,
        "totalFormatted": "$20.00",
        "subtotalCents": 2000,
        "taxTotalCents": 0,
        "discountCents": -100,
        "commissionAmountTaxCents": 7,
        "postageCents": 0,
        "commissionAmountFormatted": None,
        "taxRate": None,
        "advert": None,
        "variant": None,
    }


async def test_ids_of_a_line_without_a_variant_are_null(conn: Connection) -> None:
    line = await create_line_item(conn)

    answer = await read_node(
        conn,
        global_ids.encode("LineItem", line.id),
        "LineItem { advertId advertLegacyId variantId variantLegacyId variant { id } }",
    )

    assert answer.errors == []
    assert set(answer.data.values()) == {None}
    # Looked for by no statement: a null key has no row.
    assert answer.statements == 1


@pytest.mark.parametrize(
    ("status", "awaiting", "shown"),
    [
        (LineItemStatus.ALLOCATED, 1, "ALLOCATED"),
        (LineItemStatus.ALLOCATED, 0, "SHIPPED"),
        (LineItemStatus.REFUNDED, 0, "REFUNDED"),
        (LineItemStatus.CANCELLED, 0, "CANCELLED"),
    ],
)
async def test_full_status_tells_what_was_sent(
    conn: Connection, status: LineItemStatus, awaiting: int, shown: str
) -> None:
    line = await create_line_item(conn, status=status, quantity_awaiting_dispatch=awaiting)

    answer = await read_node(conn, global_ids.encode("LineItem", line.id), "LineItem { status statusFull }")

    assert answer.data == {"status": status.value, "statusFull": shown}


async def test_live_links_end_with_deletion_and_copies_stay(conn: Connection) -> None:
    sale = await create_sale(conn)
    fragment = "LineItem { advert { id } variant { id } advertId variantSku }"

    before = await read_node(conn, sale.id_of("line_item"), fragment)
    await conn.execute("update adverts set deleted_at = now()")
    await conn.execute("update variants set deleted_at = now()")
    after = await read_node(conn, sale.id_of("line_item"), fragment)

    copies = {"advertId": sale.id_of("advert"), "variantSku": "K-RED"}
    assert before.data == {
        "advert": {"id": sale.id_of("advert")},
        "variant": {"id": sale.id_of("variant")},
        **copies,
    }
    assert after.data == {"advert": None, "variant": None, **copies}


async def test_statements_do_not_grow_with_the_number_of_line_items(conn: Connection) -> None:
    sales = await create_sales(conn, 30)
    ids = [sale.id_of("line_item") for sale in sales]

    few = await read_nodes(conn, ids[:3], "LineItem { advert { id } variant { id } }")
    many = await read_nodes(conn, ids, "LineItem { advert { id } variant { id } }")

    assert many.data[29]["variant"] == {"id": sales[29].id_of("variant")}
    assert (few.statements, many.statements) == (3, 3)
