from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.invoices import create_invoice
from tests.builders.orders import create_order
from tests.builders.sales import create_sales
from tests.support.operation import read_node, read_nodes


async def test_shows_what_the_row_holds(conn: Connection) -> None:
    order = await create_order(
        conn, token="T-1", billing_surname="King", is_gift=True, total_cents=2300, shipping_cost_cents=300
    )

    answer = await read_node(
        conn,
        global_ids.encode("Order", order.id),
        "Order { id legacyId token status firstName surname phone emailAddress companyName billingFirstName"
        " billingSurname isGift messageToSeller paymentInstrumentType totalCents subtotalFormatted"
        " taxTotalCents shippingCostFormatted discountCents }",
    )

    assert answer.errors == []
    assert answer.data == {
        "id": "T3JkZXItMQ==",
        "legacyId": 1,
        "token": "T-1",
        "status": "COMPLETE",
        "firstName": "Ada",
        "surname": "Byron",
        "phone": None,
        "emailAddress": "ada@buyers.example",
        "companyName": None,
        "billingFirstName": None,
        "billingSurname": "King",
        "isGift": True,
        "messageToSeller": None,
        "paymentInstrumentType": None,
        "totalCents": 2300,
        "subtotalFormatted": "$20.00",
        "taxTotalCents": 0,
        "shippingCostFormatted": "$3.00",
        "discountCents": 0,
    }


async def test_invoices_come_in_pages(conn: Connection) -> None:
    order = await create_order(conn)
    await create_invoice(conn)
    ids = [global_ids.encode("Invoice", (await create_invoice(conn, order_id=order.id)).id) for _ in range(3)]
    order_id = global_ids.encode("Order", order.id)
    page = "nodes { id } totalCount pageInfo { hasNextPage hasPreviousPage endCursor }"

    first = (await read_node(conn, order_id, f"Order {{ invoices(first: 2) {{ {page} }} }}")).data["invoices"]
    after = f'after: "{first["pageInfo"]["endCursor"]}"'
    rest = (await read_node(conn, order_id, f"Order {{ invoices({after}) {{ {page} }} }}")).data["invoices"]

    assert [node["id"] for node in first["nodes"] + rest["nodes"]] == ids
    assert (first["totalCount"], rest["totalCount"]) == (3, 3)
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert (first["pageInfo"]["hasPreviousPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)


async def test_statements_do_not_grow_with_the_number_of_orders(conn: Connection) -> None:
    sales = await create_sales(conn, 30)
    ids = [sale.id_of("order") for sale in sales]
    fragment = "Order { invoices(first: 2) { totalCount edges { cursor node { id } } } }"

    few = await read_nodes(conn, ids[:3], fragment)
    many = await read_nodes(conn, ids, fragment)

    assert [order["invoices"]["totalCount"] for order in many.data] == [1] * 30
    assert (few.statements, many.statements) == (3, 3)
