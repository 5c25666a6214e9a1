"""A request that waits for messages of a pulled webhook (PULL)."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive

from app.auth.viewers import KeyCheck
from app.http.streams.open_streams import OpenStreams, StreamEnd
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.streams.hub import Hub


@dataclass(slots=True, kw_only=True)
class LongPoll:
    """The wait of one request. It ends early with the client, with the key, and with the server.

    It counts as a stream of its key. Its methods run in the API's event loop.
    """

    hub: Hub
    streams: OpenStreams
    key_check: KeyCheck
    receive: Receive
    _webhook_id: WebhookId | None = None
    _woken: asyncio.Event = field(default_factory=asyncio.Event)
    _ends: "list[asyncio.Future[None] | asyncio.Future[StreamEnd]]" = field(default_factory=list)
    _held: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def wait(self, webhook_id: WebhookId, seconds: float) -> bool:
        """Wait for messages. Return whether there may be some.

        The first wait for a webhook returns at once: a message may have come before anybody listened for it.

        Raises:
            RateLimited: The key has as many streams as it may have.
            DatabaseUnavailable: Nobody can listen.
        """
        if self._webhook_id != webhook_id:
            await self.close()
            await self._begin(webhook_id)
            return True
        self.hub.found_nothing(webhook_id)
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            waited: list[asyncio.Future[Any]] = [woken, *self._ends]
            await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
        if any(end.done() for end in self._ends) or not self._woken.is_set():
            return False
        self._woken.clear()
        return True

    async def _begin(self, webhook_id: WebhookId) -> None:
        stream = self._held.enter_context(self.streams.opened(self.key_check))
        viewer = self.key_check.viewer
        assert viewer.key_id is not None, "the viewer of a request has one"
        self._held.enter_context(self.streams.place(viewer.key_id))
        self._woken = await self._held.enter_async_context(self.hub.polling(webhook_id))
        self._webhook_id = webhook_id
        gone = asyncio.ensure_future(self._see_client_go())
        self._ends = [gone, stream.ended]
        self._held.callback(gone.cancel)

    async def _see_client_go(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def close(self) -> None:
        """End the wait, if there is one."""
        self._webhook_id = None
        await self._held.aclose()
