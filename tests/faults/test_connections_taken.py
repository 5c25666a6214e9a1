"""All connections taken: those of a worker's pool, and all that PostgreSQL has. That delays, and loses nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest

from tests.support.load import CHANGES, create_load, tell
from tests.support.receiver import Receiver
from tests.support.servers import PrivateServers
from tests.support.waiting import until
from tests.support.worker_process import WorkerProcess, started, worker_process

pytestmark = pytest.mark.faults

_OURS_THAT_WAIT = (
    "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'tellgraph'"
    " and wait_event_type = 'Lock'"
)


async def test_full_pool_delays_and_loses_nothing(database_url: str, redis_url: str, receiver: Receiver) -> None:
    load = await create_load(database_url, receiver, seed=9)
    conn, watching = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    with worker_process(database_url, redis_url, database_pool_size=2) as worker:
        await started(worker)
        writing = asyncio.create_task(load.write(CHANGES))
        await receiver.wait_for(count=10)
        async with conn.transaction():
            # The publisher waits for this, and the doorbell has the other connection: none is left for results.
            await conn.execute("lock table webhooks in access exclusive mode")
            await until(lambda: watching.fetchval(_OURS_THAT_WAIT))
            sent = len(receiver.deliveries)
            await writing
        recovery_s = await load.arrive()
        assert await worker.stop() == 0

    duplicates = await load.check_duplicates()
    tell("pool full", recovery_s=recovery_s, duplicates=duplicates, posts=len(receiver.deliveries))
    assert duplicates == 0
    assert len(receiver.deliveries) > sent
    await conn.close()
    await watching.close()


@asynccontextmanager
async def all_connections_taken(conn: asyncpg.Connection, url: str, worker: WorkerProcess) -> AsyncIterator[int]:
    """Take what PostgreSQL has left, then end and take those of the worker. Gives how many.

    The worker is frozen meanwhile. Otherwise it might connect again before its connection is taken.
    """
    worker.freeze()
    async with AsyncExitStack() as stack:
        taken = 0

        async def take() -> bool:
            nonlocal taken
            with contextlib.suppress(asyncpg.TooManyConnectionsError):
                while True:
                    stack.push_async_callback((await asyncpg.connect(url, timeout=5)).close)
                    taken += 1
            return not await conn.fetchval(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'tellgraph'"
            )

        await until(take)
        worker.thaw()
        yield taken


async def test_server_without_connections_left_delays_and_loses_nothing(
    private_servers: PrivateServers, receiver: Receiver
) -> None:
    url = private_servers.database_url
    load = await create_load(url, receiver, seed=10)
    conn = await asyncpg.connect(url)
    with (
        worker_process(url, private_servers.redis_url, deliver_lease_s=2) as worker,
        worker_process(url, private_servers.redis_url, deliver_lease_s=2) as late,
    ):
        await started(worker)
        await load.write(20)
        await receiver.wait_for(count=10)
        async with all_connections_taken(conn, url, worker) as taken:
            await conn.execute("update variants set count_on_hand = 1")
            await worker.wait_for("doorbell.lost")
            # Nor does one that starts now give up.
            await asyncio.to_thread(late.start)
            await late.wait_for("worker.waiting_for_postgresql")
        recovery_s = await load.arrive()
        assert (await worker.stop(), await late.stop()) == (0, 0)

    duplicates = await load.check_duplicates()
    tell("no connections left", recovery_s=recovery_s, taken=taken, duplicates=duplicates)
    await conn.close()
