"""Any client of httpx can use the guarded transport, and any transport of httpx can send a webhook's POST."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from app.errors import AttemptError
from app.webhooks.domain.attempt import ErrorKind
from tests.support.certificates import certificate
from tests.support.hostile import OK, HostileConnection, answering, hostile_server, reset_at_once
from tests.support.posting import BODY, send
from workers.http.sockets import MAX_WIRE_BYTES
from workers.http.transport import Post, create_transport


@pytest.fixture
async def client(transport: httpx.AsyncBaseTransport) -> AsyncIterator[httpx.AsyncClient]:
    # The client closes the transport, as does its own fixture: twice is as good as once.
    async with httpx.AsyncClient(transport=transport, timeout=5.0) as client:
        yield client


async def answer_always(connection: HostileConnection) -> None:
    while True:
        await connection.read_request()
        await connection.send(OK)


async def test_client_gets_an_answer_and_keeps_its_connection(client: httpx.AsyncClient) -> None:
    async with hostile_server(answer_always) as server:
        answers = [await client.post(server.url, content=b"abc", headers={"X-Own": "1"}) for _ in range(2)]

    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "ok")] * 2
    assert server.connections == 1
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST / HTTP/1.1"
    assert {b"Host: 127.0.0.1:%d" % server.port, b"X-Own: 1", b"Content-Length: 3"} <= set(head.split(b"\r\n"))
    assert body == b"abc"


async def test_path_query_and_header_bytes_are_sent_as_the_client_has_them(client: httpx.AsyncClient) -> None:
    async with hostile_server(answering(OK)) as server:
        await client.get(f"{server.url}/a%2Fb?q=1+2&q=%20", headers=[(b"X-Own", b"\xff\xfe")])

    assert server.requests[0].startswith(b"GET /a%2Fb?q=1+2&q=%20 HTTP/1.1\r\n")
    assert b"\r\nX-Own: \xff\xfe\r\n" in server.requests[0]


async def test_redirect_is_an_answer(client: httpx.AsyncClient) -> None:
    found = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"

    async with hostile_server(answering(found)) as server:
        answer = await client.get(server.url)

    assert (answer.status_code, answer.has_redirect_location) == (302, True)
    assert len(server.requests) == 1


async def test_client_that_follows_redirects_reaches_no_forbidden_address(client: httpx.AsyncClient) -> None:
    found = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"

    async with hostile_server(answering(found)) as server:
        with pytest.raises(httpx.ConnectError, match="not one that webhooks may reach"):
            await client.get(server.url, follow_redirects=True)


async def test_answer_is_streamed(client: httpx.AsyncClient) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        # The rest is sent only when the client asks for the second part on another connection.
        await asked.wait()
        await connection.send(b"6\r\nsecond\r\n0\r\n\r\n")

    asked = asyncio.Event()
    async with hostile_server(behave) as server, client.stream("GET", server.url) as answer:
        parts = answer.aiter_raw()
        first = await anext(parts)
        asked.set()
        rest = [part async for part in parts]

    assert (first, b"".join(rest)) == (b"first", b"second")


async def test_stream_that_is_left_gives_its_connection_up(client: httpx.AsyncClient) -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000

    async with hostile_server(answering(long)) as server:
        for _ in range(2):
            async with client.stream("GET", server.url) as answer:
                assert answer.status_code == 200

    assert server.connections == 2


async def test_request_in_pieces_is_sent_whole(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with hostile_server(answering(OK)) as server:
        await client.post(server.url, content=pieces())

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert b"Content-Length: 6" in head.split(b"\r\n")
    assert b"transfer-encoding" not in head.lower()
    assert body == b"onetwo"


async def test_client_decodes_what_the_transport_does_not(client: httpx.AsyncClient) -> None:
    packed = gzip.compress(b"text")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()

    async with hostile_server(answering(head + packed)) as server:
        answer = await client.get(server.url)

    assert answer.text == "text"


async def test_answer_to_head_has_no_body(client: httpx.AsyncClient) -> None:
    async def behave(connection: HostileConnection) -> None:
        while True:
            await connection.read_request()
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")

    async with hostile_server(behave) as server:
        answers = [await client.head(server.url) for _ in range(2)]

    assert [(answer.headers["content-length"], answer.content) for answer in answers] == [("100", b"")] * 2
    assert server.connections == 1


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (b"", httpx.ReadError, "The endpoint ended the connection before its whole answer had come"),
        (
            b"SSH-2.0-OpenSSH\r\n\r\n",
            httpx.RemoteProtocolError,
            "The endpoint's answer is not one of HTTP/1.1: Bad status line",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
            httpx.ReadError,
            "ended the connection before its whole answer",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * MAX_WIRE_BYTES, httpx.RemoteProtocolError, "more than 262144 bytes"),
    ],
)
async def test_broken_answer_is_an_error_of_httpx(
    client: httpx.AsyncClient, answer: bytes, error: type[httpx.TransportError], words: str
) -> None:
    async with hostile_server(answering(answer)) as server:
        with pytest.raises(error, match=words) as caught:
            await client.get(server.url)

    assert caught.value.request.url == server.url


async def test_endpoint_without_a_listener_is_a_connect_error(client: httpx.AsyncClient) -> None:
    async with hostile_server(answering(OK)) as server:
        url = server.url

    with pytest.raises(httpx.ConnectError, match=r"refused the connection"):
        await client.get(url)


async def test_reset_is_a_read_error(client: httpx.AsyncClient) -> None:
    async with hostile_server(reset_at_once) as server:
        with pytest.raises(httpx.ReadError):
            await client.get(server.url)


async def test_certificate_that_is_not_accepted_is_a_connect_error(client: httpx.AsyncClient, tmp_path: Path) -> None:
    # Signed by nobody that the system knows.
    server_context, _ = certificate(tmp_path, "127.0.0.1")

    async with hostile_server(answering(OK), ssl_context=server_context) as server:
        with pytest.raises(httpx.ConnectError, match="certificate was not accepted"):
            await client.get(server.url)


async def test_other_scheme_is_not_supported(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.UnsupportedProtocol, match="'ftp'"):
        await client.get("ftp://127.0.0.1/")


async def test_header_that_would_be_two_is_not_sent(client: httpx.AsyncClient) -> None:
    async with hostile_server(answering(OK)) as server:
        with pytest.raises(httpx.LocalProtocolError):
            await client.get(server.url, headers={"X-Own": "a\r\nX-Other: b"})

    assert server.requests == []


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_silence_ends_with_the_clients_limit(client: httpx.AsyncClient, start: bytes) -> None:
    async with hostile_server(answering(start, then_hang=True)) as server:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(server.url, timeout=httpx.Timeout(5.0, read=0.1))


async def test_post_is_a_request_for_any_transport() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(410, headers={"Retry-After": "3"}, content=b"gone")

    got = await send(httpx.MockTransport(answer), "http://own.example:81/a?b=1", headers=(("X-Own", "1"),))

    assert (got.status, got.retry_after, got.body) == (410, "3", b"gone")
    [request] = seen
    plain = httpx.Request("POST", "http://own.example:81/a?b=1", headers={"X-Own": "1"}, content=BODY)
    assert isinstance(request, Post)
    assert (request.method, request.url, request.headers) == (plain.method, plain.url, plain.headers)
    assert request.content == plain.content == BODY


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("no"), ErrorKind.CONNECT),
        (httpx.ReadTimeout("no"), ErrorKind.TIMEOUT),
        (httpx.ReadError("no"), ErrorKind.RESET),
        (httpx.RemoteProtocolError("no"), ErrorKind.PROTOCOL),
        (httpx.LocalProtocolError("no"), ErrorKind.INTERNAL),
    ],
)
async def test_error_of_any_transport_has_its_kind(error: httpx.TransportError, kind: ErrorKind) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(AttemptError) as caught:
        await send(httpx.MockTransport(fail), "http://own.example/")

    assert caught.value.kind is kind


async def test_client_without_an_allowed_network_reaches_no_loopback() -> None:
    async with hostile_server(answering(OK)) as server, httpx.AsyncClient(transport=create_transport()) as client:
        with pytest.raises(httpx.ConnectError, match=r"not one that webhooks may reach"):
            await client.get(server.url)

    assert server.connections == 0
