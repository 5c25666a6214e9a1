"""externalIds: a plain list, that is whole or refused."""

from app.auth.viewers import Viewer
from app.db.pool import Connection
from tests.builders.owned import create_external_id
from tests.builders.sales import create_sales
from tests.builders.sellers import create_seller
from tests.support.operation import run_operation


async def test_external_ids_are_a_plain_list_with_their_owners(conn: Connection) -> None:
    sale, other = await create_sales(conn, 2)
    for one in (sale, other):
        await create_external_id(conn, "Invoice", one.invoice.id, key="erp", value=f"I-{one.invoice.id}")
        await create_external_id(conn, "Variant", one.variant.id, key="erp", value="same")
    values = f'["I-{sale.invoice.id}", "I-{other.invoice.id}"]'
    document = f'{{ externalIds(ownerType: "Invoice", key: "erp", values: {values}) {{ value owner {{ id }} }} }}'

    answer = await run_operation(conn, document)
    own = await run_operation(conn, document, viewer=Viewer(sale.seller.id))
    all_ = await run_operation(conn, '{ externalIds(value: "same") { key } none: externalIds(values: []) { key } }')

    assert [one["owner"]["id"] for one in answer.data["externalIds"]] == [sale.id_of("invoice"), other.id_of("invoice")]
    assert own.data["externalIds"] == [{"value": f"I-{sale.invoice.id}", "owner": {"id": sale.id_of("invoice")}}]
    assert all_.data == {"externalIds": [{"key": "erp"}, {"key": "erp"}], "none": []}


async def test_external_ids_are_never_cut(conn: Connection) -> None:
    seller = await create_seller(conn)
    await conn.execute(
        "insert into external_ids (owner_type, owner_id, key, value) select 'Seller', $1, n::text, 'v'"
        " from generate_series(1, 501) n",
        seller.id,
    )

    answer = await run_operation(conn, '{ externalIds(value: "v") { key } }')
    one = await run_operation(conn, '{ externalIds(key: "7", value: "v") { key } }')

    assert answer.failures == [(["externalIds"], "TOO_MANY")]
    assert one.data == {"externalIds": [{"key": "7"}]}
