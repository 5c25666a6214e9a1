"""A subscriber's endpoint for a history. It answers as a step says, and knows the POSTs in flight."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import orjson
from aiohttp import web

from schema.entities import global_ids
from tests.histories.model import Arrival, Subject
from tests.support.receiver import Delivery

#: hold, stall: it takes the POST, and answers 200, or 500, when it is released. drop: it closes the connection without
#: an answer.
Mood = Literal["ok", "error", "gone", "slow_down", "refuse", "drop", "hold", "stall"]
HOLDING: tuple[Mood, ...] = ("hold", "stall")
_STATUSES: dict[Mood, int] = {
    "ok": 200,
    "error": 500,
    "gone": 410,
    "slow_down": 429,
    "refuse": 404,
    "hold": 200,
    "stall": 500,
}


class _Dropped(web.Response):
    """The connection ends in its place."""

    async def prepare(self, request: web.BaseRequest) -> None:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError


@dataclass(slots=True)
class Endpoint:
    """`answer` is a receiver's; the path of a webhook's URL is its number.

    Attributes:
        webhooks: Their ids, by the path of their URL.
        overlaps: POSTs of one webhook and variant: what was in flight, and what began meanwhile.
        asked_for: Events that somebody has replayed and that haven't arrived since.
    """

    mood: Mood = "ok"
    webhooks: dict[str, int] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    overlaps: list[tuple[Arrival, Arrival]] = field(default_factory=list)
    asked_for: set[int] = field(default_factory=set)
    _in_flight: dict[Subject, Arrival] = field(default_factory=dict)
    _lost: list[Arrival] = field(default_factory=list)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, delivery: Delivery) -> web.StreamResponse:
        arrival, mood, released = self._take(delivery), self.mood, self._released
        if before := self._in_flight.get(arrival.subject):
            self.overlaps.append((before, arrival))
        self._in_flight[arrival.subject] = arrival
        if mood in HOLDING:
            await released.wait()
        if self._in_flight.get(arrival.subject) is arrival:
            del self._in_flight[arrival.subject]
        if mood == "drop":
            return _Dropped()
        if not any(arrival is one for one in self._lost):
            arrival.status = _STATUSES[mood]
        return web.Response(status=_STATUSES[mood])

    @property
    def held(self) -> int:
        return len(self._in_flight)

    def release(self) -> None:
        """Answer all that is held."""
        self._released.set()
        self._released = asyncio.Event()

    def abandon(self, events: Iterable[int]) -> None:
        """Their worker has died: nobody hears the answers any more."""
        lost = set(events)
        for arrival in self.arrivals:
            if arrival.event in lost:
                arrival.status = None
                self._lost.append(arrival)
        self._in_flight = {subject: one for subject, one in self._in_flight.items() if one.event not in lost}

    def hand_over(self, webhook: int, text: str) -> Arrival:
        """Note a message that a receiver has taken. It is in flight until `settle`."""
        arrival = self._arrived(webhook, text.encode())
        if before := self._in_flight.get(arrival.subject):
            self.overlaps.append((before, arrival))
        self._in_flight[arrival.subject] = arrival
        return arrival

    def settle(self, arrival: Arrival, status: int | None) -> None:
        """Note what a receiver has said of a message; None: nothing."""
        if self._in_flight.get(arrival.subject) is arrival:
            del self._in_flight[arrival.subject]
        arrival.status = status

    def _take(self, delivery: Delivery) -> Arrival:
        return self._arrived(self.webhooks[delivery.path], delivery.body)

    def _arrived(self, webhook: int, text: bytes) -> Arrival:
        body = orjson.loads(text)
        arrival = Arrival(
            event=body["sequence"],
            webhook=webhook,
            variant=global_ids.decode(body["entity"]["id"])[1],
            name=body["event_name"],
            payload=body["payload"],
            body=text,
            status=None,
            is_asked_for=body["sequence"] in self.asked_for,
            previous=body.get("previous"),
        )
        self.asked_for.discard(arrival.event)
        self.arrivals.append(arrival)
        return arrival
