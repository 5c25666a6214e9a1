from datetime import UTC, datetime

import pytest

from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.sales import create_sales
from tests.builders.variants import create_variant
from tests.support.operation import read_node, read_nodes

PRICES = "Variant { lowestPrice lowestPriceCents editablePrice editablePriceCents editableSalePrice }"
NEXT_CENTURY = datetime(2101, 1, 1, tzinfo=UTC)


async def test_shows_what_the_row_holds(conn: Connection) -> None:
    variant = await create_variant(conn, barcode="4006381333931", max_purchase_quantity=5)

    answer = await read_node(
        conn,
        global_ids.encode("Variant", variant.id),
        "Variant { id legacyId label sku barcode countOnHand infiniteQuantity published displayable buyable"
        " minPurchaseQuantity maxPurchaseQuantity pricingModel taxCode notes url salePriceStartAt }",
    )

    assert answer.errors == []
    assert answer.data == {
        "id": "VmFyaWFudC0x",
        "legacyId": 1,
        "label": "Red",
        "sku": "K-RED",
        "barcode": "4006381333931",
        "countOnHand": 10,
        "infiniteQuantity": False,
        "published": True,
        "displayable": True,
        "buyable": True,
        "minPurchaseQuantity": None,
        "maxPurchaseQuantity": 5,
        "pricingModel": "MARKETPLACE",
        "taxCode": None,
        "notes": None,
        "url": None,
        "salePriceStartAt": None,
    }


async def test_lowest_price_is_a_sale_that_is_always_on(conn: Connection) -> None:
    variant = await create_variant(conn, price_cents=1250, sale_price_cents=990)

    answer = await read_node(conn, global_ids.encode("Variant", variant.id), PRICES)

    assert answer.errors == []
    assert answer.data == {
        "lowestPrice": "9.90",
        "lowestPriceCents": 990,
        "editablePrice": "12.50",
        "editablePriceCents": 1250,
        "editableSalePrice": "9.90",
    }


@pytest.mark.parametrize(("start", "lowest"), [(datetime(2001, 1, 1, tzinfo=UTC), 400), (NEXT_CENTURY, 500)])
async def test_lowest_price_is_the_sale_price_while_the_sale_lasts(
    conn: Connection, start: datetime, lowest: int
) -> None:
    variant = await create_variant(
        conn,
        price_cents=500,
        sale_price_cents=400,
        sale_price_start_at=start,
        sale_price_end_at=NEXT_CENTURY,
        currency="JPY",
    )

    answer = await read_node(conn, global_ids.encode("Variant", variant.id), PRICES)

    assert answer.errors == []
    assert answer.data == {
        "lowestPrice": str(lowest),
        "lowestPriceCents": lowest,
        "editablePrice": "500",
        "editablePriceCents": 500,
        "editableSalePrice": "400",
    }


async def test_price_beyond_int_is_an_error_that_names_its_twin(conn: Connection) -> None:
    variant = await create_variant(conn, price_cents=2**31)

    answer = await read_node(conn, global_ids.encode("Variant", variant.id), PRICES)

    assert answer.failures == [
        (["node", "lowestPriceCents"], "INT_OVERFLOW"),
        (["node", "editablePriceCents"], "INT_OVERFLOW"),
    ]
    assert [error["message"].split()[-2] for error in answer.errors] == ["lowestPrice", "editablePriceFormatted"]
    assert answer.data["lowestPrice"] == "21474836.48"


async def test_unpublished_advert_is_shown_as_such_with_its_details(conn: Connection) -> None:
    variant = await create_variant(conn)
    await conn.execute("update adverts set is_published = false")

    answer = await read_node(
        conn,
        global_ids.encode("Variant", variant.id),
        "Variant { advert { __typename ... on UnpublishedAdvert { id legacyId details { title published } } } }",
    )

    assert answer.errors == []
    assert answer.data["advert"] == {
        "__typename": "UnpublishedAdvert",
        "id": global_ids.encode("UnpublishedAdvert", variant.advert_id),
        "legacyId": variant.advert_id,
        "details": {"title": "Kettle", "published": False},
    }
    assert answer.statements == 2


async def test_deleted_advert_is_shown_as_such(conn: Connection) -> None:
    variant = await create_variant(conn)
    await conn.execute("update adverts set is_published = false, deleted_at = now()")

    answer = await read_node(
        conn,
        global_ids.encode("Variant", variant.id),
        "Variant { advert { __typename ... on Node { id } ... on Advert { title } } }",
    )

    assert answer.errors == []
    assert answer.data["advert"] == {
        "__typename": "DeletedAdvert",
        "id": global_ids.encode("DeletedAdvert", variant.advert_id),
    }


async def test_statements_do_not_grow_with_the_number_of_variants(conn: Connection) -> None:
    sales = await create_sales(conn, 30)
    ids = [sale.id_of("variant") for sale in sales]

    few = await read_nodes(conn, ids[:3], "Variant { advert { ... on Advert { id } } }")
    many = await read_nodes(conn, ids, "Variant { advert { ... on Advert { id } } }")

    assert many.data[29]["advert"] == {"id": sales[29].id_of("advert")}
    assert (few.statements, many.statements) == (2, 2)
