"""Over a long past: the queue reads only what is open, and the API's lists go by indexes.

TELLGRAPH_LONG_HISTORY=1 does the same over ten million events, on a server of its own, and prints what each costs.

Above 300 lines: all of its tests share one history, which takes a while to make.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import strawberry

from app.auth.viewers import OPERATOR, Viewer
from app.capture import change_events, entity_changes
from app.db.keyset import Slice, Sort
from app.db.table import Table
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db import deliveries, webhook_events, webhooks
from app.webhooks.db.webhook_event_changes import hold_overlooked
from app.webhooks.db.webhook_events import DELIVERY_ATTEMPTS, WEBHOOK_EVENTS, NewWebhookEvent, Subject
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState
from schema.engine.statements import listed_rows
from schema.entities import global_ids
from schema.entities.declarations import ListQuery
from schema.filters.webhooks import delivery_attempts as attempt_filters
from schema.filters.webhooks import webhook_events as filters
from schema.filters.webhooks.delivery_attempts import DeliveryAttemptFilters
from schema.filters.webhooks.webhook_events import WebhookEventFilters
from tests.builders.deliveries import create_due_events, result_of
from tests.builders.history import create_history
from tests.support.executors import by_plan, by_reference, fresh_plans
from tests.support.servers import private_servers_running
from tests.support.watched import IS_LONG, MeasuredConnection, buffers_read, rows_read

Conn = asyncpg.Connection
PARTITIONS, ROWS = (10, 1_000_000) if IS_LONG else (3, 10_000)
SELLER = Viewer(SellerId(7))
#: Of one webhook, with hardly any events.
QUIET_SELLER = Viewer(SellerId(21))
QUIET_EVENTS = 3
#: So many rows at most are looked at for a page of 50.
MOST_READ = 5_000
#: And so many of PostgreSQL's buffers: what an index scan passes over shows in no number of rows.
MOST_BUFFERS = 2_500


@pytest.fixture(scope="module")
def own_server() -> Iterator[str | None]:
    """A database of the long form's own: ten million events don't fit into memory, where the others may be."""
    with ExitStack() as stack:
        yield stack.enter_context(private_servers_running()).database_url if IS_LONG else None


@pytest.fixture
def history_url(own_server: str | None, request: pytest.FixtureRequest) -> str:
    return own_server or str(request.getfixturevalue("database_url"))


@pytest.fixture
async def history(history_url: str) -> AsyncIterator[MeasuredConnection]:
    """A connection to a database with a long past, and with something to do."""
    conn = await asyncpg.connect(history_url, connection_class=MeasuredConnection)
    conn.plans, conn.looked_into = [], {}
    if not await conn.fetchval("select exists (select from webhooks)"):
        await _fill(conn)
    # As a worker's own connections.
    await conn.execute("set jit = off; set enable_seqscan = off")
    yield conn
    await conn.close()


async def _fill(conn: Conn) -> None:
    await create_history(conn, partitions=PARTITIONS, rows=ROWS)
    await _add_quiet_seller(conn)
    for number in (1, 2, 3, 4, 5):
        webhook = await webhooks.find_webhook(conn, WebhookId(number))
        assert webhook is not None
        await create_due_events(conn, webhook, 300, first_entity=1000 * number)
    await conn.execute("update webhook_events_open set due_at = now() + interval '1 h' where webhook_id = 5")
    await conn.execute(
        "insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut)"
        " select 'Invoice', n, 'UPDATE', '{invoices.total_cents}', '[]', false from generate_series(1, 1200) n"
    )


async def _add_quiet_seller(conn: Conn) -> None:
    await conn.execute("insert into sellers (business_name, email_address) values ('quiet', 'e')")
    await conn.execute(
        "with w as (insert into webhooks (seller_id, type, event_names, url, query_string, secrets)"
        " values ($1, 'INVOICE', '{UPDATE}', 'http://127.0.0.1:9/', '', '') returning id)"
        " insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, changed, changed_at,"
        " created_at) select w.id, 'Invoice', n, 'update', 'DELIVERED', '{}', now(), now() - n * interval '2 d'"
        " from w, generate_series(1, $2::int) n",
        QUIET_SELLER.seller_id,
        QUIET_EVENTS,
    )


async def test_the_queue_reads_only_what_is_open(history: MeasuredConnection) -> None:
    today = {
        f"{table}_{await history.fetchval('select current_date'):%Y%m%d}" for table in ("payloads", "delivery_attempts")
    }
    subjects: list[Subject] = [(WebhookId(1), "Invoice", n) for n in range(1, 501)]
    during = history.during

    # Twice, since the first time caches are filled.
    for _ in range(2):
        async with history.transaction():
            claimed = await during("claim to publish", change_events.claim_batch(history, limit=500))
            await during("mark published", change_events.mark_published(history, [event.id for event in claimed]))
            await during("given", webhook_events.list_given(history, subjects))
            open_ids = await history.fetch(
                "select id from webhook_events_open where webhook_id = 2 order by id limit 50"
            )
            await during(
                "insert and supersede",
                webhook_events.insert_webhook_events(history, [_new_event(row["id"]) for row in open_ids]),
            )
            due = await during(
                "claim to deliver",
                deliveries.claim_due(history, limit=200, per_webhook=200, after=0, failing_share=10, lease_s=60),
            )
            await during("record", deliveries.record_results(history, [result_of(one) for one in due]))
            await during("hold", webhook_events.hold_open(history, WebhookId(3)))
            await during("release", webhook_events.release_held(history, WebhookId(3)))
            await during("sweep", deliveries.release_expired(history))
            await during("overlooked", hold_overlooked(history))
            assert (len(claimed), len(due)) == (500, 200)

    assert {name: tables - today for name, tables in history.looked_into.items() if tables - today} == {}
    assert history.looked_into["given"] == set()


async def test_looking_for_work_reads_no_history_but_for_what_is_to_be_rendered_again(
    history: MeasuredConnection,
) -> None:
    async with history.transaction():
        waiting = await history.during("look for work", change_events.work_waits(history))

    (plan,) = history.plans
    assert (waiting.publish, waiting.deliver, waiting.advance) == (True, True, False)
    assert "Seq Scan" not in plan
    assert " on webhook_events_closed" in plan


def _lists() -> dict[str, tuple[Viewer, str | None, WebhookEventFilters | None]]:
    first, seldom = (global_ids.encode("Webhook", number) for number in (1, 150))
    now = datetime.now(UTC)
    made: dict[str, tuple[Viewer, str | None, WebhookEventFilters | None]] = {
        "all": (OPERATOR, None, None),
        "of a busy webhook": (OPERATOR, first, None),
        "of a quiet webhook": (OPERATOR, seldom, None),
        "of one state": (OPERATOR, None, WebhookEventFilters(states=[WebhookEventState.DELIVERED])),
        "failed ones": (OPERATOR, None, WebhookEventFilters(states=[WebhookEventState.FAILED])),
        "failed ones of a webhook": (OPERATOR, first, WebhookEventFilters(states=[WebhookEventState.FAILED])),
        "open ones": (OPERATOR, None, WebhookEventFilters(states=[WebhookEventState.RETRYING])),
        "cancelled ones of a webhook": (OPERATOR, seldom, WebhookEventFilters(states=[WebhookEventState.CANCELLED])),
        "of one kind": (OPERATOR, None, WebhookEventFilters(event_names=[WebhookEventName.DESTROY])),
        "of one kind of a webhook": (OPERATOR, first, WebhookEventFilters(event_names=[WebhookEventName.CREATE])),
        "of a kind that none is of": (OPERATOR, None, WebhookEventFilters(event_names=[WebhookEventName.CREATE])),
        "open and failed ones": (
            OPERATOR,
            None,
            WebhookEventFilters(states=[WebhookEventState.PENDING, WebhookEventState.FAILED]),
        ),
        "failed ones of a kind": (
            OPERATOR,
            None,
            WebhookEventFilters(states=[WebhookEventState.FAILED], event_names=[WebhookEventName.CREATE]),
        ),
        "a seller's of one kind": (SELLER, None, WebhookEventFilters(event_names=[WebhookEventName.CREATE])),
        "of an entity": (OPERATOR, None, WebhookEventFilters(entity_id=strawberry.ID(global_ids.encode("Invoice", 7)))),
        "of an hour": (
            OPERATOR,
            None,
            WebhookEventFilters(created_since=now - timedelta(days=5, hours=1), created_until=now - timedelta(days=5)),
        ),
        "until then": (OPERATOR, None, WebhookEventFilters(created_until=now - timedelta(days=5, hours=7))),
        "of a webhook until then": (
            OPERATOR,
            first,
            WebhookEventFilters(created_until=now - timedelta(days=5, hours=7)),
        ),
        "ones that could not be rendered": (
            OPERATOR,
            None,
            WebhookEventFilters(states=[WebhookEventState.RENDER_FAILED]),
        ),
        "failed ones of both kinds": (
            OPERATOR,
            None,
            WebhookEventFilters(states=[WebhookEventState.FAILED, WebhookEventState.RENDER_FAILED]),
        ),
        "of a webhook since": (OPERATOR, first, WebhookEventFilters(created_since=now - timedelta(days=4))),
        "of a seller": (SELLER, None, None),
        "of another seller's webhook": (SELLER, first, None),
        "of a quiet seller": (QUIET_SELLER, None, None),
        "of nobody": (Viewer(SellerId(99)), None, None),
        "a seller's of an hour": (
            SELLER,
            None,
            WebhookEventFilters(created_since=now - timedelta(days=5, hours=1), created_until=now - timedelta(days=5)),
        ),
        "a seller's failed ones": (SELLER, None, WebhookEventFilters(states=[WebhookEventState.FAILED])),
    }
    return made


@pytest.mark.parametrize("place", [0.0, 0.5])
async def test_lists_of_webhook_events_go_by_indexes(history: MeasuredConnection, place: float) -> None:
    await history.execute("set enable_seqscan = on")
    last = await history.fetchval("select max(id) from webhook_events")
    for name, (viewer, webhook_id, wanted) in _lists().items():
        asked = filters.ask(viewer, webhook_id, wanted)
        cursor = None if place == 0 else await _place(history, asked.sort, int(last * place))
        await _check_page(history, f"{name}, from {place}", WEBHOOK_EVENTS, viewer, asked, cursor)


@pytest.mark.parametrize("viewer", [OPERATOR, SELLER])
async def test_the_newest_events_of_webhooks_are_found_by_indexes(history: MeasuredConnection, viewer: Viewer) -> None:
    document = "{ webhooks(first: 20) { nodes { id events { id state } } } }"
    await history.execute("set enable_seqscan = on")
    planned = fresh_plans()
    answer = await by_reference(history, document, viewer=viewer)
    assert answer == await by_plan(planned, history, document, viewer=viewer)

    await history.during("the newest events", by_plan(planned, history, document, viewer=viewer))

    (plan,) = history.plans
    _check_plan("the newest events", plan)
    assert answer.count(b'"state":') >= 10


def _attempt_lists() -> dict[str, tuple[Viewer, str | None, DeliveryAttemptFilters | None]]:
    first, seldom = (global_ids.encode("Webhook", number) for number in (1, 150))
    then = datetime.now(UTC) - timedelta(days=5)
    failed, of_entity = DeliveryAttemptFilters(is_failed=True), strawberry.ID(global_ids.encode("Invoice", 7))
    hour = DeliveryAttemptFilters(started_since=then - timedelta(hours=1), started_until=then)
    return {
        "all attempts": (OPERATOR, None, None),
        "attempts of a busy webhook": (OPERATOR, first, None),
        "attempts of a quiet webhook": (OPERATOR, seldom, None),
        "failed attempts": (OPERATOR, None, failed),
        "failed attempts of a webhook": (OPERATOR, first, failed),
        "failed attempts of a quiet webhook": (OPERATOR, seldom, failed),
        "other attempts": (OPERATOR, None, DeliveryAttemptFilters(is_failed=False)),
        "attempts about an entity": (OPERATOR, None, DeliveryAttemptFilters(entity_id=of_entity)),
        "a webhook's about an entity": (OPERATOR, first, DeliveryAttemptFilters(entity_id=of_entity)),
        "failed ones about an entity": (OPERATOR, None, DeliveryAttemptFilters(entity_id=of_entity, is_failed=True)),
        "attempts of an hour": (OPERATOR, None, hour),
        "a webhook's attempts of an hour": (OPERATOR, first, hour),
        "attempts until then": (OPERATOR, None, DeliveryAttemptFilters(started_until=then)),
        "attempts since": (OPERATOR, first, DeliveryAttemptFilters(started_since=then)),
        "attempts of a seller": (SELLER, None, None),
        "attempts of another seller's webhook": (SELLER, first, None),
        "failed attempts of a seller": (SELLER, None, failed),
        "a seller's attempts of an hour": (SELLER, None, hour),
        "a seller's attempts about an entity": (SELLER, None, DeliveryAttemptFilters(entity_id=of_entity)),
        "attempts of a quiet seller": (QUIET_SELLER, None, None),
        "attempts of nobody": (Viewer(SellerId(99)), None, None),
    }


@pytest.mark.parametrize("place", [0.0, 0.5])
async def test_lists_of_attempts_go_by_indexes(history: MeasuredConnection, place: float) -> None:
    await history.execute("set enable_seqscan = on")
    last = await history.fetchval("select max(webhook_event_id) from delivery_attempts")
    # One in twenty events has none.
    row = await history.fetchrow(
        "select id, started_at from delivery_attempts where webhook_event_id >= $1 order by webhook_event_id limit 1",
        int(last * place),
    )
    assert row is not None
    cursor = None if place == 0 else (row["started_at"].isoformat(), row["id"])
    for name, (viewer, webhook_id, wanted) in _attempt_lists().items():
        asked = attempt_filters.ask(viewer, webhook_id, wanted)
        await _check_page(history, f"{name}, from {place}", DELIVERY_ATTEMPTS, viewer, asked, cursor)


async def test_an_entity_s_changes_and_events_are_found_by_indexes(history: MeasuredConnection) -> None:
    await history.execute("set enable_seqscan = on")
    crowd = entity_changes.MAX_CHANGES_READ + 500
    # Of an entity of another type, with the same number.
    await history.execute(
        "insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut, recorded_at,"
        " published_at) select 'Advert', 8, 'UPDATE', '{}', '[]', false, now() - interval '1 d', now()"
        " from generate_series(1, $1::int)",
        crowd,
    )
    await history.execute("analyze change_events")
    long_ago = datetime.now(UTC) - timedelta(days=400)

    counts = []
    for name, entity_id in (("changes of an invoice", 7), ("changes beside many of the same number", 8)):
        listed = entity_changes.list_entity_changes(history, "Invoice", entity_id, limit=70)
        found = await history.during(name, listed)
        _check_plan(name, history.plans[0])
        counts.append(sum(one.published_at is not None for one in found))
    events = entity_changes.list_entity_events(history, WebhookId(1), "Invoice", 9, since=long_ago)
    found_events = await history.during("a webhook's events of an invoice", events)
    _check_plan("a webhook's events of an invoice", history.plans[0])

    # Beyond so many of the same number, older ones are not looked for.
    assert (counts[0] > 0, counts[1]) == (True, 0)
    assert len(found_events) > 0


async def _check_page(
    history: MeasuredConnection,
    name: str,
    table: Table[Any],
    viewer: Viewer,
    asked: ListQuery,
    cursor: tuple[str, int] | None,
) -> None:
    statement = listed_rows(table, viewer, asked, Slice(size=50, is_backward=False, cursor=cursor))
    await history.fetch(statement.sql, *statement.args)

    await history.during(name, history.fetch(statement.sql, *statement.args))

    (plan,) = history.plans
    _check_plan(name, plan)


def _check_plan(name: str, plan: str) -> None:
    for line in plan.splitlines():
        # An empty partition is read through at no cost.
        is_read_through = re.search("Seq Scan on (webhook_events|delivery_attempts|change_events_published)", line)
        is_costly = "never executed" not in line and not re.search(r"rows=0(\.00)? loops", line)
        assert not (is_read_through and is_costly), f"{name}\n{plan}"
    assert rows_read(plan) <= MOST_READ, f"{name}\n{plan}"
    assert buffers_read(plan) <= MOST_BUFFERS, f"{name}\n{plan}"


async def _place(conn: Conn, sort: Sort, event_id: int) -> tuple[str, int]:
    """The cursor of an event in this order."""
    row = await conn.fetchrow("select id, created_at from webhook_events where id = $1", event_id)
    assert row is not None
    return (row["created_at"].isoformat() if sort.name == "created_at" else str(event_id)), event_id


def _new_event(superseded: int) -> NewWebhookEvent:
    return NewWebhookEvent(
        webhook_id=WebhookId(2),
        entity_type="Invoice",
        entity_id=superseded,
        event_name=WebhookEventName.UPDATE,
        state=WebhookEventState.PENDING,
        reason=None,
        payload_digest=None,
        changed=b"{}",
        changed_at=datetime.now(UTC),
        supersedes=(webhook_events.WebhookEventId(superseded),),
    )
