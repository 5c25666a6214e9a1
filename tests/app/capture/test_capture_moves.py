"""Entities that go to another seller, or are deleted together with the row that names their seller."""

import pytest

from app.db.pool import Connection
from tests.builders.sales import Sale, create_sale, create_sales
from tests.support.outbox import recorded

#: What an invoice's seller sees through it.
THROUGH_INVOICE = {"Shipment": "shipments", "RefundRequest": "refund_requests"}

Left = tuple[str, int, str, int | None]
"""Entity type, its id, the operation, and the seller recorded with it."""


async def left(conn: Connection) -> list[Left]:
    """All recorded since the last call that has a seller, or is a destroy; by type and id."""
    rows = await conn.fetch(
        "with taken as (update change_events set published_at = now() where published_at is null returning *)"
        " select entity_type, entity_id, operation, seller_id from taken"
        " where seller_id is not null or operation = 'DESTROY' order by 1, 2, 3"
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def a_small_sale(conn: Connection) -> Sale:
    """A sale whose invoice has nothing but a shipment and a refund request."""
    sale = await create_sale(conn)
    for table in (
        "shipped_items",
        "invoice_amendment_line_items",
        "invoice_amendments",
        "refund_request_notes",
        "refund_request_line_items",
        "line_items",
    ):
        await conn.execute(f"delete from {table}")
    await recorded(conn)
    return sale


@pytest.mark.parametrize(
    ("table", "attribute", "entity_type"), [("variants", "variant", "Variant"), ("adverts", "advert", "Advert")]
)
async def test_what_goes_to_another_seller_leaves_the_former_one(
    conn: Connection, table: str, attribute: str, entity_type: str
) -> None:
    sale, other = await create_sales(conn, 2)
    await recorded(conn)
    moved_id = getattr(sale, attribute).id

    await conn.execute(f"update {table} set seller_id = $1, updated_at = now()", other.seller.id)

    assert await left(conn) == [(entity_type, moved_id, "UPDATE", sale.seller.id)]


async def test_an_invoice_takes_along_what_its_seller_sees_through_it(conn: Connection) -> None:
    sale, other = await create_sales(conn, 2)
    await recorded(conn)

    await conn.execute("update invoices set seller_id = $1, total_cents = 7", other.seller.id)

    columns = await conn.fetch(
        "select entity_type, columns from change_events where published_at is null and entity_type = any($1::text[])",
        [*THROUGH_INVOICE],
    )
    assert sorted(map(tuple, columns)) == [(name, ["invoices.seller_id"]) for name in sorted(THROUGH_INVOICE)]
    assert await left(conn) == [
        ("Invoice", sale.invoice.id, "UPDATE", sale.seller.id),
        ("RefundRequest", sale.refund_request.id, "UPDATE", sale.seller.id),
        ("RefundRequestLineItem", sale.refund_request_line_item.id, "UPDATE", sale.seller.id),
        ("Shipment", sale.shipment.id, "UPDATE", sale.seller.id),
    ]


@pytest.mark.parametrize(("entity_type", "table"), THROUGH_INVOICE.items())
async def test_what_comes_to_another_sellers_invoice_leaves_the_former_seller(
    conn: Connection, entity_type: str, table: str
) -> None:
    sale, other = await create_sales(conn, 2)
    moved_id = await conn.fetchval(f"select id from {table} where invoice_id = $1", sale.invoice.id)
    await recorded(conn)

    await conn.execute(f"update {table} set invoice_id = $1 where id = $2", other.invoice.id, moved_id)

    assert await left(conn) == [(entity_type, moved_id, "UPDATE", sale.seller.id)]


@pytest.mark.parametrize("table", THROUGH_INVOICE.values())
async def test_what_comes_to_another_invoice_of_its_seller_leaves_nobody(conn: Connection, table: str) -> None:
    sale = await create_sale(conn)
    other = await create_sale(conn, seller=sale.seller)
    await recorded(conn)

    await conn.execute(f"update {table} set invoice_id = $1", other.invoice.id)

    assert await left(conn) == []


async def test_what_is_deleted_while_it_moves_is_the_former_sellers_loss(conn: Connection) -> None:
    sale, other = await create_sales(conn, 2)
    await recorded(conn)

    await conn.execute("update variants set seller_id = $1, deleted_at = now()", other.seller.id)
    destroyed = await left(conn)
    await conn.execute("update variants set seller_id = $1, deleted_at = null", sale.seller.id)

    assert destroyed == [
        ("Variant", sale.variant.id, "DESTROY", sale.seller.id),
        ("Variant", other.variant.id, "DESTROY", other.seller.id),
    ]
    assert await left(conn) == []


#: Ways to delete an invoice with its parts, in which the invoice goes first or at the same time.
TOGETHER = {
    "parts in the same statement": (
        "with a as (delete from shipments returning id), b as (delete from refund_requests returning id)"
        " delete from invoices"
    ),
    "invoice in the same statement": (
        "with a as (delete from invoices returning id), b as (delete from refund_requests returning id)"
        " delete from shipments"
    ),
    "by cascade": "delete from invoices",
    "parts first": "delete from shipments; delete from refund_requests; delete from invoices",
    "invoice first": "delete from invoices; delete from shipments; delete from refund_requests",
    "the order first, by cascade": "delete from orders",
}


@pytest.mark.parametrize("way", TOGETHER)
async def test_what_is_deleted_together_with_its_invoice_keeps_its_seller(conn: Connection, way: str) -> None:
    sale = await a_small_sale(conn)
    action = "on delete cascade" if "cascade" in way else "deferrable initially deferred"
    for table, column, above in (
        ("invoices", "order_id", "orders"),
        *((table, "invoice_id", "invoices") for table in THROUGH_INVOICE.values()),
    ):
        await conn.execute(
            f"alter table {table} drop constraint {table}_{column}_fkey,"
            f" add foreign key ({column}) references {above} {action}"
        )

    async with conn.transaction():
        await conn.execute(TOGETHER[way])

    seller_id = sale.seller.id
    assert [one for one in await left(conn) if one[0] != "Order"] == [
        ("Invoice", sale.invoice.id, "DESTROY", seller_id),
        ("RefundRequest", sale.refund_request.id, "DESTROY", seller_id),
        ("Shipment", sale.shipment.id, "DESTROY", seller_id),
    ]
    assert await conn.fetchval("select count(*) from deleted_invoices") == 0


async def test_nothing_is_kept_of_an_invoice_whose_deletion_is_undone(conn: Connection) -> None:
    sale = await a_small_sale(conn)
    await conn.execute("delete from shipments; delete from refund_requests")
    await recorded(conn)

    async with conn.transaction():
        await conn.execute("savepoint s; delete from invoices; rollback to s")
        kept = await conn.fetchval("select count(*) from deleted_invoices")

    assert (kept, await left(conn)) == (0, [])
    assert await conn.fetchval("select id from invoices") == sale.invoice.id


async def test_a_new_primary_key_is_a_destroy_and_a_create(conn: Connection) -> None:
    sale = await create_sale(conn)
    await recorded(conn)

    await conn.execute("update variants set id = default, sku = 'K'")

    new_id = await conn.fetchval("select id from variants")
    rows = await conn.fetch(
        "select entity_type, entity_id, operation, columns, seller_id from change_events where published_at is null"
        " order by entity_type, entity_id"
    )
    assert [tuple(row) for row in rows] == [
        ("Advert", sale.advert.id, "UPDATE", ["variants.*"], None),
        ("Variant", sale.variant.id, "DESTROY", ["variants.*"], sale.seller.id),
        ("Variant", new_id, "CREATE", ["variants.*"], None),
    ]


async def test_a_part_with_a_new_primary_key_is_removed_and_added(conn: Connection) -> None:
    sale = await create_sale(conn)
    await conn.execute("delete from shipped_items")
    await recorded(conn)

    await conn.execute("update shipments set id = default")

    new_id = await conn.fetchval("select id from shipments")
    (of_invoice,) = await recorded(conn)
    assert of_invoice.columns == ["shipments.*"]
    assert of_invoice.changes == [("shipments", sale.shipment.id, "d", []), ("shipments", new_id, "i", [])]
