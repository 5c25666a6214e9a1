import asyncio
import gzip
import tracemalloc

import httpx
import pytest

from app.webhooks.domain.attempt import ErrorKind
from tests.support.dns_server import dns_server, records
from tests.support.hostile import (
    OK,
    HostileConnection,
    answering,
    answering_without_end,
    hostile_server,
)
from tests.support.posting import BODY, LOOPBACK, fail, send
from workers.http.transport import MAX_KEPT_BYTES, MAX_READ_BYTES, create_transport

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_answer_of_a_gigabyte_costs_a_few_kilobytes(transport: httpx.AsyncBaseTransport) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"

    async with hostile_server(answering_without_end(start, b"x" * 65536)) as server:
        await send(transport, server.url)
        tracemalloc.start()
        answer = await send(transport, server.url)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert answer.body == b"x" * MAX_KEPT_BYTES
    assert answer.is_cut
    # The server shares this process: its buffers are in the figure, too.
    assert peak < 8 * 2**20
    assert server.sent_bytes < 128 * 2**20


@pytest.mark.parametrize(
    "header",
    [
        "Content-Encoding: gzip",
        "Content-Encoding: br",
        "Content-Encoding: zstd",
        "Content-Encoding: deflate, gzip",
        "Transfer-Encoding: gzip",
    ],
)
async def test_bomb_is_not_opened(transport: httpx.AsyncBaseTransport, header: str) -> None:
    # Nothing is decoded, so that its kind does not matter; what comes is kept as it is.
    bomb = gzip.compress(b"\0" * 50_000_000)
    length = "" if header.startswith("T") else f"Content-Length: {len(bomb)}\r\n"
    head = f"HTTP/1.1 200 OK\r\n{header}\r\n{length}\r\n".encode()

    async with hostile_server(answering(head + bomb)) as server:
        tracemalloc.start()
        answer = await send(transport, server.url)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert answer.status == 200
    assert answer.body == bomb[:MAX_KEPT_BYTES]
    assert peak < 8 * 2**20


@pytest.mark.parametrize(
    ("size", "kept", "is_cut", "is_read"),
    [
        (0, 0, False, True),
        (MAX_KEPT_BYTES, MAX_KEPT_BYTES, False, True),
        (MAX_KEPT_BYTES + 1, MAX_KEPT_BYTES, True, True),
        (MAX_READ_BYTES, MAX_KEPT_BYTES, True, True),
        (MAX_READ_BYTES + 1, MAX_KEPT_BYTES, True, False),
    ],
)
async def test_keeps_the_first_eight_kilobytes(
    transport: httpx.AsyncBaseTransport, size: int, kept: int, is_cut: bool, is_read: bool
) -> None:
    data = bytes(index % 251 for index in range(size))
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size

    async with hostile_server(answering(head + data, then_hang=True)) as server:
        answer = await send(transport, server.url)

    assert answer.body == data[:kept]
    assert answer.is_cut == is_cut
    assert (answer.note is None) == is_read


async def test_reads_retry_after_and_content_type(transport: httpx.AsyncBaseTransport) -> None:
    head = b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"

    async with hostile_server(answering(head, then_hang=True)) as server:
        answer = await send(transport, server.url)

    assert (answer.retry_after, answer.content_type) == ("120", "text/html")
    assert answer.duration_ms > 0


async def test_sends_exactly_the_headers_given(transport: httpx.AsyncBaseTransport) -> None:
    headers = (
        ("User-Agent", "Tellgraph/1"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Content-Type", "application/json"),
        ("webhook-id", "abc"),
    )

    async with hostile_server(answering(OK)) as server:
        await send(transport, f"{server.url}/path%2Fx/%7E/+?a=%7B1%7D&b=+%20c", headers=headers)

    head, body = server.requests[0].split(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert first == b"POST /path%2Fx/%7E/+?a=%7B1%7D&b=+%20c HTTP/1.1"
    assert sorted(line.lower() for line in lines) == sorted(
        [
            b"accept-encoding: identity",
            b"accept: */*",
            b"content-length: 10",
            b"content-type: application/json",
            b"host: 127.0.0.1:%d" % server.port,
            b"user-agent: tellgraph/1",
            b"webhook-id: abc",
        ]
    )
    assert body == BODY


async def test_keeps_no_cookie() -> None:
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"

    async def behave(connection: HostileConnection) -> None:
        while True:
            await connection.read_request()
            await connection.send(head)

    async with dns_server() as dns, hostile_server(behave) as server:
        # Under a name, since a cookie jar keeps nothing for bare addresses.
        dns.names["hooks.example.com"] = [records("127.0.0.1")]
        transport = create_transport(allowed=LOOPBACK, names=dns.client())
        for _ in range(2):
            await send(transport, f"http://hooks.example.com:{server.port}/")
        await transport.aclose()

    assert (server.connections, len(server.requests)) == (1, 2)
    assert b"cookie" not in server.requests[1].lower()


async def test_asks_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with hostile_server(answering(OK)) as endpoint, hostile_server(answering(OK)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        transport = create_transport(allowed=LOOPBACK)
        await send(transport, endpoint.url)
        await transport.aclose()

    assert (endpoint.connections, proxy.connections) == (1, 0)


async def test_works_over_a_mock_transport() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return httpx.Response(202, headers={"Retry-After": "1"}, json={"got": request.content.decode()})

    answer = await send(httpx.MockTransport(handle), "https://example.com/")

    assert (answer.status, answer.retry_after, answer.content_type) == (202, "1", "application/json")
    assert answer.body == b'{"got":"{\\"id\\":\\"1\\"}"}'


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("no"), ErrorKind.CONNECT),
        (httpx.ConnectTimeout("slow"), ErrorKind.TIMEOUT),
        (httpx.ReadTimeout("slow"), ErrorKind.TIMEOUT),
        (httpx.ReadError("cut"), ErrorKind.RESET),
        (httpx.RemoteProtocolError("what"), ErrorKind.PROTOCOL),
        (ZeroDivisionError(), ErrorKind.INTERNAL),
    ],
)
async def test_classifies_what_a_mock_transport_raises(error: Exception, kind: ErrorKind) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        raise error

    failure = await fail(httpx.MockTransport(handle), "https://example.com/")

    assert failure.kind == kind
    assert failure.message


async def test_cancelled_post_frees_its_connection(transport: httpx.AsyncBaseTransport) -> None:
    ended = asyncio.Event()
    started = asyncio.Event()

    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        started.set()
        await connection.hang()
        ended.set()

    async with hostile_server(behave) as server:
        task = asyncio.ensure_future(send(transport, server.url))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(60):
            await ended.wait()
