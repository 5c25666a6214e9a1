"""A webhook's own pace, over two workers: its rate limit, and the pause that its endpoint asks for."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import pytest
from aiohttp import web

from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.platform import running_worker, settings_for
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process


@pytest.fixture
async def two_workers(database_url: str, redis_url: str) -> AsyncIterator[asyncpg.Connection]:
    """One worker in this process, one in its own; the database behind them."""
    conn = await asyncpg.connect(database_url)
    with worker_process(database_url, redis_url) as second:
        async with running_worker(settings_for(database_url, redis_url)):
            await started(second)
            yield conn
    await conn.close()


@dataclass(slots=True)
class Arrivals:
    """When each POST arrived, by path; the first ones are answered with `refusal`."""

    refusals: list[web.Response] = field(default_factory=list)
    at: dict[str, list[float]] = field(default_factory=dict)

    async def answer(self, delivery: Delivery) -> web.StreamResponse:
        self.at.setdefault(delivery.path, []).append(time.monotonic())
        return self.refusals.pop() if self.refusals else web.Response()


async def test_rate_holds_over_two_workers_and_holds_nobody_up(
    two_workers: asyncpg.Connection, receiver: Receiver
) -> None:
    arrivals = Arrivals()
    receiver.answering = arrivals.answer
    limited = await create_subscription(two_workers, receiver.url("/limited"), rate_limit=20)
    free = await create_subscription(two_workers, receiver.url("/free"))

    await create_due_events(two_workers, limited, 60)
    await create_due_events(two_workers, free, 60)
    await receiver.wait_for(count=120)

    # At the moments for which the claims counted tokens: what comes after them may take one event longer than the next.
    claimed = await two_workers.fetch(
        "select first_attempted_at as at from webhook_events where webhook_id = $1 order by 1", limited.id
    )
    elapsed_s = [(one["at"] - claimed[0]["at"]).total_seconds() for one in claimed]
    assert [n for n, at in enumerate(elapsed_s, start=1) if n > 20 + 20 * at + 1e-3] == []
    slow, fast = arrivals.at["/limited"], arrivals.at["/free"]
    assert (len(slow), len(fast)) == (60, 60)
    assert fast[-1] < slow[-1]


async def test_waiting_for_tokens_does_not_keep_workers_busy(
    two_workers: asyncpg.Connection, receiver: Receiver
) -> None:
    webhook = await create_subscription(two_workers, receiver.url(), rate_limit=1)
    transactions = "select xact_commit from pg_stat_database where datname = current_database()"

    await create_due_events(two_workers, webhook, 100)
    await receiver.wait_for()
    before, begun = await two_workers.fetchval(transactions), time.monotonic()
    await receiver.wait_for(count=6)
    made = await two_workers.fetchval(transactions) - before
    elapsed_s = time.monotonic() - begun

    # Each worker looks four times a second and then claims, and does both again when a POST is over.
    assert 0 < made / elapsed_s < 60
    assert len(receiver.deliveries) == 6


async def test_429_pauses_the_whole_webhook(two_workers: asyncpg.Connection, receiver: Receiver) -> None:
    arrivals = Arrivals([web.Response(status=429, headers={"Retry-After": "1"})])
    receiver.answering = arrivals.answer
    webhook = await create_subscription(two_workers, receiver.url("/busy"), concurrent_send_limit=1)

    await create_due_events(two_workers, webhook, 40)
    await receiver.wait_for(count=41)
    await until(lambda: two_workers.fetchval("select count(*) = 40 from webhook_events where state = 'DELIVERED'"))

    first, second = arrivals.at["/busy"][:2]
    assert second - first >= 1
    assert len(arrivals.at["/busy"]) == 41
    assert await two_workers.fetchval("select paused_until is null and not is_failing from webhooks")
