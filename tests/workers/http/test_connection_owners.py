"""A kept connection serves one owner's webhooks, and none after bytes that nobody has asked for."""

import asyncio

import httpx
import pytest

from tests.support.hostile import OK, HostileConnection, hostile_server
from tests.support.posting import LOOPBACK, send
from tests.support.waiting import until
from workers.http.egress import Egress, Route
from workers.http.transport import Answer, post

EGRESS = Egress(LOOPBACK)


async def send_for(transport: httpx.AsyncBaseTransport, url: str, owner: int | None) -> Answer:
    return await post(transport, url=httpx.URL(url), headers=(), body=b"{}", timeout_s=5, route=Route(EGRESS, owner))


async def answer_each(connection: HostileConnection) -> None:
    while True:
        await connection.read_request()
        await connection.send(OK)


async def test_owners_share_no_connection(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(answer_each) as server:
        for owner in (7, 7, 8, None, None, 7, 8):
            await send_for(transport, server.url, owner)

        assert server.connections == 3


async def test_a_late_second_answer_is_never_another_owner_s(transport: httpx.AsyncBaseTransport) -> None:
    written = asyncio.Event()

    async def poison(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(OK)
        if connection.number == 1:
            await written.wait()
            await connection.send(b"HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\nEVIL")
        await connection.hang()

    async with hostile_server(poison) as server:
        first = await send_for(transport, server.url, 7)
        victim = asyncio.create_task(send_for(transport, server.url, 8))
        await until(lambda: _is(server.connections == 2))
        written.set()

        assert [first.status, (await victim).status] == [200, 200]


async def _is(value: bool) -> bool:
    return value


@pytest.mark.parametrize(
    "extra",
    [b"H", b"HTTP/1.1 4", b"HTTP/1.1 410 Gone\r\nContent-Le", b"HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\nEV"],
)
@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
    ids=["length", "no body", "chunks"],
)
async def test_the_beginning_of_a_second_answer_ends_the_connection(
    transport: httpx.AsyncBaseTransport, answer: bytes, extra: bytes
) -> None:
    async def begin_another(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(answer + extra)
        await connection.hang()

    async with hostile_server(begin_another) as server:
        for _ in range(2):
            await send(transport, server.url)

        assert server.connections == 2


async def test_bytes_on_an_idle_connection_end_it(transport: httpx.AsyncBaseTransport) -> None:
    ended = asyncio.Event()

    async def speak_unasked(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(OK)
        if connection.number == 1:
            await connection.send(b"H")
            # The client ends it: without that, this waits for ever.
            await connection.hang()
            ended.set()

    async with hostile_server(speak_unasked) as server:
        await send(transport, server.url)
        async with asyncio.timeout(60):
            await ended.wait()
        await send(transport, server.url)

        assert server.connections == 2
