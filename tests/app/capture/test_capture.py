"""Every committed change of a captured table is recorded, whoever makes it and by whatever statement."""

import asyncio
import re
import time

import asyncpg
import pytest

from app.capture.captured import CAPTURED
from app.capture.statements import MAX_CHANGES
from app.db.migrate import migrate
from app.db.pool import Connection, create_database, transaction
from tests.builders.addresses import create_address
from tests.builders.adverts import create_advert
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.sales import create_sale
from tests.builders.variants import create_variant
from tests.support.outbox import recorded

#: Of each table of a sale: an assignment that changes its row, and the entities whose change that is.
CHANGES = {
    "orders": ("surname = 'King'", "order", ("invoice",)),
    "invoices": ("buyer_surname = 'King'", "invoice", ("invoice",)),
    "line_items": ("quantity_returnable = 0", "line_item", ("invoice",)),
    "shipments": ("note = 'late'", "shipment", ("invoice",)),
    "shipped_items": ("quantity = 2", "shipped_item", ("invoice",)),
    "invoice_amendments": ("tax_cents = 7", "invoice_amendment", ("invoice",)),
    "invoice_amendment_line_items": ("tax_cents = 7", "invoice_amendment_line_item", ("invoice",)),
    "refund_requests": ("total_cents = 7", "refund_request", ("refund_request", "invoice")),
    "refund_request_line_items": ("reason = 'x'", "refund_request_line_item", ("refund_request", "invoice")),
    "refund_request_notes": ("note = 'x'", "refund_request_note", ("refund_request", "invoice")),
    "adverts": ("title = 'Pot'", "advert", ("variant",)),
    "variants": ("sku = 'P'", "variant", ("variant",)),
}
ENTITY_TYPES = {"invoice": "Invoice", "refund_request": "RefundRequest", "variant": "Variant"}


TABLES = sorted({captured.table for captured in CAPTURED})


def test_every_table_of_a_sale_is_captured() -> None:
    assert set(CHANGES) <= set(TABLES)


@pytest.mark.parametrize("table", CHANGES)
async def test_a_change_is_recorded_for_its_entities_and_no_change_is_not(conn: Connection, table: str) -> None:
    sale, (assignment, attribute, entities) = await create_sale(conn), CHANGES[table]
    row_id, column = getattr(sale, attribute).id, assignment.split(" = ")[0]
    await recorded(conn)

    await conn.execute(f"update {table} set {column} = {column} where id = $1", row_id)
    await conn.execute(f"update {table} set {column} = {column} where false")
    await conn.execute(f"update {table} set {assignment} where id = $1", row_id)

    found = await recorded(conn)
    assert {(one.entity, one.operation, *one.columns) for one in found} == {
        ((ENTITY_TYPES[entity], getattr(sale, entity).id), "UPDATE", f"{table}.{column}") for entity in entities
    }
    # A note of a line is recorded by both ways: as one of the request's, and as one of its line's.
    assert len(found) == len(entities) * (2 if table == "refund_request_notes" else 1)
    assert {tuple(map(str, one.changes[0])) for one in found} == {(table, str(row_id), "u", f"['{column}']")}


@pytest.mark.parametrize("table", sorted({captured.table for captured in CAPTURED if not captured.is_log}))
async def test_generated_function_compares_every_column(conn: Connection, table: str) -> None:
    source = await conn.fetchval("select prosrc from pg_proc where proname = $1", f"capture_{table}")
    columns = await conn.fetch(
        "select column_name from information_schema.columns where table_schema = 'public' and table_name = $1", table
    )

    compared = set(
        re.findall(
            r'o\."(\w+)"(?:::text)? is distinct from n\."\1"', source.split("on o.id = n.id")[1].split("offset 0")[0]
        )
    )

    (ignored,) = [set(captured.ignored) for captured in CAPTURED if captured.table == table]
    assert compared == {row["column_name"] for row in columns} - ignored
    assert ignored <= {"updated_at", "seller_id"}


@pytest.mark.parametrize(
    ("table", "column", "entities"),
    [
        ("orders", "address_id", {"Order", "Invoice"}),
        ("invoices", "shipping_address_id", {"Invoice"}),
        ("shipments", "shipped_from_id", {"Shipment"}),
        ("sellers", "address_id", {"Seller"}),
    ],
)
async def test_an_address_is_a_part_of_what_names_it_itself(
    conn: Connection, table: str, column: str, entities: set[str]
) -> None:
    await create_sale(conn)
    address = await create_address(conn)
    await conn.execute(f"update {table} set {column} = $1", address.id)
    await conn.execute("update change_events set published_at = now()")

    await conn.execute("update addresses set city = 'Perth' where id = $1", address.id)

    found = await conn.fetch("select distinct entity_type from change_events where published_at is null")
    assert {row["entity_type"] for row in found} == entities


async def test_updated_at_alone_is_no_change(conn: Connection) -> None:
    sale = await create_sale(conn)
    await recorded(conn)

    await conn.execute("update invoices set updated_at = now() + interval '1 day' where id = $1", sale.invoice.id)

    assert await recorded(conn) == []


async def test_bulk_update_is_one_trigger_call(conn: Connection) -> None:
    invoice = await create_invoice(conn)
    await conn.execute(
        "insert into line_items (invoice_id, quantity, quantity_awaiting_dispatch, quantity_returnable,"
        " item_amount_cents, total_cents, subtotal_cents, currency)"
        " select $1, 1, 1, 1, 1, 1, 1, 'AUD' from generate_series(1, 10000)",
        invoice.id,
    )
    await recorded(conn)
    await conn.execute("set track_functions = 'all'")

    async with conn.transaction():
        await conn.execute("update line_items set total_cents = 2")
        calls = await conn.fetchval(
            "select calls from pg_stat_xact_user_functions where funcname = 'capture_line_items'"
        )

    (one,) = await recorded(conn)
    assert calls == 1
    assert (one.entity, one.columns, one.is_cut) == (("Invoice", invoice.id), ["line_items.total_cents"], True)
    assert len(one.changes) == MAX_CHANGES


async def test_fifty_rows_are_all_named_and_not_cut(conn: Connection) -> None:
    invoice = await create_invoice(conn)
    lines = [await create_line_item(conn, invoice_id=invoice.id) for _ in range(50)]
    await recorded(conn)

    await conn.execute("update line_items set total_cents = 2")

    (one,) = await recorded(conn)
    assert (one.is_cut, [change[1] for change in one.changes]) == (False, [line.id for line in lines])


async def test_rolled_back_changes_leave_nothing(conn: Connection) -> None:
    variant = await create_variant(conn)
    await recorded(conn)

    async with conn.transaction():
        await conn.execute("savepoint s")
        await conn.execute("update variants set sku = 'lost'")
        await conn.execute("rollback to s")
        await conn.execute("update variants set barcode = 'kept'")
    whole = conn.transaction()
    await whole.start()
    await conn.execute("update variants set sku = 'lost'")
    await whole.rollback()

    (one,) = await recorded(conn)
    assert (one.entity, one.columns) == (("Variant", variant.id), ["variants.barcode"])


async def test_upsert_and_copy_are_captured(conn: Connection) -> None:
    invoice, advert = await create_invoice(conn), await create_advert(conn)
    await recorded(conn)
    upsert = (
        "insert into variants (id, advert_id, seller_id, label) overriding system value values (7, $1, $2, $3)"
        " on conflict (id) do update set label = excluded.label"
    )

    for label in ("a", "b", "b"):
        await conn.execute(upsert, advert.id, advert.seller_id, label)
    columns = ["invoice_id", "carrier", "tracking_number"]
    await conn.copy_records_to_table("shipments", records=[(invoice.id, "Post", "T")] * 2, columns=columns)

    assert [(one.entity, one.operation, one.columns, len(one.changes)) for one in await recorded(conn)] == [
        (("Variant", 7), "CREATE", ["variants.*"], 1),
        (("Variant", 7), "UPDATE", ["variants.label"], 1),
        (("Invoice", invoice.id), "UPDATE", ["shipments.*"], 2),
    ]


async def test_a_child_that_moves_reports_to_both_parents(conn: Connection) -> None:
    line = await create_line_item(conn)
    other = await create_invoice(conn)
    await recorded(conn)

    await conn.execute("update line_items set invoice_id = $1", other.id)

    found = {one.entity[1]: (one.operation, one.columns) for one in await recorded(conn)}
    assert found == {parent: ("UPDATE", ["line_items.invoice_id"]) for parent in (line.invoice_id, other.id)}


@pytest.mark.parametrize("table", TABLES)
async def test_truncate_is_refused(conn: Connection, table: str) -> None:
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="Use DELETE"):
        await conn.execute(f"truncate {table} cascade")


async def test_a_role_without_rights_on_the_outbox_is_captured(conn: Connection) -> None:
    variant = await create_variant(conn)
    await recorded(conn)

    async with conn.transaction():
        await conn.execute("create role tg_importer_of_test")
        await conn.execute("grant select, update on variants to tg_importer_of_test")
        await conn.execute("set local role tg_importer_of_test")
        await conn.execute("update variants set sku = 'imported'")
        await conn.execute("reset role")
        await conn.execute("drop owned by tg_importer_of_test")
        await conn.execute("drop role tg_importer_of_test")

    assert [one.entity for one in await recorded(conn)] == [("Variant", variant.id)]


async def test_replication_role_does_not_bypass(conn: Connection) -> None:
    variant = await create_variant(conn)
    await recorded(conn)

    await conn.execute("set session_replication_role = replica")
    await conn.execute("update variants set sku = 'replicated'")

    assert [one.entity for one in await recorded(conn)] == [("Variant", variant.id)]


async def test_a_column_added_later_is_captured_after_migrating(conn: Connection, database_url: str) -> None:
    await create_variant(conn)
    await conn.execute("alter table variants add shade text, add place point, add facts json")

    await asyncio.to_thread(migrate, database_url)

    await recorded(conn)
    await conn.execute("update variants set shade = 'dark', place = point(1, 2), facts = '[]'")
    (one,) = await recorded(conn)
    assert one.columns == ["variants.facts", "variants.place", "variants.shade"]


async def test_the_actor_is_recorded_for_its_own_transaction(conn: Connection, database_url: str) -> None:
    await create_variant(conn)
    await recorded(conn)

    async with create_database(database_url, pool_size=2) as database:
        async with transaction(database, actor="seller:5") as ours:
            await ours.execute("update variants set sku = 'B'")
        async with transaction(database) as ours:
            await ours.execute("update variants set sku = 'C'")

    assert [one.actor for one in await recorded(conn)] == ["seller:5", None]


async def test_doorbell_rings_at_most_once_in_20_ms_and_not_for_nothing(
    conn: asyncpg.Connection, database_url: str
) -> None:
    await create_variant(conn)
    rings: list[float] = []
    listener = await asyncpg.connect(database_url)
    await listener.add_listener("tellgraph", lambda *_: rings.append(time.monotonic()))
    await asyncio.sleep(0.03)  # The builder's own ring is out of the way.

    began = time.monotonic()
    for number in range(150):
        await conn.execute("update variants set count_on_hand = $1", number + 100)
    took_ms = (time.monotonic() - began) * 1000
    await asyncio.sleep(0.03)
    await conn.execute("update variants set count_on_hand = count_on_hand")
    await conn.execute("notify tellgraph, 'last'")
    await listener.execute("select 1")
    await listener.close()

    assert 2 <= len(rings) <= took_ms / 20 + 2
