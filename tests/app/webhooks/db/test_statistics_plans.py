"""Statistics read a bounded number of rows, by indexes: of a thousand owners' hours, and of an outage's backlog."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.backlog import MAX_SHOWN, count_open_events
from app.webhooks.db.counts.delivery_minutes import list_delivery_minutes
from tests.support.watched import MeasuredConnection, buffers_read, rows_read

SELLERS = 1_000
OPEN = {"HELD": 40_000, "PENDING": 20_000, "SENDING": 100}


@pytest.fixture
async def busy(database_url: str) -> AsyncIterator[MeasuredConnection]:
    """A connection of the API to a database with a thousand sellers: a webhook and two hours of deliveries each."""
    conn = await asyncpg.connect(database_url, connection_class=MeasuredConnection)
    conn.plans, conn.looked_into = [], {}
    await conn.execute(
        f"insert into sellers (business_name, email_address) select n::text, 'e' from generate_series(1, {SELLERS}) n"
    )
    await conn.execute(
        f"""
        insert into webhooks (seller_id, type, event_names, url, query_string, secrets)
        select n, 'INVOICE', '{{UPDATE}}', 'https://example.com/', '', '' from generate_series(1, {SELLERS}) n;
        insert into delivery_minutes
        select date_trunc('minute', now()) - back * interval '1 min', seller_id, 10, 1
        from generate_series(-2, 117) back, generate_series(0, {SELLERS}) seller_id
        """
    )
    for state, count in OPEN.items():
        # All of the first seller but one each of the others.
        await conn.execute(
            "insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, changed, changed_at,"
            f" due_at) select case when n <= {SELLERS} then n else 1 end, 'Invoice', n, 'update', $1, '{{}}', now(),"
            " now() from generate_series(1, $2::int) n",
            state,
            count,
        )
    await conn.execute("vacuum analyze")
    # As the API's own connections.
    await conn.execute("set jit = off; set random_page_cost = 1.1")
    yield conn
    await conn.close()


async def test_the_hour_of_one_owner_reads_its_own_rows(busy: MeasuredConnection) -> None:
    minutes = await busy.during("one owner", list_delivery_minutes(busy, SellerId(7)))

    (plan,) = busy.plans
    assert [(one.succeeded, one.failed) for one in minutes] == [(10, 1)] * 60
    assert "Seq Scan" not in plan, plan
    assert rows_read(plan) <= 200, plan
    assert buffers_read(plan) <= 300, plan


async def test_the_hour_of_all_reads_no_other_hours(busy: MeasuredConnection) -> None:
    minutes = await busy.during("all owners", list_delivery_minutes(busy, None))

    (plan,) = busy.plans
    assert [(one.succeeded, one.failed) for one in minutes] == [(10 * (SELLERS + 1), SELLERS + 1)] * 60
    assert "Seq Scan" not in plan, plan
    assert rows_read(plan) <= 60 * (SELLERS + 2) + 200, plan


@pytest.mark.parametrize("seller_id", [None, SellerId(1)])
async def test_counting_a_backlog_ends_at_a_bound(busy: MeasuredConnection, seller_id: SellerId | None) -> None:
    found = await busy.during("backlog", count_open_events(busy, seller_id))

    (plan,) = busy.plans
    assert (found.waiting, found.held) == (MAX_SHOWN, MAX_SHOWN)
    assert found.sending == (100 if seller_id is None else 1)
    assert found.oldest_due_at is not None
    assert "Seq Scan on webhook_events_open" not in plan, plan
    assert rows_read(plan) <= 2 * MAX_SHOWN + 500, plan


async def test_a_sellers_backlog_is_found_beside_another_ones(busy: MeasuredConnection) -> None:
    found = await busy.during("backlog", count_open_events(busy, SellerId(7)))

    (plan,) = busy.plans
    assert (found.waiting, found.sending, found.held) == (1, 1, 1)
    assert "Seq Scan on webhook_events_open" not in plan, plan
    assert rows_read(plan) <= 200, plan
