from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.sellers import create_seller
from tests.support.operation import read_node


async def test_shows_what_the_row_holds(conn: Connection) -> None:
    seller = await create_seller(conn, business_number="51 824 753 556", is_online=False)

    answer = await read_node(
        conn,
        global_ids.encode("Seller", seller.id),
        "Seller { id legacyId businessName legalBusinessName businessNumber emailAddress phone online isRetailer }",
    )

    assert answer.errors == []
    assert answer.data == {
        "id": "U2VsbGVyLTE=",
        "legacyId": 1,
        "businessName": "Kettles & Co",
        "legalBusinessName": None,
        "businessNumber": "51 824 753 556",
        "emailAddress": "orders@kettles.example",
        "phone": None,
        "online": False,
        "isRetailer": True,
    }
