"""A canary: one small webhook whose entity changes all the time. It shows whether other work delays its events.

`running_scene` starts two workers beside it and measures how they are at rest; `Scene.storm` measures them under load.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
from aiohttp import web

from tests.builders.deliveries import create_subscription
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.load import IS_LONG, tell
from tests.support.receiver import Delivery, Receiver
from tests.support.sink import Sink
from tests.support.worker_process import COMMAND, WorkerProcess, started, worker_process

_QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { buyerFirstName } } }"
_BEAT_S = 0.2
_QUIET_S = 10.0 if IS_LONG else 2.0
#: What has not come by then counts as so late.
_LAST_WAIT_S = 10.0
#: From a change to its POST: of 95 in 100, and of all. The short form runs beside other tests on the same cores.
P95_S = 1.0 if IS_LONG else 5.0
MAX_S = 3.0 if IS_LONG else 8.0
#: A machine with much else to do is slow with everything. Then they may be these shares of the whole storm: what holds
#: up others until it is done makes them wait for nearly all of it.
_P95_SHARE = 0.15
_MAX_SHARE = 0.3
#: Such a machine makes the canary slow at rest, too: then the load may make it so many times slower.
_P95_RATIO = 10
_MAX_RATIO = 15
PEAK_MIB = 400
WORKERS = 2


@dataclass(slots=True)
class Latencies:
    """Seconds from each change to the POST that told it, or a later one."""

    seconds: list[float] = field(default_factory=list)

    @property
    def p95_s(self) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) * 95 // 100, len(ordered) - 1)]

    @property
    def max_s(self) -> float:
        return max(self.seconds)


@dataclass(slots=True, kw_only=True)
class Canary:
    """An invoice of a seller that has nothing to do with the load, and its webhook."""

    conn: asyncpg.Connection
    receiver: Receiver
    invoice_id: int
    _latencies: Latencies = field(default_factory=Latencies)
    _written: dict[int, float] = field(default_factory=dict)
    _told: asyncio.Event = field(default_factory=asyncio.Event)
    _last: int = 0

    async def answer(self, delivery: Delivery) -> web.StreamResponse:
        """Note which changes are told by this POST: those before it count as told, too."""
        now = time.monotonic()
        told = int(delivery.data["node"]["buyerFirstName"])
        # Its body is of no use any more, and thousands of them would be kept.
        self.receiver.deliveries.clear()
        for number in [number for number in self._written if number <= told]:
            self._latencies.seconds.append(now - self._written.pop(number))
        self._told.set()
        return web.Response()

    async def beat(self) -> None:
        """Change the invoice once."""
        self._last += 1
        self._written[self._last] = time.monotonic()
        await self.conn.execute(
            "update invoices set buyer_first_name = $1 where id = $2", str(self._last), self.invoice_id
        )

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[Latencies]:
        """Change the invoice again and again until the block ends, and wait for the last POST."""
        self._latencies, ending = Latencies(), asyncio.Event()
        beating = asyncio.create_task(self._beat_until(ending))
        try:
            yield self._latencies
        finally:
            ending.set()
            await beating
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_told(), _LAST_WAIT_S)
            now = time.monotonic()
            self._latencies.seconds += [now - written for written in self._written.values()]
            self._written.clear()

    async def _all_told(self) -> None:
        while self._written:
            self._told.clear()
            await self._told.wait()

    async def _beat_until(self, ending: asyncio.Event) -> None:
        while not ending.is_set():
            await self.beat()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), _BEAT_S)


@dataclass(slots=True, kw_only=True)
class Figures:
    """The figures of a storm. `peaks_mib` is the peak memory of each worker."""

    latencies: Latencies = field(default_factory=Latencies)
    peaks_mib: list[float] = field(default_factory=list)
    took_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class Scene:
    """Two workers, the canary at rest, and an endpoint for the load."""

    conn: asyncpg.Connection
    workers: Sequence[WorkerProcess]
    sink: Sink
    canary: Canary
    quiet: Latencies

    @asynccontextmanager
    async def storm(self, what: str) -> AsyncIterator[Figures]:
        """Measure the canary and the workers' memory until the block ends. `what` names it in the report."""
        begun = time.monotonic()
        figures = Figures()
        try:
            async with self.canary.beating() as figures.latencies:
                try:
                    yield figures
                finally:
                    figures.took_s = time.monotonic() - begun
        finally:
            figures.peaks_mib = [worker.peak_bytes() / 2**20 for worker in self.workers]
            self._tell(what, figures)

    async def settle(self, *, entity_type: str = "Variant", within_s: float | None = None) -> None:
        """Wait until nothing of this type waits to be published or sent; not the canary's."""
        ends_at = time.monotonic() + (within_s or (3600 if IS_LONG else 180))
        while left := await self._left(entity_type):
            assert time.monotonic() < ends_at, f"not settled; left are {left}"
            await asyncio.sleep(0.1)

    async def _left(self, entity_type: str) -> str | None:
        """Say what is left; None when nothing is."""
        if await self.conn.fetchval(
            "select exists (select from change_events where published_at is null and entity_type = $1)", entity_type
        ):
            return "unpublished changes"
        if await self.conn.fetchval(
            "select exists (select from webhook_events where state in ('PENDING', 'SENDING', 'RETRYING')"
            " and entity_type = $1)",
            entity_type,
        ):
            return "open webhook events"
        return None

    async def states(self, entity_type: str = "Variant") -> dict[str, int]:
        """Return how many webhook events of this type are in which state."""
        rows = await self.conn.fetch(
            "select state, count(*) as number from webhook_events where entity_type = $1 group by 1", entity_type
        )
        return {row["state"]: row["number"] for row in rows}

    def failures(self) -> list[str]:
        """Return lines of the workers' logs that tell of a failure."""
        return [line for worker in self.workers for line in worker.failures()]

    def _tell(self, what: str, figures: Figures) -> None:
        tell(
            what,
            quiet_p95_s=self.quiet.p95_s,
            p95_s=figures.latencies.p95_s,
            max_s=figures.latencies.max_s,
            beats=len(figures.latencies.seconds),
            peak_mib=max(figures.peaks_mib),
            took_s=figures.took_s,
        )

    def check(self, figures: Figures) -> None:
        """Fail when the canary was late, or a worker has had too much memory."""
        late, took_s, rest_s = figures.latencies, figures.took_s, self.quiet.p95_s
        most_p95_s = max(P95_S, _P95_SHARE * took_s, _P95_RATIO * rest_s)
        most_s = max(MAX_S, _MAX_SHARE * took_s, _MAX_RATIO * rest_s)
        assert late.p95_s <= most_p95_s, f"p95 {late.p95_s:.2f} s of {took_s:.2f} s, {rest_s:.2f} s at rest"
        assert late.max_s <= most_s, f"longest {late.max_s:.2f} s of {took_s:.2f} s, {rest_s:.2f} s at rest"
        assert max(figures.peaks_mib) <= PEAK_MIB, figures.peaks_mib


async def create_canary(conn: asyncpg.Connection, receiver: Receiver) -> Canary:
    seller = await create_seller(conn)
    invoice = await create_invoice(conn, seller_id=seller.id)
    await create_subscription(conn, receiver.url("/canary"), seller_id=seller.id, query_string=_QUERY)
    canary = Canary(conn=conn, receiver=receiver, invoice_id=int(invoice.id))
    receiver.answering = canary.answer
    return canary


@asynccontextmanager
async def running_scene(
    database_url: str,
    redis_url: str,
    receiver: Receiver,
    sink: Sink,
    *,
    command: Sequence[str] = COMMAND,
    **settings: int,
) -> AsyncIterator[Scene]:
    """Start the workers on what is there, of which nothing is told, and measure the canary at rest.

    `command` is what they run, before `worker`.
    """
    conn, writer = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(conn.close)
        stack.push_async_callback(writer.close)
        canary = await create_canary(writer, receiver)
        await conn.execute("update change_events set published_at = now() where published_at is null")
        await conn.execute("analyze")
        workers = [stack.enter_context(worker_process(database_url, redis_url, **settings)) for _ in range(WORKERS)]
        for worker in workers:
            worker.command = command
        await asyncio.gather(*(started(worker) for worker in workers))
        async with canary.beating() as quiet:
            await asyncio.sleep(_QUIET_S)
        yield Scene(conn=conn, workers=workers, sink=sink, canary=canary, quiet=quiet)
        for worker in workers:
            worker.kill()
