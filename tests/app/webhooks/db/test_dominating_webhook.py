"""One webhook has nearly all of the history, and nearly all of it is of one kind: the lists of all others stay short.

By plans that a connection keeps for whatever arguments come, as from the sixth execution on.
"""

from typing import Any

import asyncpg
import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.db.keyset import Slice
from app.db.table import Table
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db import retention
from app.webhooks.db.operational_events import OPERATIONAL_EVENTS
from app.webhooks.db.webhook_events import DELIVERY_ATTEMPTS, WEBHOOK_EVENTS
from app.webhooks.domain.operational_event import OperationalEventKind
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState
from schema.engine.statements import listed_rows
from schema.entities import global_ids
from schema.entities.declarations import ListQuery
from schema.filters.webhooks import delivery_attempts, operational_events, webhook_events
from schema.filters.webhooks.operational_events import OperationalEventFilters
from schema.filters.webhooks.webhook_events import StoredName, WebhookEventFilters
from tests.support.watched import buffers_read

Conn = asyncpg.Connection
ROWS = 40_000
#: Of thousands that all of it takes: the rows of a page, and a few for each partition and index.
MOST_BUFFERS = 200
SMALL = global_ids.encode("Webhook", 2)
SELLER = Viewer(SellerId(1))

_EVENTS = """
insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, changed, changed_at, created_at)
select case when n <= 20 then 2 + n % 2 else 1 end, 'Invoice', n, 'update',
  case when n % 3 = 0 then 'SKIPPED' else 'DELIVERED' end, '{}', now(), at at time zone 'UTC'
from generate_series(1, $1::int) n
cross join lateral (select current_date - interval '9 d' + n * interval '9 d' / $1) t(at)
"""
_ATTEMPTS = """
insert into delivery_attempts (webhook_id, webhook_event_id, number, started_at, finished_at, status)
select webhook_id, id, 1, created_at, created_at, 200 from webhook_events
"""
_OPERATIONAL = """
insert into operational_events (webhook_id, kind, reason)
select case when n <= 20 then 2 + n % 2 else 1 end, 'EXHAUSTED', '' from generate_series(1, $1::int) n
"""


@pytest.fixture
async def history(conn: Conn) -> Conn:
    await conn.execute("insert into sellers (business_name, email_address) values ('s', 'e')")
    await conn.execute(
        "insert into webhooks (seller_id, type, event_names, url, query_string, secrets)"
        " select case when n = 2 then 1 end, 'INVOICE', '{UPDATE}', 'http://127.0.0.1:9/', '', ''"
        " from generate_series(1, 3) n"
    )
    today = await retention.today(conn)
    for days in (9, 6, 3):
        for table in retention.HISTORIES:
            await conn.execute("select add_partition($1, $2::date - $3::int, $2 - $3 + 3)", table, today, days)
    for statement in (_EVENTS, _OPERATIONAL):
        await conn.execute(statement, ROWS)
    await conn.execute(_ATTEMPTS)
    await conn.execute("vacuum analyze")
    await conn.execute("set jit = off; set random_page_cost = 1.1; set plan_cache_mode = force_generic_plan")
    return conn


def _events(**filters: Any) -> ListQuery:
    return webhook_events.ask(OPERATOR, None, WebhookEventFilters(**filters))


LISTS: dict[str, tuple[Table[Any], Viewer, ListQuery, int]] = {
    "events of a small webhook": (WEBHOOK_EVENTS, OPERATOR, webhook_events.ask(OPERATOR, SMALL), 10),
    "events of a seller": (WEBHOOK_EVENTS, SELLER, webhook_events.ask(SELLER), 10),
    "attempts of a small webhook": (DELIVERY_ATTEMPTS, OPERATOR, delivery_attempts.ask(OPERATOR, SMALL), 10),
    "operational events of a small webhook": (
        OPERATIONAL_EVENTS,
        OPERATOR,
        operational_events.ask(OPERATOR, SMALL),
        10,
    ),
    "a state that none is in": (WEBHOOK_EVENTS, OPERATOR, _events(states=[WebhookEventState.SUPERSEDED]), 0),
    "open and failed ones": (
        WEBHOOK_EVENTS,
        OPERATOR,
        _events(states=[WebhookEventState.PENDING, WebhookEventState.FAILED]),
        0,
    ),
    "a name that none has": (WEBHOOK_EVENTS, OPERATOR, _events(event_names=[WebhookEventName.DESTROY]), 0),
    "a state of a small webhook": (
        WEBHOOK_EVENTS,
        OPERATOR,
        webhook_events.ask(OPERATOR, SMALL, WebhookEventFilters(states=[WebhookEventState.SKIPPED])),
        3,
    ),
    "a state that none of a large webhook is in": (
        WEBHOOK_EVENTS,
        OPERATOR,
        webhook_events.ask(
            OPERATOR, global_ids.encode("Webhook", 1), WebhookEventFilters(states=[WebhookEventState.FAILED])
        ),
        0,
    ),
    "a kind that no operational event is of": (
        OPERATIONAL_EVENTS,
        OPERATOR,
        operational_events.ask(OPERATOR, None, OperationalEventFilters(kinds=[OperationalEventKind.DISABLED])),
        0,
    ),
    "a kind of a small webhook": (
        OPERATIONAL_EVENTS,
        OPERATOR,
        operational_events.ask(OPERATOR, SMALL, OperationalEventFilters(kinds=[OperationalEventKind.EXHAUSTED])),
        10,
    ),
}


async def test_lists_read_what_they_show(history: Conn) -> None:
    costly = {}
    for name, (table, viewer, asked, wanted) in LISTS.items():
        statement = listed_rows(table, viewer, asked, Slice(size=50, is_backward=False, cursor=None))
        rows = await history.fetch(statement.sql, *statement.args)
        # Prepared by name: EXPLAIN plans for the arguments that it is given itself.
        await history.execute(f"prepare listed as {statement.sql}")
        given = f"({', '.join(map(str, statement.args))})" if statement.args else ""
        plan = await history.fetch(f"explain (analyze, buffers, timing off) execute listed{given}")
        await history.execute("deallocate listed")

        assert (name, len(rows)) == (name, wanted)
        text = "\n".join(row[0] for row in plan)
        if buffers_read(text) > MOST_BUFFERS:
            costly[name] = text
    assert costly == {}, "\n".join(f"{name}\n{text}" for name, text in costly.items())


async def test_every_stored_name_is_a_part_of_a_list_by_state(conn: Conn) -> None:
    check = await conn.fetchval(
        "select pg_get_constraintdef(oid) from pg_constraint"
        " where contype = 'c' and conrelid = 'webhook_events'::regclass and pg_get_constraintdef(oid) ~ 'event_name'"
    )

    assert set(check.split("'")[1::2]) == {name.value for name in StoredName}
