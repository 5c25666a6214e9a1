"""Among a hundred thousand webhooks, a page of any list of them is read by an index, and counting them stays cheap."""

import os
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import strawberry

from app.auth.viewers import OPERATOR, Viewer
from app.db.keyset import Slice
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.backlog import MAX_COUNTED, count_unwell
from app.webhooks.db.webhooks import WEBHOOKS
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.domain.webhook_health import NEEDS_A_PERSON, WebhookHealth
from schema.engine.statements import listed_rows
from schema.entities import global_ids
from schema.filters.webhooks import webhooks as filters
from schema.filters.webhooks.webhooks import WebhookFilters
from tests.support.database import cloned_database
from tests.support.servers import DATABASE_VARIABLE, TEMPLATE_VARIABLE
from tests.support.watched import MeasuredConnection, buffers_read, rows_read

pytestmark = pytest.mark.asyncio(loop_scope="module")

WEBHOOKS_MADE = 100_000
#: Rows that are looked at for a page of 50, at most; and PostgreSQL's buffers.
MOST_READ, MOST_BUFFERS = 1_000, 500


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crowd() -> AsyncIterator[MeasuredConnection]:
    """A connection of the API to a database with a hundred thousand webhooks, nearly all of which are well.

    One for all tests, which leave it as it is: making them takes ten seconds.
    """
    async with cloned_database(os.environ[DATABASE_VARIABLE], os.environ[TEMPLATE_VARIABLE]) as url:
        conn = await asyncpg.connect(url, connection_class=MeasuredConnection)
        try:
            await _make_webhooks(conn)
            yield conn
        finally:
            await conn.close()


async def _make_webhooks(conn: MeasuredConnection) -> None:
    conn.plans, conn.looked_into = [], {}
    await conn.execute(
        "insert into sellers (business_name, email_address) select n::text, 'e' from generate_series(1, 1000) n"
    )
    await conn.execute(
        """
        insert into webhooks (seller_id, type, event_names, url, query_string, secrets, description, is_failing,
          failing_since, is_enabled, disabled_reason, broken_reason, paused_until)
        select nullif(n % 1001, 0), case when n % 20000 = 0 then 'ORDER' else 'INVOICE' end, '{UPDATE}',
          'https://host-' || n % 5000 || '.example/hooks/' || n, '', '', 'number ' || n, n > 99990,
          case when n > 99990 then now() end, n % 1000 > 0, case when n % 10000 = 0 then 'gone' end,
          case when n % 3000 = 1 then 'broken' end, case when n % 30000 = 2 then now() + interval '1 h' end
        from generate_series(1, 100000) n
        """
    )
    await conn.execute("vacuum analyze webhooks")
    # As the API's own connections.
    await conn.execute("set jit = off; set random_page_cost = 1.1")


def _lists() -> dict[str, tuple[Viewer, WebhookFilters | None]]:
    seller = strawberry.ID(global_ids.encode("Seller", 7))
    return {
        "all": (OPERATOR, None),
        "failing": (OPERATOR, WebhookFilters(health=[WebhookHealth.FAILING])),
        "that need a person": (OPERATOR, WebhookFilters(health=list(NEEDS_A_PERSON))),
        "disabled by a person": (OPERATOR, WebhookFilters(health=[WebhookHealth.DISABLED])),
        "catching up, which none is": (OPERATOR, WebhookFilters(health=[WebhookHealth.CATCHING_UP])),
        "well": (OPERATOR, WebhookFilters(health=[WebhookHealth.OK])),
        "of any health": (OPERATOR, WebhookFilters(health=list(WebhookHealth))),
        "paused": (OPERATOR, WebhookFilters(is_paused=True)),
        "of a rare type": (OPERATOR, WebhookFilters(types=[WebhookKlass.ORDER])),
        "of a type that none is of": (OPERATOR, WebhookFilters(types=[WebhookKlass.SHIPMENT])),
        "of a seller": (OPERATOR, WebhookFilters(seller_ids=[seller])),
        "of the operator": (OPERATOR, WebhookFilters(is_operators=True)),
        "to a host": (OPERATOR, WebhookFilters(host="host-4711.example")),
        "to no host": (OPERATOR, WebhookFilters(host="nowhere.example")),
        "failing of a seller": (OPERATOR, WebhookFilters(health=[WebhookHealth.FAILING], seller_ids=[seller])),
        "with a text, failing": (OPERATOR, WebhookFilters(health=[WebhookHealth.FAILING], search="999")),
        "a seller's": (Viewer(SellerId(7)), None),
        "a seller's failing": (Viewer(SellerId(7)), WebhookFilters(health=[WebhookHealth.FAILING])),
        "a seller's with a text": (Viewer(SellerId(7)), WebhookFilters(search="nothing")),
    }


async def test_pages_of_webhooks_go_by_indexes(crowd: MeasuredConnection) -> None:
    for name, (viewer, wanted) in _lists().items():
        for cursor in (None, ("50000", 50_000)):
            plan = await _plan(crowd, viewer, wanted, cursor)
            assert "Seq Scan" not in plan, f"{name}\n{plan}"
            assert rows_read(plan) <= MOST_READ, f"{name}\n{plan}"
            assert buffers_read(plan) <= MOST_BUFFERS, f"{name}\n{plan}"


async def _plan(conn: MeasuredConnection, viewer: Viewer, wanted: WebhookFilters | None, cursor: Any) -> str:
    asked = filters.ask(viewer, wanted)
    statement = listed_rows(WEBHOOKS, viewer, asked, Slice(size=50, is_backward=False, cursor=cursor))
    await conn.during("a page", conn.fetch(statement.sql, *statement.args))
    (plan,) = conn.plans
    return plan


async def test_counting_the_unwell_reads_no_webhook_that_is_well(crowd: MeasuredConnection) -> None:
    counts = await crowd.during("count", count_unwell(crowd))

    (plan,) = crowd.plans
    assert {health.value: number for health, number in counts.unwell.items()} == {
        "DISABLED_BY_TELLGRAPH": 10,
        "DISABLED": 90,
        "BROKEN": 34,
        "FAILING": 9,
        "CATCHING_UP": 0,
        "PAUSED": 4,
    }
    assert "Seq Scan on webhooks" not in plan, plan
    assert rows_read(plan) <= 200, plan


async def test_counting_held_events_ends_at_a_bound(crowd: MeasuredConnection) -> None:
    held = crowd.transaction()
    await held.start()
    await crowd.execute(
        "insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, changed, changed_at)"
        " select 1000, 'Invoice', n, 'update', 'HELD', '{}', now() from generate_series(1, $1::int) n",
        MAX_COUNTED + 20_000,
    )

    counts = await crowd.during("count", count_unwell(crowd))
    await held.rollback()

    (plan,) = crowd.plans
    assert counts.held == MAX_COUNTED
    assert rows_read(plan) <= MAX_COUNTED + 200, plan
