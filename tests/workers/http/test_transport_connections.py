"""The transport connects only to allowed addresses, and reuses kept connections."""

import asyncio
import select
import socket

import httpx
import pytest

from app.webhooks.domain.attempt import ErrorKind
from tests.support.dns_server import dns_server, records
from tests.support.hostile import OK, HostileConnection, answering, hostile_server
from tests.support.posting import LOOPBACK, fail, send
from workers.http.transport import create_transport


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1.2.3", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]"]
)
async def test_literal_address_is_refused_before_a_connection(host: str) -> None:
    transport = create_transport()

    async with hostile_server(answering(OK)) as server:
        error = await fail(transport, f"http://{host}:{server.port}/")
    await transport.aclose()

    assert error.kind == ErrorKind.REFUSED_ADDRESS
    assert server.connections == 0


# Resolvers of other programs read the numbers as 127.0.0.1; check_endpoint refuses all of these before.
@pytest.mark.parametrize("host", ["0x7f000001", "0x7f.1", "127.0.0.0x1", "2130706433", "127.1", "localhost"])
async def test_odd_spelling_of_loopback_is_refused_at_the_latest_here(host: str) -> None:
    async with dns_server() as dns, hostile_server(answering(OK)) as server:
        dns.names[host] = [records("127.0.0.1")]
        transport = create_transport(names=dns.client())
        error = await fail(transport, f"http://{host}:{server.port}/")
        await transport.aclose()

    # A number is an address to aiohttp; what it takes for a name is looked up.
    assert error.kind in (ErrorKind.REFUSED_ADDRESS, ErrorKind.DNS)
    assert server.connections == 0


async def test_name_is_reached_at_the_address_that_was_checked() -> None:
    async with dns_server() as dns, hostile_server(answering(OK)) as server:
        dns.names["hooks.example.com"] = [records("127.0.0.1")]
        transport = create_transport(allowed=LOOPBACK, names=dns.client())
        answer = await send(transport, f"http://hooks.example.com:{server.port}/")
        await transport.aclose()

    assert answer.status == 200
    assert b"host: hooks.example.com" in server.requests[0].lower()


async def test_redirect_to_a_forbidden_address_is_not_followed(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(answering(OK)) as inner:
        location = b"HTTP/1.1 307 Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % inner.url.encode()
        async with hostile_server(answering(location)) as outer:
            answer = await send(transport, outer.url)

    assert answer.status == 307
    assert (outer.connections, inner.connections) == (1, 0)


async def answer_always(connection: HostileConnection) -> None:
    while True:
        await connection.read_request()
        await connection.send(OK)


async def test_connection_is_kept(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(answer_always) as server:
        for _ in range(3):
            await send(transport, server.url)

    assert (server.connections, len(server.requests)) == (1, 3)


async def reset_second_request_of_first_connection(connection: HostileConnection) -> None:
    await connection.read_request()
    await connection.send(OK)
    await connection.read_request()
    if connection.number == 1:
        connection.reset()


async def test_reset_of_a_kept_connection_gets_a_fresh_try(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(reset_second_request_of_first_connection) as server:
        await send(transport, server.url)
        answer = await send(transport, server.url)

    assert (answer.status, answer.note) == (200, None)
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_fresh_try_uses_no_kept_connection(transport: httpx.AsyncBaseTransport) -> None:
    both_asked = asyncio.Barrier(2)

    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        if connection.number <= 2:
            await both_asked.wait()
        await connection.send(OK)
        await connection.read_request()
        connection.reset()

    async with hostile_server(behave) as server:
        await asyncio.gather(send(transport, server.url), send(transport, server.url))
        answer = await send(transport, server.url)

    assert answer.status == 200
    assert server.connections == 3


async def test_second_reset_is_a_failure(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        if connection.number == 1:
            await connection.send(OK)
            await connection.read_request()
        connection.reset()

    async with hostile_server(behave) as server:
        await send(transport, server.url)
        error = await fail(transport, server.url)

    assert error.kind == ErrorKind.RESET
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_reset_within_an_answer_gets_no_fresh_try(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(OK)
        await connection.read_request()
        await connection.send(b"HTTP/1.1 20")

    async with hostile_server(behave) as server:
        await send(transport, server.url)
        error = await fail(transport, server.url)

    assert error.kind == ErrorKind.RESET
    assert (server.connections, len(server.requests)) == (1, 2)


async def test_flood_on_a_fresh_try_is_capped_too(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        if connection.number == 1:
            await connection.send(OK)
            await connection.read_request()
            connection.reset()
        else:
            await connection.send_forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 500)

    async with hostile_server(behave) as server:
        await send(transport, server.url)
        error = await fail(transport, server.url)

    assert error.kind == ErrorKind.OVERSIZED_ANSWER
    assert server.connections == 2


async def test_answer_that_nobody_asked_for_is_not_taken_for_the_next(
    transport: httpx.AsyncBaseTransport,
) -> None:
    first_read, sent = asyncio.Event(), asyncio.Event()

    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(OK)
        if connection.number == 1:
            await first_read.wait()
            await connection.send(b"HTTP/1.1 500 Not yours\r\nContent-Length: 0\r\n\r\n")
            sent.set()
            await connection.hang()

    async with hostile_server(behave) as server, hostile_server(answer_always) as other:
        await send(transport, server.url)
        first_read.set()
        await sent.wait()
        # A round trip elsewhere: by its end the loop has read what lay ready on the kept connection.
        await send(transport, other.url)
        answer = await send(transport, server.url)

    assert answer.status == 200
    assert server.connections == 2


async def test_connection_that_nobody_accepts_ends_at_the_deadline(transport: httpx.AsyncBaseTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = await fail(transport, f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_s=0.3)

    assert error.kind == ErrorKind.TIMEOUT


async def test_connection_that_is_given_up_before_it_is_accepted_is_a_reset(
    transport: httpx.AsyncBaseTransport,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        failing = asyncio.ensure_future(fail(transport, f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        await asyncio.get_running_loop().run_in_executor(None, select.select, [listener], [], [], 10)
    error = await failing

    assert error.kind == ErrorKind.RESET
