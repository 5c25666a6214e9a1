"""An API that fails as it is told to, for the faults that a real one can't be made to have at will.

It knows the few operations of `tellgraph listen --remote`, and hands over messages that it signs.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from app.kernel import clock
from app.webhooks.domain.signing.signatures import delivery_headers
from app.webhooks.domain.signing.signing_secret import generate_secret, secret_key

#: A fault answers one request in the place of the API; None: it breaks the connection.
Fault = Callable[[], web.Response | None]


def busy(status: int, retry_after: str | None = None) -> Fault:
    """An answer of a server that is away or asks for a pause."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return lambda: web.Response(status=status, headers=headers)


def refusal(status: int, code: str, message: str) -> Fault:
    """A request that is refused as a whole."""
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return lambda: web.json_response(body, status=status)


def page() -> Fault:
    """A page of another website."""
    return lambda: web.Response(text="<h1>Welcome</h1>", content_type="text/html")


def broken() -> Fault:
    """A connection that ends without an answer."""
    return lambda: None


@dataclass(slots=True)
class FakeApi:
    """`asked` holds the name and input of each mutation, in order; `faults` answer the next requests of a name."""

    port: int = 0
    secret: str = field(default_factory=generate_secret)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    keys_of_creation: list[str] = field(default_factory=list)
    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    node: dict[str, Any] | None = None
    webhooks: set[str] = field(default_factory=set)
    signed_by: str | None = None
    expired: set[str] = field(default_factory=set)
    _messages: "asyncio.Queue[dict[str, Any]]" = field(default_factory=asyncio.Queue)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fail(self, name: str, *faults: Fault) -> None:
        """Answer the next requests of an operation by these faults."""
        self.faults.setdefault(name, deque()).extend(faults)

    def publish(self, **body: Any) -> str:
        """Have a message wait to be taken. Returns its id."""
        number = next(self._numbers)
        text = orjson.dumps(
            {"id": f"event-{number}", "type": "invoice.update", "entity": {"type": "Invoice", "id": "SW4="}, **body}
        )
        headers = delivery_headers(
            event_id=f"event-{number}",
            timestamp=int(clock.now().timestamp()),
            body=text,
            keys=[secret_key(self.signed_by or self.secret)],
            user_agent="test",
            sequence=number,
            attempt=1,
            digest="",
            traceparent=None,
        )
        shown = [{"name": name, "value": value} for name, value in headers]
        self._messages.put_nowait({"id": f"message-{number}", "body": text.decode(), "headers": shown})
        return f"message-{number}"

    def inputs(self, name: str) -> list[dict[str, Any]]:
        return [given for asked, given in self.asked if asked == name]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if "mutation" not in body["query"]:
            name, given = "node", body["variables"]
        else:
            name, given = body["query"].split("{")[1].split("(")[0].strip(), body["variables"]["input"]
        self.asked.append((name, given))
        if name == "webhookCreate":
            self.keys_of_creation.append(request.headers["Idempotency-Key"])
        if self.faults.get(name):
            response = self.faults[name].popleft()()
            if response is None:
                assert request.transport is not None
                request.transport.abort()
            return response or web.Response()
        acting: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "node": self._node,
            "webhookCreate": self._create,
            "webhookMessagesTake": self._take,
            "webhookMessagesAcknowledge": self._end,
            "webhookMessagesReject": self._end,
            "webhookDelete": self._delete,
        }
        made = await acting[name](given)
        payload = made if name == "node" else {"status": 200, "errors": None, **made}
        return web.json_response({"data": {name: payload}})

    async def _node(self, _: dict[str, Any]) -> Any:
        return self.node

    async def _create(self, given: dict[str, Any]) -> Any:
        self.webhooks.add("V2ViaG9vay03")
        names = given["attributes"].get("eventNames") or ["CREATE", "UPDATE", "DESTROY"]
        webhook = {"id": "V2ViaG9vay03", "legacyId": 7, "type": given["attributes"]["type"], "eventNames": names}
        return {"hmacKey": self.secret, "webhook": webhook}

    async def _take(self, given: dict[str, Any]) -> Any:
        taken = [await self._messages.get()]
        while len(taken) < given["first"] and not self._messages.empty():
            taken.append(self._messages.get_nowait())
        return {"messages": taken}

    async def _end(self, given: dict[str, Any]) -> Any:
        return {"expiredIds": [one for one in given["ids"] if one in self.expired]}

    async def _delete(self, given: dict[str, Any]) -> Any:
        self.webhooks.discard(given["webhookId"])
        return {"webhook": {"id": given["webhookId"]}}


@asynccontextmanager
async def running_fake_api() -> AsyncIterator[FakeApi]:
    """The API on a free port."""
    api = FakeApi()
    app = web.Application()
    app.router.add_post("/graphql", api.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        api.port = runner.addresses[0][1]
        yield api
    finally:
        await runner.cleanup()
