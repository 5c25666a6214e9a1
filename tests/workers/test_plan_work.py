"""Claims and records cost the same for each event, whatever PostgreSQL saw when it planned them.

A worker's session plans its statements once, most often while the queue is nearly empty, and keeps the plans. So each
is planned by one history of the tables and run in another; rows that plans handle are counted, and no time is taken.
"""

from collections.abc import AsyncIterator, Sequence

import pytest

from app.db.pool import SERVER_SETTINGS, Connection
from app.webhooks.db import deliveries
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.db.ordering import successions
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import Webhook
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.support.plan_cost import CostMeter, metered
from workers.deliver.fairness import CLAIM_SIZE

#: Enough for a generic plan, which PostgreSQL makes after five others.
RUNS = 12
HISTORIES = ("never analyzed", "analyzed while empty", "analyzed while waiting", "analyzed while in flight")
#: Rows that are handled for an event: 25 to 60, of which a part is each statement's. Most are for a claim of many
#: webhooks with one event each: each of them is looked at to be locked, and looked at again for its events.
MOST = 75
_ANALYZE = "analyze webhooks, webhook_events, webhook_events_open, delivery_attempts"


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[CostMeter]:
    """A connection that plans as a worker's does."""
    async with metered(database_url, **SERVER_SETTINGS, enable_seqscan="off") as meter:
        yield meter


async def claim(conn: Connection, *, limit: int = CLAIM_SIZE) -> list[DueEvent]:
    return await deliveries.claim_due(conn, limit=limit, per_webhook=limit, after=0, failing_share=10, lease_s=60)


async def record(conn: Connection, claimed: Sequence[DueEvent]) -> None:
    await deliveries.record_results(conn, [result_of(due) for due in claimed])


async def create_webhooks(conn: Connection, count: int) -> list[Webhook]:
    return [await create_subscription(conn, "http://127.0.0.1:9/", concurrent_send_limit=100) for _ in range(count)]


async def have_waiting(conn: Connection, webhooks: Sequence[Webhook], each: int) -> None:
    for webhook in webhooks:
        await create_due_events(conn, webhook, each)


async def have_history(conn: Connection, webhooks: Sequence[Webhook], history: str) -> None:
    """Give the tables a history that the planner knows. They are empty at the end."""
    if history in ("analyzed while waiting", "analyzed while in flight"):
        await have_waiting(conn, webhooks, 100)
        if history == "analyzed while in flight":
            await conn.execute("update webhook_events set state = 'SENDING', lease_until = now() + interval '1 h'")
    if history != "never analyzed":
        await conn.execute(_ANALYZE)
    await conn.execute("delete from webhook_events")


async def run_small(session: CostMeter, conn: Connection, webhook: Webhook) -> None:
    """Have a session make its plans for one event at a time."""
    for number in range(RUNS):
        await create_due_events(conn, webhook, first_entity=1_000_000 + number)
        await record(session.conn, await claim(session.conn))


async def run_large(session: CostMeter, conn: Connection, webhooks: Sequence[Webhook]) -> None:
    """Have a session make its plans for full claims."""
    await have_waiting(conn, webhooks, RUNS * CLAIM_SIZE // len(webhooks))
    for _ in range(RUNS):
        await record(session.conn, await claim(session.conn))


async def rows_each(session: CostMeter, events: int) -> tuple[float, float]:
    """Rows that are handled for each event: when so many are claimed by full claims, and when they are recorded."""
    claimed: list[DueEvent] = []
    async with session.counting():
        while len(claimed) < events:
            claimed += await claim(session.conn, limit=min(CLAIM_SIZE, events - len(claimed)))
    claiming = session.cost
    async with session.counting():
        await record(session.conn, claimed)
    recording = session.cost
    assert claiming >= events <= recording
    return claiming / events, recording / events


@pytest.mark.parametrize("history", HISTORIES)
async def test_plans_of_small_steps_serve_large_ones(conn: Connection, session: CostMeter, history: str) -> None:
    webhooks = await create_webhooks(conn, 50)
    await have_history(conn, webhooks, history)
    await run_small(session, conn, webhooks[0])
    await have_waiting(conn, webhooks, 40)

    of_few = await rows_each(session, 100)
    await have_waiting(conn, webhooks, 200)
    of_many = await rows_each(session, 1_000)

    assert max(*of_few, *of_many) < MOST
    assert of_many[0] < 1.5 * of_few[0]
    assert of_many[1] < 1.5 * of_few[1]


@pytest.mark.parametrize("history", HISTORIES)
async def test_plans_of_large_steps_serve_small_ones(conn: Connection, session: CostMeter, history: str) -> None:
    webhooks = await create_webhooks(conn, 50)
    await have_history(conn, webhooks, history)
    await run_large(session, conn, webhooks)
    await have_waiting(conn, webhooks, 200)

    of_many = await rows_each(session, 1_000)
    of_few = await rows_each(session, 100)

    assert max(*of_few, *of_many) < MOST


@pytest.mark.parametrize("history", HISTORIES)
async def test_looking_for_newer_states_reads_no_backlog(conn: Connection, session: CostMeter, history: str) -> None:
    webhooks = await create_webhooks(conn, 10)
    await have_history(conn, webhooks, history)
    for _ in range(RUNS):
        (first,) = await create_due_events(conn, webhooks[0])
        await successions.list_overtaken(session.conn, [WebhookEventId(first)])
        await successions.list_recently_overtaken(session.conn)
    await conn.execute("delete from webhook_events")
    for webhook in webhooks:
        await create_due_events(conn, webhook, 1_000, first_entity=1_000, state="RETRYING")
    await conn.execute("update webhook_events set due_at = now() + interval '1 h'")
    retried = [await create_due_events(conn, webhook, 20, state="RETRYING") for webhook in webhooks]
    for webhook in webhooks:
        await create_due_events(conn, webhook, 20)

    async with session.counting():
        overtaken = await successions.list_overtaken(
            session.conn, [WebhookEventId(id) for ids in retried for id in ids]
        )
    of_failed = session.cost
    async with session.counting():
        recent = await successions.list_recently_overtaken(session.conn)
    of_recent = session.cost

    assert len(overtaken) == len(recent) == 200
    assert of_failed < 200 * 15
    assert of_recent < 200 * 20


async def test_plans_made_with_few_webhooks_serve_many(conn: Connection, session: CostMeter) -> None:
    (first,) = await create_webhooks(conn, 1)
    await conn.execute(_ANALYZE)
    await run_small(session, conn, first)
    await conn.execute(
        "insert into webhooks (type, event_names, url, query_string, secrets)"
        " select w.type, w.event_names, w.url, '', w.secrets from webhooks w cross join generate_series(1, 2000)"
    )
    await conn.execute(
        "insert into webhook_events"
        " (webhook_id, entity_type, entity_id, event_name, state, changed, changed_at, due_at)"
        " select id, 'Invoice', 1, 'update', 'PENDING', '{}', now(), now() from webhooks"
    )

    claiming, recording = await rows_each(session, 1_000)

    assert max(claiming, recording) < MOST
