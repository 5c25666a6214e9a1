"""The wait of an operation, without its place in a lane and without its connection to PostgreSQL."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from app.db.pool import Connection, connection
from app.http.limits.lanes import Place
from app.http.streams.long_poll import LongPoll
from app.webhooks.db.webhooks import WebhookId
from schema.engine.reader import Reader


@dataclass(slots=True, kw_only=True)
class Waiting:
    """Lets one operation wait for messages. No transaction may be open then.

    Args:
        held: Holds the operation's connection, which another one takes the place of after the wait.
        confirm: Looks the key up again. Raises WrongKey if it is not valid any more.
    """

    poll: LongPoll
    place: Place
    held: AsyncExitStack
    confirm: Callable[[Connection], Awaitable[object]]

    async def wait(self, reader: Reader, webhook_id: WebhookId, seconds: float) -> bool:
        """Wait at most so long, and return whether there may be messages.

        Raises:
            RateLimited: The key has too many streams, or there is no place in time after the wait.
            DatabaseUnavailable: Nobody can listen, or there is no connection after the wait.
        """
        await self.held.aclose()
        try:
            may_be_some = await self.place.outside(lambda: self.poll.wait(webhook_id, seconds))
        finally:
            conn = await self.held.enter_async_context(connection(self.place.resources.database))
            reader.use(conn)
        if may_be_some:
            await self.confirm(conn)
        return may_be_some
