"""Takers of pulled webhooks' messages: each is woken when there may be something to take."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from app.db.pool import Connection
from app.webhooks.db.transitions import DUE_STATES
from app.webhooks.db.webhooks import WebhookId

#: The channel: a webhook's id, of which something was committed that may be taken.
CHANNEL = "tellgraph_messages"
#: Seconds between two looks at what is due already and can't be taken, since others of its webhook are in flight.
_AGAIN_S = 1.0


class MessageTakers:
    """The takers of a process. They wait for a notification, or for the time at which the next event is due."""

    def __init__(self) -> None:
        self._waiting: dict[WebhookId, set[asyncio.Event]] = {}
        #: The requests that wait, in their order. One is woken at a time: a thousand would all look at once.
        self._polls: dict[WebhookId, deque[asyncio.Event]] = {}
        self._timers: dict[WebhookId, asyncio.TimerHandle] = {}
        #: Webhooks whose takers have found nothing, and whose next time is not known yet.
        self._unplanned: set[WebhookId] = set()

    @contextmanager
    def waiting(self, webhook_id: WebhookId) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever the webhook may have messages. The taker clears it before it looks."""
        woken = asyncio.Event()
        self._waiting.setdefault(webhook_id, set()).add(woken)
        try:
            yield woken
        finally:
            self._waiting[webhook_id].discard(woken)
            if not self._waiting[webhook_id]:
                del self._waiting[webhook_id]
                self._forget_if_unused(webhook_id)

    @contextmanager
    def polling(self, webhook_id: WebhookId) -> Iterator[asyncio.Event]:
        """Give an event that is set when it is this request's turn to look; the next one is woken when it leaves."""
        woken = asyncio.Event()
        self._polls.setdefault(webhook_id, deque()).append(woken)
        try:
            yield woken
        finally:
            self._polls[webhook_id].remove(woken)
            if not self._polls[webhook_id]:
                del self._polls[webhook_id]
                self._forget_if_unused(webhook_id)
            self._wake_poll(webhook_id)

    def _wake_poll(self, webhook_id: WebhookId) -> None:
        woken = next((one for one in self._polls.get(webhook_id, ()) if not one.is_set()), None)
        if woken is not None:
            woken.set()

    def _is_waited_for(self, webhook_id: WebhookId) -> bool:
        return webhook_id in self._waiting or webhook_id in self._polls

    def _forget_if_unused(self, webhook_id: WebhookId) -> None:
        if not self._is_waited_for(webhook_id):
            self._unplanned.discard(webhook_id)
            self._stop_timer(webhook_id)

    def found_nothing(self, webhook_id: WebhookId) -> None:
        """Note that a taker has found nothing and waits. `plan` then finds out until when."""
        if self._is_waited_for(webhook_id) and webhook_id not in self._timers:
            self._unplanned.add(webhook_id)

    def hear(self, payload: str) -> None:
        self.wake(WebhookId(int(payload)))

    def wake(self, webhook_id: WebhookId) -> None:
        """Wake the takers of a webhook."""
        self._stop_timer(webhook_id)
        for woken in self._waiting.get(webhook_id, ()):
            woken.set()
        self._wake_poll(webhook_id)

    def wake_all(self) -> None:
        """Wake every taker: notifications may have been lost."""
        for webhook_id in self.list_waited_for():
            self.wake(webhook_id)

    def list_waited_for(self) -> list[WebhookId]:
        """List the webhooks whose messages somebody waits for."""
        return [*{*self._waiting, *self._polls}]

    def close(self) -> None:
        """Stop all timers."""
        for webhook_id in [*self._timers]:
            self._stop_timer(webhook_id)

    async def plan(self, conn: Connection) -> None:
        """Set a timer for the next due event of each webhook whose takers have found nothing."""
        unplanned, self._unplanned = self._unplanned, set()
        if not unplanned:
            return
        loop = asyncio.get_running_loop()
        for webhook_id, delay_s in (await _next_due(conn, [*unplanned])).items():
            if self._is_waited_for(webhook_id) and webhook_id not in self._timers:
                self._timers[webhook_id] = loop.call_later(max(delay_s, _AGAIN_S), self._ring, webhook_id)

    def _ring(self, webhook_id: WebhookId) -> None:
        self._timers.pop(webhook_id, None)
        self.wake(webhook_id)

    def _stop_timer(self, webhook_id: WebhookId) -> None:
        timer = self._timers.pop(webhook_id, None)
        if timer is not None:
            timer.cancel()


async def _next_due(conn: Connection, ids: Sequence[WebhookId]) -> Mapping[WebhookId, float]:
    """Return the seconds until the next event of each webhook is due, which are negative if one is; none without."""
    rows = await conn.fetch(
        f"""
        select w.id, extract(epoch from greatest(due.at, w.paused_until) - clock_timestamp())::float as delay_s
        from webhooks w cross join lateral (
          select e.due_at as at from webhook_events_open e
          where e.is_pulled and +e.webhook_id = w.id and e.state in ({DUE_STATES}) order by e.due_at limit 1
        ) due where w.id = any($1)
        """,
        ids,
    )
    return {WebhookId(row["id"]): row["delay_s"] for row in rows}
