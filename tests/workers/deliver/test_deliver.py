"""The claim and the record, statement by statement, and a Deliverer whose job or database fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiohttp import web

from app.db.pool import Connection, create_database
from app.webhooks.db import deliveries
from app.webhooks.db.deliveries import DueEvent, Result
from app.webhooks.domain.webhook_event import WebhookEventState
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.support.platform import settings_for
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import LOCK_IS_AWAITED, until
from workers.deliver.job import Deliverer
from workers.deliver.record import record
from workers.resources import open_resources

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"
#: Of open events: rows read in sequence, and entries of indexes.
READ = """
select pg_stat_get_xact_tuples_returned('webhook_events_open'::regclass)
  + (select sum(pg_stat_get_xact_tuples_returned(indexrelid)) from pg_index
     where indrelid = 'webhook_events_open'::regclass)::bigint
"""


async def claim(conn: Connection, *, limit: int = 200, after: int = 0, lease_s: float = 60) -> list[DueEvent]:
    return await deliveries.claim_due(
        conn, limit=limit, per_webhook=200, after=after, failing_share=10, lease_s=lease_s
    )


def failed(due: DueEvent, **overrides: Any) -> Result:
    return result_of(due, **{"state": WebhookEventState.RETRYING, "status": 500, "delay_s": 5.0, **overrides})


async def states(conn: Conn) -> list[str]:
    return [row["state"] for row in await conn.fetch("select state from webhook_events order by id")]


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Conn]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_overlapping_claims_do_not_exceed_the_limit(conn: Conn, other: Conn, database_url: str) -> None:
    webhook = await create_subscription(conn, URL, concurrent_send_limit=5)
    await create_due_events(conn, webhook, 20)
    watcher = await asyncpg.connect(database_url)

    async with conn.transaction():
        first = await claim(conn, limit=3)
        second = asyncio.create_task(claim(other))
        blocked_by = "select pg_blocking_pids($1) = array[$2::int]"
        await until(lambda: watcher.fetchval(blocked_by, other.get_server_pid(), conn.get_server_pid()))
        assert not second.done()

    assert len(first) == 3
    assert len(await second) == 2
    assert (await states(conn)).count("SENDING") == 5
    await watcher.close()


async def test_places_rotate_over_all_webhooks(conn: Conn) -> None:
    webhooks = [await create_subscription(conn, URL) for _ in range(7)]
    for webhook in webhooks:
        await create_due_events(conn, webhook, 5)

    after, claimed = 0, []
    for _ in range(12):
        batch = await deliveries.claim_due(conn, limit=3, per_webhook=1, after=after, failing_share=10, lease_s=60)
        claimed += [due.webhook_id for due in batch]
        after = max(due.webhook_id for due in batch) if len(batch) == 3 else 0

    served = {webhook.id: claimed.count(webhook.id) for webhook in webhooks}
    assert max(served.values()) - min(served.values()) <= 1


async def test_newer_event_does_not_overtake_one_that_waits_for_its_retry(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL)
    (older,) = await create_due_events(conn, webhook)
    (newer,) = await create_due_events(conn, webhook)

    (due,) = await claim(conn)
    none_while_in_flight = await claim(conn)
    await deliveries.record_results(conn, [failed(due)])
    none_while_it_waits = await claim(conn)
    await conn.execute("update webhook_events set due_at = now() where id = $1", older)

    assert (due.id, none_while_in_flight, none_while_it_waits) == (older, [], [])
    (retry,) = await claim(conn)
    await deliveries.record_results(conn, [result_of(retry)])
    assert [due.id for due in await claim(conn)] == [newer]


async def test_lease_is_longer_than_the_post_may_take(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL, timeout_s=30)
    await create_due_events(conn, webhook)

    await claim(conn, lease_s=1.5)

    lease_s = await conn.fetchval("select extract(epoch from lease_until - now()) from webhook_events")
    assert 31 < lease_s <= 32


async def test_claim_looks_neither_at_history_nor_at_later_retries(conn: Conn) -> None:
    dead, live = await create_subscription(conn, URL), await create_subscription(conn, URL)
    await create_due_events(conn, live, 50_000, state="DELIVERED")
    await create_due_events(conn, dead, 20_000, first_entity=100_000, state="RETRYING")
    await conn.execute("update webhook_events set due_at = now() + interval '1 h' where state = 'RETRYING'")
    await create_due_events(conn, live, 50, first_entity=1)
    await conn.execute("vacuum analyze webhook_events, webhook_events_open")

    claimed, read = await _read_by_claim(conn)
    look = await conn.fetch(
        "explain (analyze, buffers, costs off) select exists (select from webhook_events_open"
        " where state in ('PENDING', 'RETRYING') and due_at <= statement_timestamp())"
    )

    assert claimed == 50
    # Each due event as such, as its webhook's, beside older ones of its entity, and when it is marked.
    assert read < 50 * 6
    assert "Index Cond: (due_at <=" in "\n".join(row[0] for row in look)


@pytest.mark.parametrize(("due", "most"), [(20, 200), (600, 6_000)])
async def test_webhooks_with_nothing_but_later_retries_cost_at_most_a_look_each(
    conn: Conn, due: int, most: int
) -> None:
    live = await create_subscription(conn, URL)
    await conn.execute(
        "insert into webhooks (type, event_names, url, query_string, secrets)"
        " select w.type, w.event_names, w.url, '', w.secrets from webhooks w cross join generate_series(1, 2000)"
    )
    await conn.execute(
        "insert into webhook_events"
        " (webhook_id, entity_type, entity_id, event_name, state, changed, changed_at, due_at)"
        " select w.id, 'Invoice', n, 'update', 'RETRYING', '{}', now(), now() + interval '1 h'"
        " from webhooks w cross join generate_series(1, 5) n where w.id <> $1",
        live.id,
    )
    await create_due_events(conn, live, due)
    await conn.execute("vacuum analyze webhook_events_open")

    claimed, read = await _read_by_claim(conn)

    assert claimed == min(due, 100)
    assert read < most


async def _read_by_claim(conn: Conn) -> tuple[int, int]:
    """Return how many events a claim takes, and how many index entries and rows of open events it reads."""
    async with conn.transaction():
        before = await conn.fetchval(READ)
        claimed = await claim(conn, limit=200)
        return len(claimed), await conn.fetchval(READ) - before


async def test_late_result_of_an_expired_lease_changes_nothing(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook)
    (first,) = await claim(conn)
    await conn.execute("update webhook_events set lease_until = now() - interval '1 s'")
    released = len(await deliveries.release_expired(conn))
    (second,) = await claim(conn)

    late = await deliveries.record_results(conn, [failed(first, disable_reason="Gone")])
    both = await deliveries.record_results(conn, [failed(first), result_of(second)])

    assert (released, late.ids, both.ids) == (1, set(), {second.id})
    attempts = await conn.fetch("select number, status, error_kind from delivery_attempts order by number")
    assert [tuple(row) for row in attempts] == [(1, None, "UNKNOWN_OUTCOME"), (2, 200, None)]
    assert await conn.fetchval("select not is_failing and is_enabled from webhooks")


async def test_late_answer_gone_does_not_disable(conn: Conn, database_url: str) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook)
    (first,) = await claim(conn)
    await conn.execute("update webhook_events set lease_until = now() - interval '1 s'")
    await deliveries.release_expired(conn)

    async with create_database(database_url, pool_size=2) as database:
        await record([failed(first, state=WebhookEventState.FAILED, disable_reason="Gone")], database)

    assert await conn.fetchval("select is_enabled from webhooks")
    assert await states(conn) == ["RETRYING"]


async def test_webhook_enabled_while_a_failure_is_recorded_leaves_nothing_held(conn: Conn, other: Conn) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook)
    (due,) = await claim(conn)
    await conn.execute("update webhooks set is_enabled = false")

    async with other.transaction():
        await other.execute("update webhooks set is_enabled = true")
        await other.execute("update webhook_events set state = 'RETRYING' where state = 'HELD'")
        recording = asyncio.create_task(deliveries.record_results(conn, [failed(due)]))
        await until(lambda: other.fetchval("select cardinality(pg_blocking_pids($1)) = 1", conn.get_server_pid()))
    await recording

    assert await states(conn) == ["RETRYING"]


async def test_result_that_is_refused_keeps_no_other_from_being_stored(conn: Conn, database_url: str) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook, 3)
    first, second, third = await claim(conn)

    async with create_database(database_url, pool_size=2) as database:
        await record([result_of(first), failed(second, error="a\0b"), result_of(third)], database)

    assert await states(conn) == ["DELIVERED", "SENDING", "DELIVERED"]


@asynccontextmanager
async def delivering(database_url: str, **settings: Any) -> AsyncIterator[Deliverer]:
    async with (
        open_resources(settings_for(database_url, **settings)) as resources,
        Deliverer(resources).recording() as deliverer,
    ):
        yield deliverer
        resources.stopping.set()


def holding(gate: asyncio.Event) -> Callable[[Delivery], Awaitable[web.StreamResponse]]:
    async def answer(_: Delivery) -> web.StreamResponse:
        await gate.wait()
        return web.Response()

    return answer


async def test_cancelled_job_loses_no_result(conn: Conn, database_url: str, receiver: Receiver) -> None:
    gate = asyncio.Event()
    receiver.answering = holding(gate)
    await create_due_events(conn, await create_subscription(conn, receiver.url()), 20)

    async with delivering(database_url) as deliverer:
        job = asyncio.create_task(deliverer.deliver_all())
        await receiver.wait_for(count=20)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        gate.set()
        await until(lambda: conn.fetchval("select count(*) = 20 from webhook_events where state = 'DELIVERED'"))

    assert job.cancelled()
    assert len(receiver.deliveries) == 20


async def test_job_cancelled_in_its_claim_still_sends_what_it_claimed(
    conn: Conn, other: Conn, database_url: str, receiver: Receiver
) -> None:
    webhook = await create_subscription(conn, receiver.url())
    await create_due_events(conn, webhook, 3)

    async with delivering(database_url) as deliverer:
        async with conn.transaction():
            await conn.execute("select pg_advisory_xact_lock(7202, $1)", webhook.id)
            job = asyncio.create_task(deliverer.deliver_all())
            await until(lambda: other.fetchval(LOCK_IS_AWAITED))
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)
        await receiver.wait_for(count=3)

    assert await states(conn) == ["DELIVERED"] * 3


async def test_failed_claim_loses_no_result(conn: Conn, database_url: str, receiver: Receiver) -> None:
    gate = asyncio.Event()
    receiver.answering = holding(gate)
    await create_due_events(conn, await create_subscription(conn, receiver.url()), 5)

    async with delivering(database_url) as deliverer:
        job = asyncio.create_task(deliverer.deliver_all())
        await receiver.wait_for(count=5)
        await conn.execute("alter function claim_webhook_events rename to taken_away")
        deliverer.wake()
        with pytest.raises(asyncpg.UndefinedFunctionError):
            await job
        gate.set()
        await until(lambda: conn.fetchval("select count(*) = 5 from webhook_events where state = 'DELIVERED'"))
        await conn.execute("alter function taken_away rename to claim_webhook_events")
        assert await deliverer.deliver_all() is False

    assert len(receiver.deliveries) == 5


async def test_one_claim_and_one_record_serve_what_is_delivered_together(
    conn: Conn, database_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = await create_subscription(conn, receiver.url())
    await create_due_events(conn, webhook, 10)
    counts = {"claim_due": 0, "record_results": 0}

    def counting(name: str) -> Callable[..., Awaitable[Any]]:
        run = getattr(deliveries, name)

        async def counted(*args: Any, **given: Any) -> Any:
            counts[name] += 1
            return await run(*args, **given)

        return counted

    for name in counts:
        monkeypatch.setattr(deliveries, name, counting(name))
    monkeypatch.setattr("workers.deliver.job._GATHER_S", 1.0)
    async with open_resources(settings_for(database_url)) as resources, Deliverer(resources).recording() as deliverer:
        # It ends with the last result, and not with its shift.
        await asyncio.wait_for(deliverer.deliver_all(), 10)

    assert len(receiver.deliveries) == 10
    assert counts == {"claim_due": 1, "record_results": 1}


async def test_a_process_ends_with_the_last_result(conn: Conn, database_url: str, receiver: Receiver) -> None:
    webhook = await create_subscription(conn, receiver.url())
    await create_due_events(conn, webhook, 3)
    answer = asyncio.Event()

    async def answer_later(_: Delivery) -> web.StreamResponse:
        await answer.wait()
        return web.Response()

    receiver.answering = answer_later
    settings = settings_for(database_url, shutdown_grace_s=60)
    async with (
        asyncio.timeout(60),
        open_resources(settings, stopping=asyncio.Event()) as resources,
        Deliverer(resources).recording() as deliverer,
    ):
        job = asyncio.create_task(deliverer.deliver_all(stays=True))
        await receiver.wait_for(count=3)
        resources.stopping.set()
        deliverer.wake()
        await job
        answer.set()

    assert await states(conn) == ["DELIVERED"] * 3
