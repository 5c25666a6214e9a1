"""Take the messages of a webhook with `delivery: PULL`. The form without `await` is made of this file."""

import time
from collections import deque
from types import TracebackType
from typing import Generic, Self, TypeVar

from pydantic import BaseModel

from tellgraph_client.graphql.async_client import AsyncTellgraph
from tellgraph_client.graphql.fragments import MessageFields
from tellgraph_client.graphql.input_types import (
    WebhookMessagesAcknowledgeMutationInput,
    WebhookMessagesExtendMutationInput,
    WebhookMessagesRejectMutationInput,
    WebhookMessagesTakeMutationInput,
)
from tellgraph_client.receiver import Delivery, Receiver

Data = TypeVar("Data", bound=BaseModel)
#: Repetitions of a request that waits for messages: a feed outlives an outage.
_WITHOUT_END = 2**63


class AsyncFeed(Generic[Data]):
    """The deliveries of a webhook, without end. Use it by `async with`, and iterate over it.

    To ask for the next delivery acknowledges the one before, and so does a `break`. An error that leaves the block
    rejects the one in hand, so that it comes again. What was taken and not handed over comes again when its lease ends.

    Args:
        batch: How many messages are taken at once, 1 to 100.
        lease_seconds: How long you may work on one message.
    """

    def __init__(
        self,
        client: AsyncTellgraph,
        webhook_id: str,
        receiver: Receiver[Data],
        *,
        batch: int = 20,
        lease_seconds: int = 60,
    ) -> None:
        self._client, self._webhook_id, self._receiver = client, webhook_id, receiver
        self._first, self._lease_seconds = batch, lease_seconds
        self._batch: deque[MessageFields] = deque()
        self._done: list[str] = []
        self._current: str | None = None
        self._renewed_at = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        await self._acknowledge()
        if self._current is not None:
            await self._reject(self._current, f"{type(error).__name__}: {error}")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery[Data]:
        self._finish()
        while not self._batch:
            await self._acknowledge()
            await self._take()
        if time.monotonic() - self._renewed_at > self._lease_seconds / 2:
            await self._acknowledge()
            await self._extend()
            return await self.__anext__()
        message = self._batch.popleft()
        self._current = message.id
        return self._receiver.verify(message.body, {one.name: one.value for one in message.headers})

    def _finish(self) -> None:
        if self._current is not None:
            self._done.append(self._current)
            self._current = None

    async def _take(self) -> None:
        self._renewed_at = time.monotonic()
        asked = WebhookMessagesTakeMutationInput(
            webhook_id=self._webhook_id, first=self._first, lease_seconds=self._lease_seconds, wait_seconds=30
        )
        self._batch.extend((await self._client.webhook_messages_take(asked, retries=_WITHOUT_END)).messages)

    async def _acknowledge(self) -> None:
        if self._done:
            given = WebhookMessagesAcknowledgeMutationInput(webhook_id=self._webhook_id, ids=self._done)
            await self._client.webhook_messages_acknowledge(given)
            self._done = []

    async def _reject(self, message_id: str, reason: str) -> None:
        given = WebhookMessagesRejectMutationInput(webhook_id=self._webhook_id, ids=[message_id], reason=reason[:200])
        await self._client.webhook_messages_reject(given)

    async def _extend(self) -> None:
        """Extend the leases of messages that wait for their turn, and leave out those whose lease has ended."""
        self._renewed_at = time.monotonic()
        given = WebhookMessagesExtendMutationInput(
            webhook_id=self._webhook_id, ids=[one.id for one in self._batch], lease_seconds=self._lease_seconds
        )
        expired = set((await self._client.webhook_messages_extend(given)).expired_ids)
        self._batch = deque(one for one in self._batch if one.id not in expired)
