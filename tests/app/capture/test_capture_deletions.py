"""A deletion, soft or for good, is recorded of the row and of the rows that depend on it."""

from datetime import UTC, datetime

from app.db.pool import Connection
from tests.builders.adverts import create_advert
from tests.builders.refund_requests import create_refund_request
from tests.builders.shipments import create_shipped_item
from tests.builders.variants import create_variant
from tests.support.outbox import recorded


async def test_deleting_for_good_records_whose_it_was(conn: Connection) -> None:
    variant, request = await create_variant(conn), await create_refund_request(conn)
    seller_id = await conn.fetchval("select seller_id from invoices where id = $1", request.invoice_id)
    await recorded(conn)

    await conn.execute("delete from variants")
    await conn.execute("delete from refund_requests")

    assert [(one.entity, one.operation, one.seller_id) for one in await recorded(conn)] == [
        (("Variant", variant.id), "DESTROY", variant.seller_id),
        (("RefundRequest", request.id), "DESTROY", seller_id),
        (("Invoice", request.invoice_id), "UPDATE", None),
    ]


async def test_a_cascade_leaves_the_destroy_standing(conn: Connection) -> None:
    item = await create_shipped_item(conn)
    line = await conn.fetchrow("select * from line_items where id = $1", item.line_item_id)
    assert line is not None
    await conn.execute(
        "alter table line_items drop constraint line_items_invoice_id_fkey, add foreign key (invoice_id)"
        " references invoices on delete cascade"
    )
    await conn.execute("delete from shipped_items")
    await conn.execute("delete from shipments")
    await recorded(conn)

    await conn.execute("delete from invoices")

    found = await recorded(conn)
    assert {one.entity for one in found} == {("Invoice", line["invoice_id"])}
    assert found[0].operation == "DESTROY"
    assert {one.operation for one in found[1:]} <= {"UPDATE"}


async def test_soft_delete_is_destroy_and_restoring_is_create(conn: Connection) -> None:
    variant = await create_variant(conn)
    await recorded(conn)

    await conn.execute("update variants set deleted_at = now()")
    await conn.execute("update variants set deleted_at = null, sku = 'B'")

    found = await recorded(conn)
    assert [one.operation for one in found] == ["DESTROY", "CREATE"]
    assert found[1].columns == [
        "variants.deleted_at",
        "variants.is_buyable",
        "variants.is_displayable",
        "variants.sku",
    ]
    assert found[1].changes == [("variants", variant.id, "i", ["sku", "deleted_at", "is_displayable", "is_buyable"])]


async def test_what_is_deleted_softly_is_neither_created_nor_destroyed_by_its_row(conn: Connection) -> None:
    variant = await create_variant(conn)
    await conn.execute("update variants set deleted_at = now()")
    await recorded(conn)

    await create_variant(conn, advert_id=variant.advert_id, deleted_at=datetime.now(UTC))
    await conn.execute("delete from variants")

    assert await recorded(conn) == []


async def test_advert_reports_to_its_live_variants_only(conn: Connection) -> None:
    advert = await create_advert(conn)
    live, dead = [await create_variant(conn, advert_id=advert.id) for _ in range(2)]
    await conn.execute("update variants set deleted_at = now() where id = $1", dead.id)
    await recorded(conn)

    await conn.execute("update adverts set deleted_at = now()")

    told = await recorded(conn)
    assert [(one.entity, one.operation) for one in told] == [(("Variant", live.id), "UPDATE")] * 2
    # The variant is not displayable any more.
    assert sorted(change for one in told for change in one.changes) == [
        ("adverts", advert.id, "d", ["deleted_at", "is_displayable"]),
        ("variants", live.id, "u", ["is_advert_displayable", "is_displayable", "is_buyable", "updated_at"]),
    ]
