"""invoices: what is counted, for whom, and how many statements a page takes."""

from app.auth.viewers import Viewer
from app.db.pool import Connection
from tests.builders.invoices import create_invoice
from tests.builders.orders import create_order
from tests.builders.sales import create_sales
from tests.builders.sellers import create_seller
from tests.support.operation import run_operation


async def test_total_is_counted_only_when_selected_and_with_the_filters(conn: Connection) -> None:
    invoices = [await create_invoice(conn) for _ in range(3)]
    filters = 'filters: {buyerName: "ada", createdSince: "2000-01-01T00:00:00Z"}, after: null'

    without = await run_operation(conn, f"{{ invoices(first: 1, {filters}) {{ nodes {{ legacyId }} }} }}")
    counted = await run_operation(conn, f"{{ invoices(first: 1, {filters}) {{ totalCount nodes {{ legacyId }} }} }}")

    assert (without.statements, counted.statements) == (1, 2)
    assert counted.data["invoices"] == {"totalCount": 3, "nodes": [{"legacyId": invoices[0].id}]}


async def test_seller_sees_and_counts_its_own(conn: Connection) -> None:
    own, _ = await create_sales(conn, 2)

    answer = await run_operation(conn, "{ invoices { totalCount nodes { legacyId } } }", viewer=Viewer(own.seller.id))

    assert answer.data["invoices"] == {"totalCount": 1, "nodes": [{"legacyId": own.invoice.id}]}


async def test_statements_of_a_page_depend_on_the_query_alone(conn: Connection) -> None:
    order, seller = await create_order(conn), await create_seller(conn)
    for number in range(50):
        await create_invoice(conn, order_id=order.id, seller_id=seller.id, buyer_surname=f"B{number:02}")
    document = """query($name: String) { invoices(filters: {buyerName: $name}, sort: {fields: STATUS}, first: 50) {
      totalCount nodes { id order { id } seller { id } lineItems { id } shipments { id } } } }"""

    three = await run_operation(conn, document, name="B4")
    fifty = await run_operation(conn, document, name="B")

    assert (three.data["invoices"]["totalCount"], fifty.data["invoices"]["totalCount"]) == (10, 50)
    assert three.statements == fifty.statements == 6
