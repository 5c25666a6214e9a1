"""A stream of messages of a pulled webhook: taken as they come, while its receiver has few enough unsettled ones."""

import asyncio
from collections import deque
from contextlib import AsyncExitStack, suppress
from typing import Final

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import DATABASE_ERRORS, connection
from app.errors import RateLimited
from app.kernel.problems import Problems
from app.settings import Settings
from app.webhooks.db.taking import messages as taken_messages
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.services import messages
from app.webhooks.services.attempts import Outcome
from app.webhooks.services.messages import MessageId
from app.webhooks.streams.hub import Hub
from schema.engine.context import InLane
from schema.stored.messages import AnswerRoom, Message, take_messages

#: Messages of a stream that are handed over and not settled, at most.
MAX_IN_FLIGHT: Final = messages.MAX_TAKEN
#: The part of them that has to be settled before more are taken: one by one, each would cost a claim.
_REFILL_PART: Final = 4
#: Seconds after a look that has taken nothing, so that the next one serves several wake-ups; after one that failed.
_REST_S, _AGAIN_S = 0.005, 1.0


class MessageStream:
    """Gives messages one by one, from `open` until `aclose`.

    What is settled, by whichever process, makes room for more. Messages whose lease has ended count as settled.
    """

    def __init__(
        self,
        *,
        database: Database,
        viewer: Viewer,
        settings: Settings,
        hub: Hub,
        in_lane: InLane,
        webhook_id: WebhookId,
        lease_s: int,
        in_flight: int,
    ) -> None:
        self._database, self._viewer, self._settings, self._hub, self._in_lane = (
            database,
            viewer,
            settings,
            hub,
            in_lane,
        )
        self._webhook_id, self._lease_s, self._in_flight = webhook_id, lease_s, in_flight
        self._held = AsyncExitStack()
        self._woken = asyncio.Event()
        #: Those that were taken and not handed over, and those that may not be settled.
        self._ready: deque[Message] = deque()
        self._unsettled: set[MessageId] = set()

    async def open(self) -> None:
        """Listen, and look for the first time. Raises InvalidInput, NotFound, Conflict, DatabaseUnavailable."""
        messages.check_take(first=1, lease_s=self._lease_s)
        problems = Problems()
        if not 1 <= self._in_flight <= MAX_IN_FLIGHT:
            problems.add("in_flight", f"must be from 1 to {MAX_IN_FLIGHT}")
        problems.check()
        self._woken = await self._held.enter_async_context(self._hub.taking(self._webhook_id))
        try:
            await self._look()
        except BaseException:
            await self.aclose()
            raise

    async def next(self) -> Message:
        """Return the next message. Raises NotFound when the webhook is deleted."""
        while not self._ready:
            with suppress(TimeoutError):
                # By then the leases of all that is not settled have ended, and the next look takes it again.
                async with asyncio.timeout(self._lease_s + _REST_S if self._unsettled else None):
                    await self._woken.wait()
            try:
                await self._in_lane(self._look)
            except (RateLimited, *DATABASE_ERRORS):
                # What has kept this look from its end passes. The next one sees at least as much.
                await asyncio.sleep(_AGAIN_S)
                self._woken.set()
            if not self._ready:
                await asyncio.sleep(_REST_S)
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Stop, and let others take at once what was not handed over."""
        await self._held.aclose()
        unsent = [Outcome(one.due, ErrorKind.CANCELLED, "The stream ended before it.") for one in self._ready]
        self._ready.clear()
        if unsent:
            await messages.give_up(self._database, unsent)

    async def _look(self) -> None:
        """Take messages, if there is room for enough of them."""
        self._woken.clear()
        await self._forget_settled()
        room = self._in_flight - len(self._unsettled)
        if room < max(1, self._in_flight // _REFILL_PART):
            return
        taken = await take_messages(
            self._database,
            self._viewer,
            self._settings,
            webhook_id=self._webhook_id,
            first=room,
            lease_s=self._lease_s,
            room=AnswerRoom(max_bytes=self._settings.max_response_bytes),
        )
        self._ready += taken
        self._unsettled |= {one.id for one in taken}
        if len(taken) < room:
            self._hub.found_nothing(self._webhook_id)

    async def _forget_settled(self) -> None:
        if not self._unsettled:
            return
        async with connection(self._database) as conn:
            events = [one.event for one in self._unsettled]
            _, found = await taken_messages.list_taken(conn, self._webhook_id, events, seller_id=self._viewer.seller_id)
        self._unsettled &= {MessageId(one.id, one.attempt) for one in found}
