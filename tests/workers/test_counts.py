"""Attempts that a worker has made are in the statistics of their minute, each once, also when the worker stops."""

import asyncpg
from aiohttp import web

from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.sellers import create_seller
from tests.support.platform import settings_for
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from workers.counts import store_counts, storing_counts
from workers.deliver.job import Deliverer
from workers.resources import Resources, open_resources

Conn = asyncpg.Connection


async def sums(conn: Conn) -> list[tuple[int, int, int]]:
    rows = await conn.fetch(
        "select seller_id, sum(succeeded)::int, sum(failed)::int from delivery_minutes group by 1 order by 1"
    )
    return [tuple(row) for row in rows]


async def test_attempts_of_a_worker_are_counted_by_owner(conn: Conn, resources: Resources, receiver: Receiver) -> None:
    async def answer(delivery: Delivery) -> web.StreamResponse:
        return web.Response(status=500 if delivery.path == "/down" else 204)

    receiver.answering = answer
    seller = await create_seller(conn)
    for seller_id, path, count in ((None, "/", 3), (seller.id, "/", 2), (seller.id, "/down", 4)):
        webhook = await create_subscription(conn, receiver.url(path), seller_id=seller_id, max_retries=0)
        await create_due_events(conn, webhook, count)

    async with Deliverer(resources).recording() as deliverer:
        await deliverer.deliver_all()
        await until(lambda: conn.fetchval("select count(*) = 9 from delivery_attempts where finished_at is not null"))
    await store_counts(resources)
    await store_counts(resources)

    assert await sums(conn) == [(0, 3, 0), (seller.id, 2, 4)]


async def test_the_last_attempts_of_a_worker_are_counted_at_its_end(
    conn: Conn, database_url: str, receiver: Receiver
) -> None:
    await create_due_events(conn, await create_subscription(conn, receiver.url()), 2)

    async with (
        open_resources(settings_for(database_url)) as resources,
        storing_counts(resources),
        Deliverer(resources).recording() as deliverer,
    ):
        await deliverer.deliver_all()
        resources.stopping.set()

    assert await sums(conn) == [(0, 2, 0)]
