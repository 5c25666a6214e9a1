"""Other sellers' webhooks cost a batch nothing."""

import json
from typing import Any

import asyncpg
import pytest
from asyncpg.connection import LoggedQuery

from app.db.pool import connection
from schema.entities.declarations import ENTITIES
from tests.builders.deliveries import create_subscription
from tests.builders.sales import create_sale, create_sales
from tests.builders.sellers import create_seller
from tests.support.outbox import Publisher, know_webhooks, recorded
from workers.publish.job import publish_batch
from workers.publish.subscribing_sellers import _statement


async def statements_of_a_change(publisher: Publisher, invoice_id: int, cents: int) -> int:
    found: list[LoggedQuery] = []
    await publisher.conn.execute("update invoices set total_cents = $1 where id = $2", cents, invoice_id)
    await publisher.conn.execute("delete from change_events where entity_type <> 'Invoice'")
    await know_webhooks(publisher.resources)
    # A task has one connection of the pool: publishing runs on this one.
    async with connection(publisher.resources.database) as conn:
        conn.add_query_logger(found.append)
        assert await publish_batch(publisher.resources) == 1
        conn.remove_query_logger(found.append)
    return len(found)


async def test_statements_do_not_depend_on_other_sellers_webhooks(publisher: Publisher) -> None:
    sale = await create_sale(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("totalCents", seller_id=sale.seller.id)
    await statements_of_a_change(publisher, sale.invoice.id, 1)
    of_one = await statements_of_a_change(publisher, sale.invoice.id, 2)
    for _ in range(20):
        await publisher.subscribe("totalCents", seller_id=(await create_seller(publisher.conn)).id)
    await publisher.conn.execute("update change_events set published_at = now()")

    of_many = await statements_of_a_change(publisher, sale.invoice.id, 3)

    assert of_many == of_one
    assert len(await publisher.made()) == 3


async def test_each_seller_is_told_of_its_own_part_of_a_batch(publisher: Publisher) -> None:
    first, second = await create_sales(publisher.conn, 2)
    await recorded(publisher.conn)
    webhooks = {
        await publisher.subscribe("totalCents", seller_id=sale.seller.id): sale.invoice.id for sale in (first, second)
    }

    await publisher.conn.execute("update invoices set total_cents = 7")

    made = await publisher.publish()
    assert {one.webhook_id: one.entity for one in made} == {
        webhook_id: ("Invoice", invoice_id) for webhook_id, invoice_id in webhooks.items()
    }
    assert len(made) == 2


@pytest.mark.parametrize(
    "entity_type", ["Invoice", "Shipment", "RefundRequest", "Variant", "Seller", "OperationalEvent"]
)
async def test_no_rule_has_every_sellers_webhook_looked_at(conn: asyncpg.Connection, entity_type: str) -> None:
    webhook = await create_subscription(conn, "http://127.0.0.1:9/")
    await create_sales(conn, 10)
    await conn.execute(
        "insert into sellers (business_name, email_address) select 's', 'e' from generate_series(1, 3000)"
    )
    await conn.execute(
        "insert into webhooks (seller_id, type, event_names, url, query_string, secrets)"
        " select s.id, 'INVOICE', '{UPDATE}', w.url, '', w.secrets from sellers s, webhooks w where w.id = $1",
        webhook.id,
    )
    await conn.execute(
        "insert into operational_events (webhook_id, kind, reason) select id, 'FAILING', 'so' from webhooks"
        " order by id desc limit 10"
    )
    await conn.execute("analyze")
    ids = await conn.fetch(f"select id from {ENTITIES[entity_type].table.name} order by id limit 10")

    plan = await conn.fetchval(f"explain (analyze, format json) {_statement(entity_type)}", [row["id"] for row in ids])

    assert len(await conn.fetch(_statement(entity_type), [row["id"] for row in ids])) == 10
    assert _rows_of(json.loads(plan)[0]["Plan"]) < 1000


def _rows_of(node: dict[str, Any]) -> float:
    """Rows that a plan's nodes came upon, kept or not."""
    kept_or_not = sum(
        node.get(name, 0) for name in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter")
    )
    return float(kept_or_not * node["Actual Loops"] + sum(_rows_of(inner) for inner in node.get("Plans", ())))
