"""From commit to the request received, with an idle worker in a process of its own."""

import asyncio
import random
import statistics
import time

import asyncpg
from aiohttp import web

from tests.support.load import create_load, tell
from tests.support.receiver import Delivery, Receiver
from tests.support.worker_process import started, worker_process

#: The longest that an operator may set.
IDLE_POLL_S = 5


async def test_idle_worker_is_rung_and_does_not_poll(database_url: str, redis_url: str, receiver: Receiver) -> None:
    chance = random.Random(1)
    arrivals: list[float] = []

    async def answer(_: Delivery) -> web.StreamResponse:
        arrivals.append(time.monotonic())
        return web.Response()

    receiver.answering = answer
    load = await create_load(database_url, receiver, seed=1, variants=1)
    conn = await asyncpg.connect(database_url)
    latencies_ms = []
    with worker_process(database_url, redis_url, idle_poll_s=IDLE_POLL_S) as worker:
        await started(worker)
        await receiver.wait_for()
        for number in range(100):
            # Idle again, at no fixed distance from any clock of the worker's.
            await asyncio.sleep(chance.uniform(0.03, 0.08))
            committed = time.monotonic()
            await conn.execute("update variants set count_on_hand = $1 where id = $2", 500 + number, load.variants[0])
            await receiver.wait_for(count=number + 2)
            latencies_ms.append(1000 * (arrivals[-1] - committed))
    await conn.close()

    p50, p99 = statistics.median(latencies_ms), statistics.quantiles(latencies_ms, n=100)[98]
    tell("commit to request received, ms", p50=p50, p99=p99, worst=max(latencies_ms))
    # Found by looking, each would have waited for half of that.
    assert p50 < 1000 * IDLE_POLL_S / 5
