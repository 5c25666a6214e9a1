"""Rows that logical replication applies are recorded as if a program had written them here: each once."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest

from app.webhooks.domain.webhook import WebhookKlass
from tests.builders.bulk_rows import insert_copies
from tests.builders.sales import Sale, create_sales
from tests.builders.variants import create_variant
from tests.support.outbox import recorded, running_publisher
from tests.support.replication import Replication, replicating_servers

TABLES = (
    "sellers",
    "adverts",
    "variants",
    "orders",
    "invoices",
    "line_items",
    "shipments",
    "shipped_items",
    "refund_requests",
    "refund_request_line_items",
)


@pytest.fixture
async def replication() -> AsyncIterator[Replication]:
    async with replicating_servers() as running:
        yield running


async def events_of(conn: asyncpg.Connection) -> list[tuple[Any, ...]]:
    """Return the changes recorded since the last call, in the order of each entity's events."""
    rows = await conn.fetch(
        "with taken as (update change_events set published_at = now() where published_at is null returning *)"
        " select * from taken order by entity_type, entity_id, id"
    )
    return [
        (
            row["entity_type"],
            row["entity_id"],
            row["operation"],
            tuple(row["columns"]),
            orjson.dumps(orjson.loads(row["changes"])),
            row["seller_id"],
        )
        for row in rows
    ]


async def two_copied_sales(replication: Replication) -> tuple[Sale, Sale]:
    sale, other = await create_sales(replication.there, 2)
    await replication.subscribe(*TABLES)
    await recorded(replication.there)
    return sale, other


async def test_first_copy_is_recorded_once(replication: Replication) -> None:
    await two_copied_sales(replication)

    created = Counter(one[0] for one in await events_of(replication.here) if one[2] == "CREATE")
    entities = ("Seller", "Advert", "Variant", "Order", "Invoice", "Shipment", "RefundRequest", "RefundRequestLineItem")
    assert created == dict.fromkeys(entities, 2)


async def test_what_is_applied_is_recorded_as_it_was_there(replication: Replication) -> None:
    sale, other = await two_copied_sales(replication)
    there, here = replication.there, replication.here
    await events_of(here)

    for statement in (
        f"update variants set sku = 'R', price_cents = 7 where id = {sale.variant.id}",
        f"update variants set updated_at = now() where id = {sale.variant.id}",
        f"update variants set deleted_at = now() where id = {sale.variant.id}",
        f"update variants set deleted_at = null where id = {sale.variant.id}",
        f"update variants set id = default where id = {other.variant.id}",
        f"update line_items set invoice_id = {other.invoice.id} where id = {sale.line_item.id}",
        f"update shipments set invoice_id = {other.invoice.id} where id = {sale.shipment.id}",
        f"update invoices set seller_id = {sale.seller.id} where id = {other.invoice.id}",
        f"delete from shipped_items where id = {other.shipped_item.id}",
        f"delete from shipments where id = {other.shipment.id}",
        f"begin; update orders set surname = 'a' where id = {sale.order.id}; savepoint s;"
        f" update orders set surname = 'lost' where id = {sale.order.id}; rollback to s;"
        f" update orders set phone = 'b' where id = {sale.order.id}; commit",
    ):
        await there.execute(statement)
    await create_variant(there, advert_id=sale.advert.id)
    await replication.catch_up()

    expected = await events_of(there)
    assert await events_of(here) == expected
    assert len(expected) > 20
    assert {one[5] for one in expected} == {None, sale.seller.id, other.seller.id}


async def test_webhooks_are_told_of_what_is_applied(replication: Replication) -> None:
    sale, _ = await two_copied_sales(replication)
    await recorded(replication.here)

    async with running_publisher(replication.here, replication.here_url) as publisher:
        await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, seller_id=sale.seller.id)
        await replication.there.execute("update variants set sku = 'R'")
        await replication.catch_up()
        made = await publisher.publish()

    assert [(one.entity, one.outcome, one.response) for one in made] == [
        (("Variant", sale.variant.id), ("update", "PENDING"), {"data": {"node": {"sku": "R"}}})
    ]


async def test_what_is_streamed_and_prepared_is_recorded_once(replication: Replication) -> None:
    there, here = replication.there, replication.here
    await create_sales(there, 1)
    ids = await insert_copies(there, "variants", 2000)
    # Transactions leave before they end, and are applied by workers beside the first one.
    await there.execute("alter system set logical_decoding_work_mem = '64kB'")
    await there.execute("select pg_reload_conf()")
    await replication.subscribe(*TABLES, options="with (streaming = parallel, two_phase = true)")
    await recorded(there)
    await recorded(here)

    await there.execute(f"update variants set label = label || 'x' where id >= {ids[0]}")
    await there.execute("begin; update variants set sku = 'P'; prepare transaction 'xa'")
    await there.execute("commit prepared 'xa'")
    await replication.catch_up()

    counts = Counter((one.entity[0], tuple(one.columns)) for one in await recorded(here))
    assert counts == {("Variant", ("variants.label",)): 2000, ("Variant", ("variants.sku",)): 2001}


async def test_statements_in_the_role_of_replication_are_recorded_once(conn: asyncpg.Connection) -> None:
    await create_sales(conn, 1)
    await insert_copies(conn, "variants", 3)
    await recorded(conn)
    await conn.execute("set session_replication_role = replica")

    async with conn.transaction():
        await conn.execute("update variants set sku = 'a'")
        await conn.execute("do $$ begin update variants set sku = 'b'; end $$")
    await conn.execute("delete from variants")

    found = Counter((one.operation, tuple(one.columns)) for one in await recorded(conn))
    assert found == {("UPDATE", ("variants.sku",)): 8, ("DESTROY", ("variants.*",)): 4}
