"""Changes at a rate, two workers, an API that is read, an endpoint that fails now and then, and faults at random.

One worker and the API live through all of it, so that their growth can be seen; the other worker is killed.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import asyncpg
import httpx
from aiohttp import web

from app.auth.viewers import create_key
from app.db.pool import DATABASE_ERRORS
from schema.entities import global_ids
from tests.builders.deliveries import create_subscription, make_retries_due
from tests.builders.variants import create_variant
from tests.soak.gauges import Gauges
from tests.soak.ledger import EVERY, LATEST, Ledger
from tests.support.load import QUERY
from tests.support.receiver import Delivery, Receiver, running_receiver
from tests.support.servers import PrivateServers
from tests.support.waiting import until
from tests.support.worker_process import WorkerProcess, started, worker_process

VARIANTS = 200
PAGE = "{ invoices(first: 20) { nodes { id } } sellers(first: 20) { nodes { id businessName updatedAt } } }"
FAULTS = ("kill worker", "disconnect", "flush Redis", "restart PostgreSQL", "crash PostgreSQL", "endpoint fails")
SAMPLE_S = 5.0
#: How long the endpoint fails.
FAILING_S = 5.0


@dataclass(slots=True, kw_only=True)
class Soak:
    """A run while it lasts, and its counts.

    Attributes:
        committed: Changes whose commit PostgreSQL has confirmed.
        answered: Pages that the API has answered; `unanswered`: those that it has not.
        lost: Set at the end: events that have not been delivered, and variants whose newest state was not told.
    """

    rate: float
    fault_every_s: float
    chance: random.Random
    servers: PrivateServers
    receiver: Receiver
    steady: WorkerProcess
    killed: WorkerProcess
    api: WorkerProcess
    key: str
    variants: list[int]
    ledger: Ledger = field(default_factory=Ledger)
    gauges: Gauges = field(default_factory=Gauges)
    faults: Counter[str] = field(default_factory=Counter)
    committed: int = 0
    answered: int = 0
    unanswered: int = 0
    lost: int = 0
    seconds: float = 0
    _begun: float = field(default_factory=time.monotonic)
    _is_over: asyncio.Event = field(default_factory=asyncio.Event)
    _fails_until: float = 0

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._begun

    async def run(self, seconds: float, told: Callable[["Soak"], None]) -> None:
        """Run for so long, or until `end`, wait for the rest without faults, and count what was lost.

        Args:
            told: Is called at times.
        """
        work = (self._write(), self._read(), self._inject(), self._sample(told))
        tasks = [asyncio.create_task(one) for one in work]
        try:
            done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            self.end()
            self._fails_until = 0
        for task in done:
            task.result()
        await asyncio.gather(*tasks)
        self.seconds = self.elapsed_s
        await self._settle()
        await self._count_lost()

    def end(self) -> None:
        """End load and faults now."""
        self._is_over.set()

    async def answer(self, delivery: Delivery) -> web.StreamResponse:
        # Bodies of an hour are too much to keep.
        self.receiver.deliveries.clear()
        self.ledger.note(delivery)
        return web.Response(status=503 if time.monotonic() < self._fails_until else 200)

    async def _pause(self, seconds: float) -> bool:
        """Wait; return whether the run goes on."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_over.wait(), seconds)
        return not self._is_over.is_set()

    async def _write(self) -> None:
        conn: asyncpg.Connection | None = None
        due = time.monotonic()
        while await self._pause(max(due - time.monotonic(), 0)):
            due = max(due + 1 / self.rate, time.monotonic() - 1)
            try:
                conn = conn if conn and not conn.is_closed() else await asyncpg.connect(self.servers.database_url)
                sql = "update variants set count_on_hand = $1 where id = $2"
                await conn.execute(sql, 1000 + self.committed, self.chance.choice(self.variants))
            except DATABASE_ERRORS:
                conn = None
                await self._pause(0.1)
                continue
            self.committed += 1
        if conn is not None and not conn.is_closed():
            await conn.close()

    async def _read(self) -> None:
        url = self.api.lines("serve.ready")[-1]["url"]
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {self.key}"}, timeout=10) as http:
            while await self._pause(0.2):
                try:
                    answer = (await http.post(url, json={"query": PAGE})).json()
                except httpx.HTTPError:
                    self.unanswered += 1
                else:
                    self.answered += "errors" not in answer
                    self.unanswered += "errors" in answer

    async def _inject(self) -> None:
        while await self._pause(self.chance.uniform(0.5, 1.5) * self.fault_every_s):
            fault = self.chance.choice(FAULTS)
            self.faults[fault] += 1
            match fault:
                case "kill worker":
                    self.killed.kill()
                    await started(self.killed)
                case "disconnect":
                    await self._in_database(
                        lambda conn: conn.execute(
                            "select pg_terminate_backend(pid) from pg_stat_activity"
                            " where application_name = 'tellgraph'"
                        )
                    )
                case "flush Redis":
                    await asyncio.to_thread(self.servers.redis.stop)
                    await asyncio.to_thread(self.servers.redis.start)
                case "restart PostgreSQL":
                    await asyncio.to_thread(self.servers.postgres.restart, "fast")
                case "crash PostgreSQL":
                    await asyncio.to_thread(self.servers.postgres.restart, "immediate")
                case _:
                    self._fails_until = time.monotonic() + FAILING_S

    async def _sample(self, told: Callable[["Soak"], None]) -> None:
        while True:
            for name, process in (("worker", self.steady), ("API", self.api)):
                assert process.process is not None
                assert process.process.poll() is None, process.read()[-2000:]
                self.gauges.note_process(name, process.process.pid, self.elapsed_s)
            await self._in_database(lambda conn: self.gauges.note_tables(conn, self.elapsed_s))
            told(self)
            if not await self._pause(SAMPLE_S):
                return

    async def _in_database(self, work: Callable[[asyncpg.Connection], Awaitable[object]]) -> None:
        """Do it on a connection of its own, as soon as PostgreSQL is there."""

        async def is_done() -> bool:
            with suppress(*DATABASE_ERRORS):
                conn = await asyncpg.connect(self.servers.database_url, timeout=5)
                try:
                    await work(conn)
                finally:
                    await conn.close()
                return True
            return False

        await until(is_done)

    async def _settle(self) -> None:
        """Wait until every change is published and every event has ended. Retries are not waited for."""
        is_settled = (
            "select not exists (select from change_events_open) and not exists (select from webhook_events_open)"
        )
        found = [False]

        async def look(conn: asyncpg.Connection) -> None:
            await make_retries_due(conn)
            found[0] = await conn.fetchval(is_settled)

        async def has_settled() -> bool:
            await self._in_database(look)
            return found[0]

        await until(has_settled, deadline_s=300 + self.seconds)

    async def _count_lost(self) -> None:
        async def count(conn: asyncpg.Connection) -> None:
            events = await conn.fetch(
                "select e.id, w.url, e.state from webhook_events e join webhooks w on w.id = e.webhook_id"
            )
            present = await conn.fetch("select id, count_on_hand from variants")
            untold = sum(
                self.ledger.state.get(global_ids.encode("Variant", row["id"])) != row["count_on_hand"]
                for row in present
            )
            every = [row for row in events if row["url"].endswith(EVERY)]
            arrived = self.ledger.arrivals[EVERY]
            undelivered = sum(
                row["state"] != "DELIVERED" or global_ids.encode("WebhookEvent", row["id"]) not in arrived
                for row in every
            )
            # A commit whose confirmation was lost makes one more.
            unmade = max(self.committed + len(self.variants) - len(every), 0)
            self.lost = untold + undelivered + unmade

        await self._in_database(count)


@asynccontextmanager
async def running_soak(servers: PrivateServers, *, rate: float, fault_every_s: float, seed: int) -> AsyncIterator[Soak]:
    """Start two workers and the API, with two webhooks about some variants."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(running_receiver())
        conn = await asyncpg.connect(servers.database_url)
        try:
            key = await create_key(conn, name="soak", seller_id=None)
            for path in (EVERY, LATEST):
                await create_subscription(
                    conn, receiver.url(path), type="VARIANT", query_string=QUERY, every_change=path == EVERY
                )
            variants = [int((await create_variant(conn)).id) for _ in range(VARIANTS)]
        finally:
            await conn.close()
        urls = (servers.database_url, servers.redis_url)
        steady, killed, api = [stack.enter_context(worker_process(*urls)) for _ in range(3)]
        soak = Soak(
            rate=rate,
            fault_every_s=fault_every_s,
            chance=random.Random(seed),
            servers=servers,
            receiver=receiver,
            steady=steady,
            killed=killed,
            api=api,
            key=key,
            variants=variants,
        )
        receiver.answering = soak.answer
        await asyncio.to_thread(api.start_api)
        await asyncio.gather(started(steady), started(killed), api.wait_for("serve.ready"))
        yield soak
