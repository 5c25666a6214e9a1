"""The environment of a benchmark: private servers in a temporary directory, an endpoint, equal databases, workers."""

import asyncio
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import asyncpg
import orjson

from app.auth.viewers import create_key
from app.db.migrate import migrate
from app.db.pool import Connection
from app.errors import TellgraphError
from app.settings import Settings
from app.tools.embedded import EmbeddedPostgres, EmbeddedRedis
from workers.bench.environment.marketplace import create_invoices
from workers.bench.environment.processes import Processes, first_line

_POLL_S = 0.02
_DEADLINE_S = 300.0
_SECRET_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSize:
    """The numbers of rows and rounds: large enough for steady figures, or just enough to see that all works.

    Attributes:
        growth_rounds: More than elsewhere, because the difference to measure is small.
        stream_s: Seconds for which each rate is kept up, while there are invoices.
        captured_rows: Rows of one UPDATE.
        idle_streams, idle_s: Open streams, and the seconds for which they are watched.
        backlog: Events that wait to be claimed, a multiple of 50.
    """

    invoices: int
    rounds: int
    growth_rounds: int
    fanout_invoices: int
    latencies: int
    webhooks: int
    past_events: int
    requests: int
    stream_s: float
    unwatched_webhooks: int
    unwatched_invoices: int
    captured_rows: int
    idle_streams: int
    idle_s: float
    backlog: int


FULL = BenchSize(
    invoices=1000,
    rounds=3,
    growth_rounds=9,
    fanout_invoices=20,
    latencies=200,
    webhooks=10_000,
    past_events=1_000_000,
    requests=200,
    stream_s=4.0,
    unwatched_webhooks=1_000,
    unwatched_invoices=100,
    captured_rows=8_000,
    idle_streams=1_000,
    idle_s=30,
    backlog=20_000,
)
QUICK = BenchSize(
    invoices=500,
    rounds=2,
    growth_rounds=3,
    fanout_invoices=5,
    latencies=40,
    webhooks=1_000,
    past_events=20_000,
    requests=20,
    stream_s=0.5,
    unwatched_webhooks=100,
    unwatched_invoices=50,
    captured_rows=1_000,
    idle_streams=200,
    idle_s=5,
    backlog=2_000,
)


@dataclass(slots=True, kw_only=True)
class Lab:
    """The private servers of a run. `receiver` is the endpoint's URL, without a path."""

    scale: BenchSize
    postgres: EmbeddedPostgres
    redis: EmbeddedRedis
    processes: Processes
    receiver: str
    databases: int = 0

    @asynccontextmanager
    async def database(self) -> AsyncIterator["Site"]:
        """Open a copy of the marketplace with an empty outbox, and a Redis database of its own."""
        # Redis has 16 databases. The first stays empty.
        self.databases = self.databases % 15 + 1
        name = f"bench_{time.monotonic_ns()}"
        await _run(self.postgres.url(), f"create database {name} template tellgraph strategy file_copy")
        url = self.postgres.url(name)
        conn = await asyncpg.connect(url)
        try:
            yield Site(lab=self, conn=conn, database_url=url, redis_url=_with_path(self.redis.url(), self.databases))
        finally:
            await conn.close()
            await _run(self.postgres.url("postgres"), f"drop database {name} with (force)")


@dataclass(slots=True, kw_only=True)
class Site:
    """One database and the processes that use it. `conn` makes the changes."""

    lab: Lab
    conn: Connection
    database_url: str
    redis_url: str
    secret_key: str = field(default=_SECRET_KEY, repr=False)

    @property
    def settings(self) -> Settings:
        return Settings(
            database_url=self.database_url,
            redis_url=self.redis_url,
            secret_key=self.secret_key,
            egress_allow="127.0.0.0/8",  # type: ignore[arg-type]  # split by the field's validator
            egress_allow_sellers="127.0.0.0/8",  # type: ignore[arg-type]
        )

    @asynccontextmanager
    async def running(self, command: str, **variables: str) -> AsyncIterator[subprocess.Popen[bytes]]:
        """Run `tellgraph worker` or `tellgraph serve` as an operator would."""
        environment = {
            "TELLGRAPH_DATABASE_URL": self.database_url,
            "TELLGRAPH_REDIS_URL": self.redis_url,
            "TELLGRAPH_SECRET_KEY": self.secret_key,
            "TELLGRAPH_EGRESS_ALLOW": "127.0.0.0/8",
            "TELLGRAPH_EGRESS_ALLOW_SELLERS": "127.0.0.0/8",
            **variables,
        }
        process = self.lab.processes.start("app.cli.main", command, environment=environment)
        try:
            yield process
        finally:
            self.lab.processes.stop(process)

    async def settle(self) -> None:
        """Update PostgreSQL's statistics, as autovacuum does within a minute: plans for empty tables are slow."""
        await self.conn.execute("vacuum analyze")

    @asynccontextmanager
    async def asking(self, api: subprocess.Popen[bytes], port: int) -> AsyncIterator[aiohttp.ClientSession]:
        """Give a session with a key of the operator's, once the API is ready. Raise TellgraphError as `until` does."""
        key = await create_key(self.conn, name="bench", seller_id=None)
        headers = {"Authorization": f"Bearer {key}"}
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session:
            await self.until_ready(session, api)
            yield session

    async def until_ready(self, session: aiohttp.ClientSession, api: subprocess.Popen[bytes]) -> None:
        """Wait until the API that a session asks is ready. Raise TellgraphError as `until` does."""

        async def is_ready() -> bool:
            try:
                async with session.get("/readyz") as response:
                    return response.status == 200
            except aiohttp.ClientConnectionError:
                return False

        await self.until(is_ready, api)

    async def until(self, reached: Callable[[], Awaitable[bool]], process: subprocess.Popen[bytes]) -> None:
        """Ask until the condition holds. Raise TellgraphError if that takes minutes, or if the process ends."""
        ends_at = time.monotonic() + _DEADLINE_S
        while not await reached():
            self.lab.processes.check(process, "app.cli.main")
            if time.monotonic() > ends_at:
                raise TellgraphError(f"A measurement did not come to its end within {_DEADLINE_S:.0f} s.")
            await asyncio.sleep(_POLL_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A client that asks the receiver which POSTs have arrived."""

    session: aiohttp.ClientSession
    url: str

    async def ask(self, path: str) -> bytes:
        async with self.session.get(f"{self.url}{path}") as response:
            return await response.read()

    async def posts(self) -> int:
        """Return the number of POSTs since the last reset."""
        return int(orjson.loads(await self.ask("/arrived"))["posts"])

    async def times(self) -> list[float]:
        """Return the arrival times of the POSTs, by `time.monotonic()`, in rising order."""
        return [float(one) for one in orjson.loads(await self.ask("/times"))]

    async def last_at(self) -> float:
        """Return the arrival time of the last POST, by `time.monotonic()`."""
        return float(orjson.loads(await self.ask("/arrived"))["last"][0])


@asynccontextmanager
async def endpoint_of(lab: Lab) -> AsyncIterator[Endpoint]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield Endpoint(session=session, url=lab.receiver)


@contextmanager
def running_lab(scale: BenchSize, *, say: Callable[[str], None]) -> Iterator[Lab]:
    """Run the endpoint and the servers, which are durable as in production. Remove everything at the end."""
    directory = Path(tempfile.mkdtemp(prefix="tellgraph-bench-"))
    # PostgreSQL gives up root's rights, and must still be able to enter the directory.
    directory.chmod(0o711)
    try:
        with (
            EmbeddedPostgres(directory, say=say) as postgres,
            EmbeddedRedis(directory, say=say) as redis,
            Processes(directory) as processes,
        ):
            migrate(postgres.url())
            asyncio.run(_fill(postgres.url(), scale))
            receiver = processes.start("workers.bench.environment.receiver", environment={})
            url = f"http://127.0.0.1:{first_line(receiver)}"
            yield Lab(scale=scale, postgres=postgres, redis=redis, processes=processes, receiver=url)
    finally:
        shutil.rmtree(directory)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def _fill(url: str, scale: BenchSize) -> None:
    conn = await asyncpg.connect(url)
    try:
        await create_invoices(conn, range(1, scale.invoices + 1))
    finally:
        await conn.close()


async def _run(url: str, statement: str) -> None:
    # This uses the maintenance database, because the template may have no other session while it is copied.
    conn = await asyncpg.connect(_with_path(url, "postgres"))
    try:
        await conn.execute(statement)
    finally:
        await conn.close()


def _with_path(url: str, path: object) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
