"""The connections and caches that a worker process holds for its lifetime."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from databases import Database

from app.capture.floors import Floors
from app.db.hosts import UNREACHABLE
from app.db.migrate import check_revision
from app.db.pool import connection, create_database
from app.db.server import unreachable
from app.settings import Settings
from app.telemetry.outages import Outage
from app.webhooks.cel.filters import FilterProcess
from app.webhooks.db.counts.delivery_minutes import DeliveryTally
from app.webhooks.db.ordering.blocked_events import Place
from workers.http import transport
from workers.http.dns import DnsClient
from workers.publish.budget import Pace
from workers.publish.subscriptions import Subscriptions

RECONNECT_S = 1.0


@dataclass(slots=True, kw_only=True)
class Resources:
    """The resources of one worker process.

    `stopping` is set when the process is to end. Then nothing new is claimed, and POSTs in flight go on.
    """

    settings: Settings
    database: Database
    transport: httpx.AsyncBaseTransport
    filters: FilterProcess = field(default_factory=FilterProcess)
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    pace: Pace = field(default_factory=Pace)
    floors: Floors = field(default_factory=Floors)
    deliveries: DeliveryTally = field(default_factory=DeliveryTally)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    #: When this process last counted webhooks for the metrics, by the monotonic clock; None: not yet.
    counted_at: float | None = None
    #: Behind which webhook the next look for blocked events begins.
    blocked_place: Place = field(default_factory=Place)

    def is_to_count(self, *, every_s: float) -> bool:
        """Tell whether the last count is so many seconds old, and take this one as the last."""
        now = time.monotonic()
        if self.counted_at is not None and now < self.counted_at + every_s:
            return False
        self.counted_at = now
        return True

    async def pause(self, seconds: float) -> None:
        """Wait for so many seconds, or until the process is to end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)


@asynccontextmanager
async def open_resources(settings: Settings, *, stopping: asyncio.Event | None = None) -> AsyncIterator[Resources]:
    """Connect to PostgreSQL and make the transport. Close both at the end.

    While PostgreSQL is unreachable, wait. If `stopping` is set first, nothing is connected.

    Raises:
        PostgresError: Waiting can't help, as with a wrong password.
        Conflict: The database must be migrated first, or another version has made it.
    """
    assert settings.database_url is not None, "the command fills in the embedded server's URL"
    database = create_database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        timeout_s=settings.database_timeout_s,
        by_index=True,
    )
    resources = Resources(
        settings=settings,
        database=database,
        transport=transport.create_transport(names=DnsClient(settings.name_servers)),
        stopping=stopping or asyncio.Event(),
    )
    try:
        await _connect(resources)
        yield resources
    finally:
        await resources.filters.close()
        await resources.transport.aclose()
        await database.disconnect()


async def _connect(resources: Resources) -> None:
    outage = Outage("worker.waiting_for_postgresql", "worker.reached_postgresql")
    while not resources.stopping.is_set():
        try:
            await resources.database.connect()
        except UNREACHABLE as error:
            outage.note(unreachable(str(resources.settings.database_url), error))
            await resources.pause(RECONNECT_S)
            continue
        outage.end()
        async with connection(resources.database) as conn:
            await check_revision(conn)
        return
