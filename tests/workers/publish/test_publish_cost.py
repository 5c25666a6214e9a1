"""The cost of publishing grows with distinct work, not with entities or subscribers."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from asyncpg.connection import LoggedQuery

from app.db.pool import Connection, connection
from tests.builders.bulk_rows import columns_of
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.orders import create_order
from tests.builders.sales import create_sale
from tests.builders.sellers import create_seller
from tests.support.outbox import Publisher, know_webhooks, recorded
from workers.publish import step
from workers.publish.job import publish_batch
from workers.resources import Resources

NESTED = """
  totalCents
  order { surname }
  seller { businessName }
  lineItems { quantity variant { sku advert { ... on Advert { title seller { businessName } } } } }
  shipments { carrier shippedItems { quantity lineItem { variantSku } } }
  refundRequests { status lineItems { reason lineItem { variantSku } notes { note } } notes { note } }
  amendments { totalCents lineItems { totalCents } }
"""


@contextmanager
def statements(raw: Connection) -> Iterator[list[str]]:
    """Every statement that runs on a connection, transaction control included."""
    found: list[str] = []

    def log(query: LoggedQuery) -> None:
        found.append(query.query)

    raw.add_query_logger(log)
    try:
        yield found
    finally:
        raw.remove_query_logger(log)


async def statements_of_a_batch(resources: Resources) -> tuple[int, int]:
    """Change events published at once, and the statements that it took."""
    async with connection(resources.database) as conn:
        # An invoice's change is also one of its order, in another shard: not what is counted here.
        await conn.execute("update change_events set published_at = now() where entity_type <> 'Invoice'")
    await know_webhooks(resources)
    # A task has one connection of the pool: publishing runs on this one.
    async with connection(resources.database) as conn:
        with statements(conn) as found:
            published = await publish_batch(resources)
    return published, len(found)


async def invoices_of_one_shard(conn: Connection, count: int) -> list[int]:
    """Invoices with no lines, some, and many; all in the shard of the first, so that they are one batch."""
    sale = await create_sale(conn)
    shard = await conn.fetchval("select shard from change_events where entity_type = 'Invoice' limit 1")
    free = await conn.fetch(
        "select n from generate_series(1000, 40000) n"
        " where hashint8extended(n, hashtext('Invoice')) & 63 = $1 limit $2",
        shard,
        count - 1,
    )
    ids = [sale.invoice.id, *(row["n"] for row in free)]
    columns = ", ".join(await columns_of(conn, "invoices"))
    await conn.executemany(
        f"insert into invoices (id, {columns}) overriding system value"
        f" select $1, {columns} from invoices where id = $2",
        [(id_, sale.invoice.id) for id_ in ids[1:]],
    )
    for number, id_ in enumerate(ids[1:6]):
        for _ in range(number * 3):
            await create_line_item(conn, invoice_id=id_, variant_id=sale.variant.id if number % 2 else None)
    await recorded(conn)
    return ids


async def test_statements_do_not_depend_on_the_number_of_entities(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A slow step also looks for attempts that have failed meanwhile.
    monkeypatch.setattr(step, "LOOK_AGAIN_S", 60)
    conn = publisher.conn
    ids = await invoices_of_one_shard(conn, 200)
    await publisher.subscribe(NESTED)

    taken = []
    # The first batch is there for what a new connection asks once.
    for number, chosen in enumerate((ids[:2], ids[:5], ids)):
        await conn.execute("update invoices set total_cents = $1 where id = any($2)", number + 5, chosen)
        taken.append(await statements_of_a_batch(publisher.resources))

    (_, _), (few, of_few), (many, of_many) = taken
    assert (few, many) == (5, 200)
    assert of_many == of_few
    made = await publisher.made()
    assert [one.state for one in made].count("PENDING") == 200
    assert all("errors" not in one.response for one in made)


async def test_a_hundred_webhooks_with_one_query_render_once(publisher: Publisher) -> None:
    conn = publisher.conn
    await create_sale(conn)
    await recorded(conn)
    await publisher.subscribe(NESTED)
    for cents in (1, 2):
        await conn.execute("update invoices set total_cents = $1", cents)
        _, of_one = await statements_of_a_batch(publisher.resources)
        await publisher.deliver()
    for _ in range(99):
        await publisher.subscribe(NESTED)

    await conn.execute("update invoices set total_cents = 3")
    _, of_hundred = await statements_of_a_batch(publisher.resources)

    assert of_hundred == of_one
    assert await conn.fetchval("select count(*) from webhook_events where state = 'PENDING'") == 100
    assert await conn.fetchval("select count(*) from payloads") == 3


async def test_two_viewers_never_share_a_rendering(publisher: Publisher) -> None:
    conn = publisher.conn
    seller, order = await create_seller(conn), await create_order(conn, surname="Secret")
    await publisher.subscribe("order { surname }")
    await publisher.subscribe("order { surname }", seller_id=seller.id)

    await create_invoice(conn, seller_id=seller.id, order_id=order.id)

    of_operator, of_seller = await publisher.publish()
    assert of_operator.response["data"] == {"node": {"order": {"surname": "Secret"}}}
    assert of_seller.response["data"] == {"node": {"order": None}}
