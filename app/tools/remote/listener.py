"""Take a webhook's messages until told to stop: check, forward, acknowledge or reject, and report each."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeVar

from app.kernel import clock
from app.tools.listening.deliveries import Delivery, Signature, VerifyingKeys, check_signature
from app.tools.remote.api import TooSoon
from app.tools.remote.forwarding import Answer, Forwarder
from app.tools.remote.messages import Message, MessageSource

T = TypeVar("T")
#: Messages that are in hand at once. Events of one entity never are.
_AT_ONCE: Final = 10
#: Seconds of a lease beyond those that an endpoint may take to answer.
_LEASE_BEYOND_S: Final = 15
#: Seconds until the next look when the API says that this one was too soon.
_TOO_SOON_S: Final = 2


class Outcome(StrEnum):
    """The end of a message, as the API was told of it."""

    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    #: Its lease had ended before, so it comes again.
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandledMessage:
    """One message with all that happened to it.

    Attributes:
        answer: The endpoint's; None: it was not forwarded.
    """

    delivery: Delivery
    outcome: Outcome
    answer: Answer | None


@dataclass(slots=True, kw_only=True)
class Listener:
    """Takes the messages of a webhook.

    Attributes:
        keys: The keys to check signatures with; none: they are not checked.
        forwarder: The endpoint; None: what arrives is acknowledged.
        report: Takes each message when the API has been told of it.
        limit: Number of messages after which it ends; None: no end.
        stopping: Set: nothing more is taken.
    """

    source: MessageSource
    keys: VerifyingKeys
    forwarder: Forwarder | None
    report: Callable[[HandledMessage], None]
    limit: int | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> int:
        """Take messages until the limit or until `stopping` is set. Return their number."""
        lease_s = (self.forwarder.timeout_s if self.forwarder else 0) + _LEASE_BEYOND_S
        handled = 0
        while not self.stopping.is_set() and handled != self.limit:
            first = _AT_ONCE if self.limit is None else min(_AT_ONCE, self.limit - handled)
            try:
                messages = await self._unless_stopped(self.source.take(first=first, lease_s=lease_s))
            except TooSoon as error:
                self.source.api.say(f"the API asks for a pause ({error.message}), trying again in {_TOO_SOON_S} s …")
                messages = await self._unless_stopped(asyncio.sleep(_TOO_SOON_S, []))
            if messages:
                await self._handle(messages)
                handled += len(messages)
        return handled

    async def _unless_stopped(self, waiting: Coroutine[Any, Any, T]) -> T | None:
        """Return the result of something that takes its time; None as soon as `stopping` is set."""
        task = asyncio.create_task(waiting)
        stopping = asyncio.create_task(self.stopping.wait())
        try:
            await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
            return await task if task.done() else None
        finally:
            for one in (task, stopping):
                one.cancel()
            await asyncio.gather(task, stopping, return_exceptions=True)

    async def _handle(self, messages: Sequence[Message]) -> None:
        deliveries = [_delivery(self.keys, message) for message in messages]
        answers = await asyncio.gather(*map(self._forward, messages, deliveries))
        refusals = [_refusal(*one) for one in zip(deliveries, answers, strict=True)]
        expired: set[str] = set()
        if accepted := [one for one, refusal in zip(messages, refusals, strict=True) if refusal is None]:
            expired |= await self.source.acknowledge(accepted)
        for message, refusal, answer in zip(messages, refusals, answers, strict=True):
            if refusal is not None:
                retry_after_s = None if answer is None else answer.retry_after_s
                expired |= await self.source.reject(message, refusal, retry_after_s=retry_after_s)
        for message, delivery, refusal, answer in zip(messages, deliveries, refusals, answers, strict=True):
            outcome = Outcome.ACKNOWLEDGED if refusal is None else Outcome.REJECTED
            told = Outcome.EXPIRED if message.id in expired else outcome
            self.report(HandledMessage(delivery=delivery, outcome=told, answer=answer))

    async def _forward(self, message: Message, delivery: Delivery) -> Answer | None:
        if self.forwarder is None or delivery.signature is Signature.BAD:
            return None
        return await self.forwarder.forward(message)


def _delivery(keys: VerifyingKeys, message: Message) -> Delivery:
    headers = {name.lower(): value for name, value in message.headers}
    signature, problem = check_signature(keys, headers, message.body)
    return Delivery(
        path="/",
        headers=headers,
        body=message.body,
        received_at=clock.now(),
        received_s=time.perf_counter(),
        signature=signature,
        problem=problem,
    )


def _refusal(delivery: Delivery, answer: Answer | None) -> str | None:
    """Return why a message is rejected; None if it is acknowledged."""
    if delivery.signature is Signature.BAD:
        return f"The listener could not verify the signature: {delivery.problem}."
    return None if answer is None or answer.is_success else answer.reason
