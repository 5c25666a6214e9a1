"""A subscriber: a real HTTP server that keeps what it is sent, and can be told how to answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from tests.support.waiting import DEADLINE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One POST as it arrived; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def data(self) -> Any:
        """The GraphQL data of the payload."""
        return self.json["payload"]["data"]


Answering = Callable[[Delivery], Awaitable[web.StreamResponse]]


async def _ok(_: Delivery) -> web.StreamResponse:
    return web.Response(text="ok")


@dataclass(slots=True)
class Receiver:
    """`answering` decides each answer; `deliveries` keeps all POSTs in the order of their arrival."""

    port: int
    deliveries: list[Delivery] = field(default_factory=list)
    answering: Answering = _ok
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def wait_for(self, wanted: Callable[[Delivery], bool] = lambda _: True, count: int = 1) -> list[Delivery]:
        """The deliveries that are wanted, as soon as there are `count` of them. Fails after a deadline."""

        def found() -> list[Delivery]:
            return [delivery for delivery in self.deliveries if wanted(delivery)]

        async with self._arrived:
            try:
                await asyncio.wait_for(self._arrived.wait_for(lambda: len(found()) >= count), DEADLINE_S)
            except TimeoutError:
                raise AssertionError(f"{len(found())} of {count} deliveries within {DEADLINE_S} s") from None
        return found()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        delivery = Delivery(
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        async with self._arrived:
            self.deliveries.append(delivery)
            self._arrived.notify_all()
        return await self.answering(delivery)


@asynccontextmanager
async def running_receiver() -> AsyncIterator[Receiver]:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    receiver = Receiver(port=0)
    app.router.add_post("/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.port = runner.addresses[0][1]
        yield receiver
    finally:
        await runner.cleanup()
