"""A worker that is killed in the middle of a backfill: another goes on, and nothing is told twice or left out."""

import asyncpg
import pytest

from app.auth.viewers import Viewer
from app.db.pool import create_database
from app.webhooks.services.webhook_backfills import start_backfill
from tests.builders.deliveries import create_subscription
from tests.builders.invoices import create_invoice
from tests.support.receiver import Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process

pytestmark = pytest.mark.faults

INVOICES = 60
QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { legacyId } } }"


async def test_killed_in_the_middle_a_backfill_goes_on_where_it_was(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    conn = await asyncpg.connect(database_url)
    invoices = []
    for _ in range(INVOICES):
        invoices.append(await create_invoice(conn))
        await create_invoice(conn, buyer_first_name="Not wanted")
    await conn.execute("update change_events set published_at = now()")
    webhook = await create_subscription(conn, receiver.url(), query_string=QUERY, timeout_s=1)
    async with create_database(database_url, pool_size=2) as database:
        await start_backfill(
            database,
            Viewer(None),
            webhook_id=webhook.id,
            updated_since=None,
            updated_until=None,
            rate_per_second=20,
            is_forced=True,
            filters='{"invoices": {"buyerName": "ada"}}',
        )

    with worker_process(database_url, redis_url, deliver_lease_s=2) as worker:
        await started(worker)
        await until(lambda: conn.fetchval("select done >= 20 from webhook_backfills"))
        worker.kill()
        # At once: PostgreSQL may still be at the last commit of whoever was killed.
        together = await conn.fetchrow("select done, (select count(*) from webhook_events) from webhook_backfills")
        assert together is not None
        done, published = together
        await started(worker)
        await until(lambda: conn.fetchval("select state = 'DONE' from webhook_backfills"))
        await until(lambda: conn.fetchval("select bool_and(state = 'DELIVERED') from webhook_events"))
        await worker.stop()

    assert 20 <= done == published < INVOICES
    row = await conn.fetchrow("select total, done, skipped from webhook_backfills")
    assert row is not None
    assert tuple(row) == (INVOICES, INVOICES, 0)
    entities = await conn.fetch("select entity_id from webhook_events order by id")
    assert [one[0] for one in entities] == [invoice.id for invoice in invoices]
    told = {delivery.data["node"]["legacyId"] for delivery in receiver.deliveries}
    assert told == {invoice.id for invoice in invoices}
    await conn.close()
