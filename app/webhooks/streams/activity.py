"""Watchers of webhook events: which events have changed, read once for all watchers that may see them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field

from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.webhook_events import WEBHOOK_EVENTS, WebhookEvent, WebhookEventId
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook_event import WebhookEventState

#: The channel of functions/note_webhook_activity.sql.
CHANNEL = "tellgraph_activity"
#: Seconds for which watchers are announced, and those after which they are announced again.
WATCHED_S, ANNOUNCED_EVERY_S = 60, 20.0
#: Changed events of one owner that wait to be read, and those of each that are read at once. Older ones are left out.
_MAX_WAITING, _READ_AT_ONCE = 1_000, 100
#: Events that wait for one watcher. Older ones are left out.
_MAX_QUEUED = 1_000


@dataclass(slots=True, kw_only=True, eq=False)
class ActivityWatcher:
    """Iterates over webhook events as they change.

    Attributes:
        watchers: Those of its process, which it leaves when it is closed.
        seller_id: Whose events it may see; None: everybody's.
        webhook_id: Whose events it wants to see; None: all webhooks'.
        states: The states that it wants to see; empty: all.
    """

    watchers: "set[ActivityWatcher]"
    seller_id: SellerId | None
    webhook_id: WebhookId | None
    states: Collection[WebhookEventState]
    _events: deque[WebhookEvent] = field(default_factory=lambda: deque(maxlen=_MAX_QUEUED))
    _filled: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, owner: SellerId, webhook_id: WebhookId) -> bool:
        """Tell whether events of this owner's webhook are to be read for it."""
        return self.seller_id in (None, owner) and self.webhook_id in (None, webhook_id)

    def put(self, event: WebhookEvent) -> None:
        if not self.states or event.state in self.states:
            self._events.append(event)
            self._filled.set()

    def __aiter__(self) -> AsyncIterator[WebhookEvent]:
        return self

    async def __anext__(self) -> WebhookEvent:
        while not self._events:
            self._filled.clear()
            await self._filled.wait()
        return self._events.popleft()

    async def aclose(self) -> None:
        self.watchers.discard(self)


class Activity:
    """The watchers of a process, and the changed events that are still to be read for them."""

    def __init__(self) -> None:
        self.watchers: set[ActivityWatcher] = set()
        #: By owner, so that one owner's flood leaves out no other's events; ids in the order of their changes.
        self._waiting: dict[SellerId, dict[WebhookEventId, None]] = {}

    def open(
        self, *, seller_id: SellerId | None, webhook_id: WebhookId | None, states: Collection[WebhookEventState]
    ) -> ActivityWatcher:
        """Return a watcher, which is told of changes until it is closed."""
        watcher = ActivityWatcher(watchers=self.watchers, seller_id=seller_id, webhook_id=webhook_id, states=states)
        self.watchers.add(watcher)
        return watcher

    def hear(self, payload: str) -> None:
        """Note the events of a notification: the owner (0 is the operator), the webhook, the events' ids."""
        owner, webhook, *ids = (int(part) for part in payload.split())
        owner_id, webhook_id = SellerId(owner), WebhookId(webhook)
        if not any(watcher.wants(owner_id, webhook_id) for watcher in self.watchers):
            return
        waiting = self._waiting.setdefault(owner_id, {})
        for event_id in ids:
            waiting.pop(WebhookEventId(event_id), None)
            waiting[WebhookEventId(event_id)] = None
        while len(waiting) > _MAX_WAITING:
            del waiting[next(iter(waiting))]

    async def tell(self, conn: Connection) -> bool:
        """Read some of the changed events and tell the watchers. Return whether there were any."""
        read: dict[WebhookEventId, SellerId] = {}
        for owner, waiting in [*self._waiting.items()]:
            for event_id in [*waiting][:_READ_AT_ONCE]:
                del waiting[event_id]
                read[event_id] = owner
            if not waiting:
                del self._waiting[owner]
        if not read:
            return False
        events = {event.id: event for event in await _list_events(conn, [*read])}
        for event_id, owner in read.items():
            event = events.get(event_id)
            if event is None:
                continue
            for watcher in self.watchers:
                if watcher.wants(owner, event.webhook_id):
                    watcher.put(event)
        return True


async def announce_watchers(conn: Connection) -> None:
    """Have changes of webhook events notified, by whoever makes them, for WATCHED_S seconds."""
    await conn.execute(
        "select setval('webhook_activity_watched', greatest(last_value, extract(epoch from clock_timestamp())::bigint"
        " + $1)) from webhook_activity_watched",
        WATCHED_S,
    )


async def _list_events(conn: Connection, ids: Sequence[WebhookEventId]) -> list[WebhookEvent]:
    rows = await conn.fetch(f"select {WEBHOOK_EVENTS.select_list('e')} from webhook_events e where e.id = any($1)", ids)
    return WEBHOOK_EVENTS.rows(rows)
