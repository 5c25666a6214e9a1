"""The receiver of a pulled webhook in a history: it takes messages by the API, and answers as a step says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from schema.entities import global_ids
from tests.histories.endpoint import HOLDING, Endpoint, Mood
from tests.histories.model import Arrival
from tests.support.platform import Platform


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """A message that is answered late.

    Attributes:
        is_over: Whether its lease is, so that the answer changes nothing.
    """

    id: str
    arrival: Arrival
    mood: Mood
    is_over: bool = False


@dataclass(slots=True)
class Taker:
    """Takes all that it can. `held`: what it has not answered yet."""

    api: Platform
    key: str
    webhook: int
    endpoint: Endpoint
    held: list[HeldMessage] = field(default_factory=list)

    async def take_all(self, mood: Mood) -> list[int]:
        """Take until there is nothing. Return the events that are forgotten."""
        forgotten: list[int] = []
        while messages := await self._take():
            came = [(one["id"], self.endpoint.hand_over(self.webhook, one["body"])) for one in messages]
            if mood == "drop":
                for _, arrival in came:
                    self.endpoint.settle(arrival, None)
                    forgotten.append(arrival.event)
            elif mood in HOLDING:
                self.held += [HeldMessage(*one, mood) for one in came]
            else:
                await self._answer([HeldMessage(*one, mood) for one in came])
        return forgotten

    def let_expire(self) -> list[int]:
        """The leases of what is held end. Return the events."""
        for one in self.held:
            self.endpoint.settle(one.arrival, None)
        self.held = [HeldMessage(one.id, one.arrival, one.mood, is_over=True) for one in self.held]
        return [one.arrival.event for one in self.held]

    async def settle_held(self) -> list[str]:
        """Answer what is held. Return what is wrong."""
        held, self.held = self.held, []
        return await self._answer(held)

    async def _take(self) -> Any:
        given = {"webhookId": global_ids.encode("Webhook", self.webhook), "first": 3}
        answer = await self.api.mutate("webhookMessagesTake", "messages { id body }", self.key, **given)
        return answer["messages"]

    async def _answer(self, messages: Sequence[HeldMessage]) -> list[str]:
        """Acknowledge the good ones, and reject the others."""
        wrong: list[str] = []
        for name, settled, moods in (
            ("Acknowledge", "acknowledgedIds", ("ok", "hold")),
            ("Reject", "rejectedIds", ("error", "gone", "slow_down", "refuse", "stall")),
        ):
            some = {one.id: one for one in messages if one.mood in moods}
            if not some:
                continue
            answer = await self.api.mutate(
                f"webhookMessages{name}",
                f"{settled} expiredIds",
                self.key,
                webhookId=global_ids.encode("Webhook", self.webhook),
                ids=list(some),
            )
            if answer["status"] == 404:
                # Its webhook has been deleted.
                continue
            wrong += [f"settled after its lease: {some[id]}" for id in answer[settled] if some[id].is_over]
            wrong += [f"not settled in time: {some[id]}" for id in answer["expiredIds"] if not some[id].is_over]
            for id in answer[settled]:
                self.endpoint.settle(some[id].arrival, 200 if name == "Acknowledge" else 500)
        return wrong
