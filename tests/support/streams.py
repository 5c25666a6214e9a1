"""Clients of streams: Server-Sent Events, and `graphql-transport-ws`, message by message."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.support.platform import Platform
from tests.support.waiting import DEADLINE_S

ACTIVITY = "subscription { webhookActivity { id state eventName } }"


@dataclass(slots=True)
class EventReader:
    """A stream of Server-Sent Events."""

    response: httpx.Response
    lines: AsyncIterator[str]

    async def next(self) -> tuple[str, Any]:
        """Return the next event and its data; comments are passed over. Without a further event: `("end", None)`."""
        event, data = "", ""
        async with asyncio.timeout(DEADLINE_S):
            async for line in self.lines:
                if line.startswith("event:"):
                    event = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    data += line.removeprefix("data:").strip()
                elif not line and event:
                    return event, json.loads(data) if data else None
        return "end", None

    async def data(self) -> Any:
        """Return the data of the next result, which has no errors."""
        event, result = await self.next()
        assert (event, result.get("errors")) == ("next", None), result
        return result["data"]


@asynccontextmanager
async def event_stream(
    api: Platform, query: str, variables: dict[str, Any] | None = None, key: str | None = None, method: str = "POST"
) -> AsyncIterator[EventReader]:
    """The answer to an operation as a stream. It has begun: what is committed from here on is seen by it."""
    headers = {"Authorization": f"Bearer {key or api.key}", "Accept": "text/event-stream"}
    given: dict[str, Any] = {"query": query, "variables": variables}
    sent: dict[str, Any] = {"json": given}
    if method == "GET":
        sent = {"params": {"query": query} | ({"variables": json.dumps(variables)} if variables else {})}
    async with api.http.stream(method, f"{api.url}/graphql", headers=headers, **sent) as response:
        yield EventReader(response, response.aiter_lines())


@dataclass(slots=True)
class Socket:
    """A websocket that speaks JSON."""

    connection: ClientConnection

    async def send(self, message: object) -> None:
        await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def receive(self) -> Any:
        async with asyncio.timeout(DEADLINE_S):
            return json.loads(await self.connection.recv())

    async def subscribe(self, query: str, operation_id: str = "1", **payload: Any) -> None:
        await self.send({"id": operation_id, "type": "subscribe", "payload": {"query": query, **payload}})

    async def close_code(self) -> tuple[int | None, str | None]:
        """Return code and reason with which the server closes, whatever it sends before."""
        async with asyncio.timeout(DEADLINE_S):
            with suppress(ConnectionClosed):
                while True:
                    await self.connection.recv()
            await self.connection.wait_closed()
        return self.connection.close_code, self.connection.close_reason


@asynccontextmanager
async def websocket(api: Platform, **options: Any) -> AsyncIterator[Socket]:
    """A websocket that has not been initialised."""
    url = api.url.replace("http", "ws", 1) + "/graphql"
    options = {"subprotocols": ["graphql-transport-ws"], "compression": None, "proxy": None} | options
    async with websockets.connect(url, **options) as connection:
        yield Socket(connection)


@asynccontextmanager
async def graphql_socket(api: Platform, key: str | None = None) -> AsyncIterator[Socket]:
    """A websocket that may be used with a key."""
    async with websocket(api) as socket:
        await socket.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {key or api.key}"}})
        assert await socket.receive() == {"type": "connection_ack"}
        yield socket
