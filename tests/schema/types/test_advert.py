from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.adverts import create_advert
from tests.builders.sales import create_sales
from tests.builders.variants import create_variant
from tests.support.operation import read_node, read_nodes


async def test_shows_what_the_row_holds(conn: Connection) -> None:
    advert = await create_advert(
        conn, code="K-1", description="1 < 2\n\nYes", condition="USED", product_features=["Red", "Round"]
    )

    answer = await read_node(
        conn,
        global_ids.encode("Advert", advert.id),
        "Advert { id legacyId title fullTitle description descriptionHtml code condition published online"
        " vetted displayable taxCode productFeatures url pagePath }",
    )

    assert answer.errors == []
    assert answer.data == {
        "id": "QWR2ZXJ0LTE=",
        "legacyId": 1,
        "title": "Kettle",
        "fullTitle": "Kettle (K-1)",
        "description": "1 < 2\n\nYes",
        "descriptionHtml": "<p>1 &lt; 2</p><p>Yes</p>",
        "code": "K-1",
        "condition": "USED",
        "published": True,
        "online": True,
        "vetted": True,
        "displayable": True,
        "taxCode": None,
        "productFeatures": ["Red", "Round"],
        "url": None,
        "pagePath": "/adverts/1",
    }


async def test_is_not_displayable_before_it_is_vetted(conn: Connection) -> None:
    advert = await create_advert(conn, is_vetted=False)

    answer = await read_node(conn, global_ids.encode("Advert", advert.id), "Advert { vetted displayable }")

    assert answer.data == {"vetted": False, "displayable": False}


async def test_variants_come_in_pages_without_deleted_ones(conn: Connection) -> None:
    advert = await create_advert(conn)
    await create_variant(conn)
    first = await create_variant(conn, advert_id=advert.id)
    deleted = await create_variant(conn, advert_id=advert.id)
    last = await create_variant(conn, advert_id=advert.id)
    await conn.execute("update variants set deleted_at = now() where id = $1", deleted.id)

    answer = await read_node(
        conn,
        global_ids.encode("Advert", advert.id),
        "Advert { seller { id } variants(last: 1) { totalCount nodes { legacyId }"
        " pageInfo { hasPreviousPage hasNextPage } } all: variants { nodes { legacyId } } }",
    )

    assert answer.errors == []
    assert answer.data == {
        "seller": {"id": global_ids.encode("Seller", advert.seller_id)},
        "variants": {
            "totalCount": 2,
            "nodes": [{"legacyId": last.id}],
            "pageInfo": {"hasPreviousPage": True, "hasNextPage": False},
        },
        "all": {"nodes": [{"legacyId": first.id}, {"legacyId": last.id}]},
    }


async def test_statements_do_not_grow_with_the_number_of_adverts(conn: Connection) -> None:
    sales = await create_sales(conn, 30)
    ids = [sale.id_of("advert") for sale in sales]
    fragment = "Advert { seller { id } variants(first: 5) { totalCount nodes { id } } }"

    few = await read_nodes(conn, ids[:3], fragment)
    many = await read_nodes(conn, ids, fragment)

    assert many.data[29]["variants"] == {"totalCount": 1, "nodes": [{"id": sales[29].id_of("variant")}]}
    assert (few.statements, many.statements) == (4, 4)
