"""A worker that is killed at each stage of publishing and of delivering.

It is at that stage, and not on its way: a lock that it waits for, or its endpoint, holds it there.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from aiohttp import web

from tests.support.frozen import BY_CLAIMS, CLAIM_LOCK, CLAIMING
from tests.support.held import held
from tests.support.hostile import HostileConnection, hostile_server
from tests.support.load import Load, create_load, tell
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process

pytestmark = pytest.mark.faults

VARIANTS = 5
LEASE_S = 2
#: In the beginning of the statement, which is all of it that PostgreSQL shows.
RECORDING = "recorded as"


async def state(load: Load) -> dict[str, int]:
    """Count the webhook events by state. Unpublished changes count as 1."""
    conn = await asyncpg.connect(load.database_url)
    try:
        row = await conn.fetchrow(
            "select (exists (select from change_events where published_at is null))::integer as unpublished,"
            " (select count(*) from webhook_events where state = 'PENDING') as pending,"
            " (select count(*) from webhook_events where state = 'SENDING') as sending,"
            " (select count(*) from webhook_events where state = 'DELIVERED') as delivered"
        )
    finally:
        await conn.close()
    assert row is not None
    return {name: number for name, number in row.items() if number}


@asynccontextmanager
async def killed_when(load: Load, redis_url: str, reached: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Kill a worker as soon as it reaches that stage. It is dead while the context is open."""
    with worker_process(load.database_url, redis_url, deliver_lease_s=LEASE_S) as worker:
        await started(worker)
        await reached()
        worker.kill()
    yield


async def recover(load: Load, redis_url: str, stage: str) -> int:
    """Start another worker, which finishes all work. Return how much was sent twice."""
    dead_at = time.monotonic()
    with worker_process(load.database_url, redis_url, deliver_lease_s=LEASE_S) as other:
        await started(other)
        await load.arrive()
        recovery_s = time.monotonic() - dead_at
        assert await other.stop() == 0
    duplicates = await load.check_duplicates()
    tell(f"killed, {stage}", recovery_s=recovery_s, duplicates=duplicates, posts=len(load.receiver.deliveries))
    return duplicates


@pytest.mark.parametrize(
    ("stage", "lock", "waiting", "left"),
    [
        ("claimed", "lock table variants in access exclusive mode", "variants", {"unpublished": 1}),
        ("rendered", "lock table payloads in share mode", "insert into payloads", {"unpublished": 1}),
        ("made", "lock table delivery_attempts in share mode", "with given as", {"unpublished": 1}),
        ("stored", "lock table change_events in share mode", "update change_events", {"unpublished": 1}),
        (
            "committed",
            "select pg_advisory_xact_lock(7202, id::integer) from webhooks",
            "claim_webhook_events",
            {"pending": VARIANTS},
        ),
    ],
)
async def test_killed_while_it_publishes(
    database_url: str, redis_url: str, receiver: Receiver, stage: str, lock: str, waiting: str, left: dict[str, int]
) -> None:
    load = await create_load(database_url, receiver, seed=21, variants=VARIANTS)

    async with (
        held(database_url, lock) as lock_held,
        killed_when(load, redis_url, lambda: lock_held.reached(waiting)),
    ):
        await lock_held.end_waiting()
        assert await state(load) == left
        assert receiver.deliveries == []

    assert await recover(load, redis_url, f"publishing, {stage}") == 0
    assert len(receiver.deliveries) == VARIANTS


@pytest.mark.parametrize("is_committed", [False, True])
async def test_killed_while_it_claims(
    database_url: str, redis_url: str, receiver: Receiver, is_committed: bool
) -> None:
    load = await create_load(database_url, receiver, seed=22, variants=VARIANTS)

    await _execute(load, BY_CLAIMS)

    # The statement that claims is sent whole: PostgreSQL may go on with it when nobody waits for the answer any more.
    async with (
        held(database_url, CLAIM_LOCK) as lock_held,
        killed_when(load, redis_url, lambda: lock_held.reached(CLAIMING)),
    ):
        if not is_committed:
            await lock_held.end_waiting()
    await until(lambda: _is(load, {"sending" if is_committed else "pending": VARIANTS}))

    assert await recover(load, redis_url, f"claiming, {'committed' if is_committed else 'rolled back'}") == 0
    assert len(receiver.deliveries) == VARIANTS


async def _is(load: Load, wanted: dict[str, int]) -> bool:
    return await state(load) == wanted


@pytest.mark.parametrize("stage", ["connected", "sent", "answered in part"])
async def test_killed_with_posts_in_flight(database_url: str, redis_url: str, receiver: Receiver, stage: str) -> None:
    load = await create_load(database_url, receiver, seed=23, variants=VARIANTS)
    at_stage = 0

    async def hold(connection: HostileConnection) -> None:
        nonlocal at_stage
        if stage != "connected":
            await connection.read_request()
        if stage == "answered in part":
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        at_stage += 1
        await asyncio.Event().wait()

    async def all_at_stage() -> None:
        await until(lambda: asyncio.sleep(0, at_stage == VARIANTS))

    async with hostile_server(hold) as endpoint:
        await _point(load, endpoint.url)
        async with killed_when(load, redis_url, all_at_stage):
            assert await state(load) == {"sending": VARIANTS}
    await _point(load, receiver.url())

    assert await recover(load, redis_url, f"delivering, {stage}") == 0
    # The endpoint had each of them at most once before, under the same id.
    sent_before = {_id_of(request) for request in endpoint.requests}
    ids = [one.headers["webhook-id"] for one in receiver.deliveries]
    assert len(ids) == len(set(ids)) == VARIANTS
    assert len(endpoint.requests) == (0 if stage == "connected" else VARIANTS)
    assert sent_before <= set(ids)


def _id_of(request: bytes) -> str:
    head = request.split(b"\r\n\r\n")[0].decode()
    return next(line.split(": ")[1] for line in head.split("\r\n") if line.lower().startswith("webhook-id"))


async def _point(load: Load, url: str) -> None:
    await _execute(load, "update webhooks set url = $1, timeout_s = 3", url)


async def _execute(load: Load, sql: str, *args: object) -> None:
    conn = await asyncpg.connect(load.database_url)
    await conn.execute(sql, *args)
    await conn.close()


@pytest.mark.parametrize("is_committed", [False, True])
async def test_killed_while_it_records(
    database_url: str, redis_url: str, receiver: Receiver, is_committed: bool
) -> None:
    load = await create_load(database_url, receiver, seed=24, variants=VARIANTS)
    answer = asyncio.Event()

    async def when_told(_: Delivery) -> web.StreamResponse:
        await answer.wait()
        return web.Response()

    receiver.answering = when_told
    with worker_process(database_url, redis_url, deliver_lease_s=LEASE_S) as worker:
        await started(worker)
        await receiver.wait_for(count=VARIANTS)
        # The rows: the table's lock would be waited for before the statement runs, and it would never run.
        async with held(database_url, "select from delivery_attempts for no key update") as lock_held:
            answer.set()
            await lock_held.reached(RECORDING)
            worker.kill()
            if not is_committed:
                await lock_held.end_waiting()

    duplicates = await recover(load, redis_url, f"recording, {'committed' if is_committed else 'rolled back'}")
    # One statement records what has been answered by then; the answers after it die with the worker.
    assert duplicates < VARIANTS if is_committed else duplicates == VARIANTS
    assert len(receiver.deliveries) == VARIANTS + duplicates


async def test_killed_when_all_is_recorded(database_url: str, redis_url: str, receiver: Receiver) -> None:
    load = await create_load(database_url, receiver, seed=25, variants=VARIANTS)

    async with killed_when(load, redis_url, load.arrive):
        assert await state(load) == {"delivered": VARIANTS}

    assert await recover(load, redis_url, "recorded") == 0
    assert len(receiver.deliveries) == VARIANTS
