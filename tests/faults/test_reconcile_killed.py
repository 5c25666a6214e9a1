"""A worker that is killed in the middle of a reconcile: another goes on, and nothing is made twice or left out."""

import asyncpg
import pytest

from app.auth.viewers import Viewer
from app.db.pool import create_database
from app.webhooks.services.webhook_reconciles import start_reconcile
from tests.builders.deliveries import create_subscription
from tests.builders.invoices import create_invoice
from tests.support.receiver import Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process

pytestmark = pytest.mark.faults

INVOICES = 60
QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { legacyId } } }"


async def test_killed_in_the_middle_a_reconcile_goes_on_where_it_was(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    conn = await asyncpg.connect(database_url)
    invoices = [await create_invoice(conn) for _ in range(INVOICES)]
    await conn.execute("update change_events set published_at = now()")
    webhook = await create_subscription(conn, receiver.url(), query_string=QUERY, timeout_s=1)
    async with create_database(database_url, pool_size=2) as database:
        await start_reconcile(database, Viewer(None), webhook_id=webhook.id, rate_per_second=20)

    with worker_process(database_url, redis_url, deliver_lease_s=2) as worker:
        await started(worker)
        await until(lambda: conn.fetchval("select done >= 20 from webhook_reconciles"))
        worker.kill()
        # At once: PostgreSQL may still be at the last commit of whoever was killed.
        together = await conn.fetchrow("select done, (select count(*) from webhook_events) from webhook_reconciles")
        assert together is not None
        done, made = together
        await started(worker)
        await until(lambda: conn.fetchval("select confirmed_at is not null from webhook_reconciles"))
        await worker.stop()

    assert 20 <= done == made < INVOICES
    row = await conn.fetchrow("select state, total, done, sent, failed from webhook_reconciles")
    assert row is not None
    assert tuple(row) == ("DONE", INVOICES, INVOICES, INVOICES, 0)
    entities = await conn.fetch("select entity_id, state from webhook_events order by id")
    assert [tuple(one) for one in entities] == [(invoice.id, "DELIVERED") for invoice in invoices]
    assert {one.data["node"]["legacyId"] for one in receiver.deliveries} == {invoice.id for invoice in invoices}
    assert await conn.fetchval("select in_sync_as_of = started_at from webhooks, webhook_reconciles")
    await conn.close()
