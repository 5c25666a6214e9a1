"""The hub of a process: it listens once for all streams, and tells each what it waits for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from app.db.pool import DATABASE_ERRORS, Connection, connection, create_database
from app.errors import DatabaseUnavailable
from app.kernel.cancellation import cancel_tasks
from app.marketplace.catalogue.db.sellers import SellerId
from app.telemetry.outages import Outage
from app.webhooks.db.taking.webhook_takers import note_taker
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.streams import activity, messages
from app.webhooks.streams.activity import Activity, ActivityWatcher
from app.webhooks.streams.messages import MessageTakers

_RECONNECT_S = 0.5
#: Seconds that a new stream waits until the hub listens for it.
_READY_S = 5.0
#: Seconds between two readings of changed events, so that one reading serves many of them.
_REST_S = 0.02
#: Seconds without a notification after which the hub asks whether its connection is alive.
_PROBE_S = 5.0
#: Seconds between two notes of the webhooks whose messages are waited for: without a taker, temporary ones are deleted.
_NOTED_EVERY_S = 300.0


class Hub:
    """Listens while the process has had a stream. After a lost connection it listens anew, and wakes everybody.

    Args:
        database_url, timeout_s: As in `create_database`. The hub has a connection of its own.
        noted_every_s: Seconds between two notes of the webhooks whose messages are waited for.
    """

    def __init__(self, database_url: str, *, timeout_s: float, noted_every_s: float = _NOTED_EVERY_S) -> None:
        self._url, self._timeout_s, self._noted_every_s = database_url, timeout_s, noted_every_s
        self._activity, self._takers = Activity(), MessageTakers()
        self._heard, self._listening, self._announced = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._announced_at = -activity.ANNOUNCED_EVERY_S
        self._noted_at = 0.0
        self._running: asyncio.Task[None] | None = None
        self._outage = Outage("hub.lost", "hub.back")

    async def watch(
        self, *, seller_id: SellerId | None, webhook_id: WebhookId | None, states: Collection[WebhookEventState]
    ) -> ActivityWatcher:
        """Return a watcher that is told of all changes from now on, until it is closed. Raises DatabaseUnavailable."""
        if not self._activity.watchers:
            self._announced.clear()
            self._announced_at = -activity.ANNOUNCED_EVERY_S
        watcher = self._activity.open(seller_id=seller_id, webhook_id=webhook_id, states=states)
        try:
            await self._ready(self._announced)
        except BaseException:
            await watcher.aclose()
            raise
        return watcher

    @asynccontextmanager
    async def taking(self, webhook_id: WebhookId) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set whenever the webhook may have messages. Raises DatabaseUnavailable."""
        with self._takers.waiting(webhook_id) as woken:
            await self._ready(self._listening)
            yield woken

    @asynccontextmanager
    async def polling(self, webhook_id: WebhookId) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set when a request that waits for messages is to look. Raises DatabaseUnavailable."""
        with self._takers.polling(webhook_id) as woken:
            await self._ready(self._listening)
            yield woken

    def found_nothing(self, webhook_id: WebhookId) -> None:
        """Note that a taker has found nothing: it is woken when the next event is due."""
        self._takers.found_nothing(webhook_id)
        self._heard.set()

    async def close(self) -> None:
        """End listening."""
        self._takers.close()
        if self._running is not None:
            await cancel_tasks(self._running)

    async def _ready(self, state: asyncio.Event) -> None:
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        self._heard.set()
        try:
            async with asyncio.timeout(_READY_S):
                await state.wait()
        except TimeoutError:
            raise DatabaseUnavailable("The database can't be reached at the moment.") from None

    async def _run(self) -> None:
        while True:
            try:
                async with (
                    create_database(self._url, pool_size=1, timeout_s=self._timeout_s) as database,
                    connection(database) as conn,
                ):
                    await self._listen(conn)
            except DATABASE_ERRORS as error:
                self._outage.note(error)
            finally:
                self._listening.clear()
                self._announced.clear()
            await asyncio.sleep(_RECONNECT_S)

    async def _listen(self, conn: Connection) -> None:
        """Listen until the connection is lost, for which this raises one of DATABASE_ERRORS."""
        conn.add_termination_listener(self._hear_end)
        await conn.add_listener(activity.CHANNEL, self._hear_activity)
        await conn.add_listener(messages.CHANNEL, self._hear_messages)
        self._outage.end()
        self._announced_at = -activity.ANNOUNCED_EVERY_S
        self._listening.set()
        self._takers.wake_all()
        try:
            while True:
                if conn.is_closed():
                    raise DatabaseUnavailable("The connection that listens was lost.")
                self._heard.clear()
                await self._announce(conn)
                await self._note_takers(conn)
                await self._takers.plan(conn)
                if await self._activity.tell(conn):
                    await asyncio.sleep(_REST_S)
                    continue
                if not await self._wait(min(_PROBE_S, self._noted_every_s)):
                    await conn.execute("select 1")
        finally:
            # What a pool takes back may not have listeners.
            with contextlib.suppress(*DATABASE_ERRORS):
                conn.terminate()

    async def _announce(self, conn: Connection) -> None:
        now = asyncio.get_running_loop().time()
        if self._activity.watchers and now - self._announced_at >= activity.ANNOUNCED_EVERY_S:
            await activity.announce_watchers(conn)
            self._announced_at = now
            self._announced.set()

    async def _note_takers(self, conn: Connection) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._noted_at >= self._noted_every_s:
            self._noted_at = now
            await note_taker(conn, self._takers.list_waited_for())

    async def _wait(self, seconds: float) -> bool:
        """Wait for something to do. Return whether there was something in time."""
        with contextlib.suppress(TimeoutError):
            # Not `wait_for`, which before Python 3.12 may swallow a cancellation.
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        return self._heard.is_set()

    def _hear_activity(self, _: object, __: int, ___: str, payload: object) -> None:
        self._activity.hear(str(payload))
        self._heard.set()

    def _hear_messages(self, _: object, __: int, ___: str, payload: object) -> None:
        self._takers.hear(str(payload))

    def _hear_end(self, _: object) -> None:
        self._heard.set()
