"""A reader that stops reading is ended, and holds up nobody."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import orjson
import pytest
from prometheus_client import REGISTRY

from app.http.limits import connections
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.platform import Platform, running_platform, settings_for
from tests.support.streams import ACTIVITY, event_stream, graphql_socket
from tests.support.waiting import until

#: Each event is as large as its webhook's query; fifty of them are more than the sockets' buffers hold.
LARGE = "subscription { webhookActivity { id webhook { queryString } } }"
QUERY_BYTES, EVENTS = 190_000, 150


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Platform]:
    async with running_platform(settings_for(database_url, request_timeout_s=0.5), with_worker=False) as running:
        yield running


def too_slow() -> float:
    return REGISTRY.get_sample_value("tellgraph_connections_ended_total", {"reason": "too_slow"}) or 0.0


async def flood(api: Platform) -> list[int]:
    webhook = await create_subscription(api.conn, "https://receiver.example", query_string="#" * QUERY_BYTES)
    return await create_due_events(api.conn, webhook, EVENTS)


async def is_one_more(before: float) -> bool:
    return too_slow() > before


async def test_a_stream_of_events_is_ended(api: Platform) -> None:
    before, address = too_slow(), urlsplit(api.url)
    body = orjson.dumps({"query": LARGE}).decode()
    head = "POST /graphql HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(f"{head}Authorization: Bearer {api.key}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    await reader.readuntil(b":\n\n")
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()

    async with event_stream(api, ACTIVITY) as other:
        events = await flood(api)
        shown = [await other.data() for _ in events]
        await until(lambda: is_one_more(before))

    assert len({one["webhookActivity"]["id"] for one in shown}) == EVENTS
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_websocket_is_ended(api: Platform) -> None:
    before = too_slow()

    async with graphql_socket(api) as stuck, event_stream(api, ACTIVITY) as other:
        await stuck.subscribe(LARGE)
        await stuck.subscribe("{ __typename }", "2")
        await stuck.receive()
        stuck.connection.transport.pause_reading()
        events = await flood(api)
        shown = [await other.data() for _ in events]
        await until(lambda: is_one_more(before))
        stuck.connection.transport.abort()

    assert len({one["webhookActivity"]["id"] for one in shown}) == EVENTS


async def test_a_websocket_that_answers_no_ping_is_ended(api: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_PING_EVERY_S", 0.1)
    monkeypatch.setattr(connections, "_PONG_WITHIN_S", 0.1)
    before = too_slow()

    # The first websocket of the test: the times are those of the server's beginning.
    async with running_platform(api.settings, with_worker=False) as pinging, graphql_socket(pinging) as stuck:
        stuck.connection.transport.pause_reading()
        await until(lambda: is_one_more(before))
        stuck.connection.transport.abort()
