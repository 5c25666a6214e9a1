"""The transport turns every kind of bad answer into a failure with its kind, or a status with a note."""

import asyncio

import httpx
import pytest

from app.webhooks.domain.attempt import ErrorKind
from tests.support.hostile import (
    OK,
    Behaviour,
    HostileConnection,
    answering,
    answering_without_end,
    hang,
    hostile_server,
    reset_at_once,
)
from tests.support.posting import fail, send

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def byte_by_byte(connection: HostileConnection) -> None:
    await connection.read_request()
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
        await connection.send(bytes([byte]))
        await asyncio.sleep(0.02)


async def hints_byte_by_byte(connection: HostileConnection) -> None:
    await connection.read_request()
    for byte in b"HTTP/1.1 102 Processing\r\n\r\n" * 400:
        await connection.send(bytes([byte]))
        await asyncio.sleep(0.005)


async def body_byte_by_byte(connection: HostileConnection) -> None:
    await connection.read_request()
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    for _ in range(10_000):
        await connection.send(b"x")
        await asyncio.sleep(0.02)


async def reset_after_head(connection: HostileConnection) -> None:
    await connection.reader.readuntil(b"\r\n\r\n")
    connection.reset()


async def reset_after_request(connection: HostileConnection) -> None:
    await connection.read_request()
    connection.reset()


async def reset_in_headers(connection: HostileConnection) -> None:
    await connection.read_request()
    await connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    connection.reset()


FAILURES: dict[str, tuple[Behaviour, ErrorKind]] = {
    "reset at once": (reset_at_once, ErrorKind.RESET),
    "reset after the request's head": (reset_after_head, ErrorKind.RESET),
    "reset after the request": (reset_after_request, ErrorKind.RESET),
    "reset in the headers": (reset_in_headers, ErrorKind.RESET),
    "closed after the request": (answering(), ErrorKind.RESET),
    "closed in the headers": (answering(b"HTTP/1.1 200 OK\r\nX-"), ErrorKind.RESET),
    "no answer": (hang, ErrorKind.TIMEOUT),
    "byte by byte": (byte_by_byte, ErrorKind.TIMEOUT),
    "half a status line": (answering(b"HTTP/1.1 2", then_hang=True), ErrorKind.TIMEOUT),
    "100-continue without end": (
        answering_without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
        ErrorKind.OVERSIZED_ANSWER,
    ),
    "hints byte by byte": (hints_byte_by_byte, ErrorKind.TIMEOUT),
    "hints without end": (
        answering_without_end(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" * 100),
        ErrorKind.OVERSIZED_ANSWER,
    ),
    "reason of 200 KB": (
        answering(b"HTTP/1.1 200 " + b"x" * 200_000 + b"\r\n\r\n", then_hang=True),
        ErrorKind.PROTOCOL,
    ),
    "50,000 headers": (
        answering(b"HTTP/1.1 200 OK\r\n" + b"a:b\r\n" * 50_000 + b"\r\n", then_hang=True),
        ErrorKind.PROTOCOL,
    ),
    "empty lines without end": (answering_without_end(b"", b"\r\n" * 5_000), ErrorKind.OVERSIZED_ANSWER),
    "header of 1 MB": (
        answering(b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 1_000_000 + b"\r\n\r\n", then_hang=True),
        ErrorKind.PROTOCOL,
    ),
    "header without end": (
        answering_without_end(b"HTTP/1.1 200 OK\r\nX-Big: ", b"x" * 65536),
        ErrorKind.PROTOCOL,
    ),
    "headers without end": (
        answering_without_end(b"HTTP/1.1 200 OK\r\n", b"X-Many: 1\r\n" * 1000),
        ErrorKind.PROTOCOL,
    ),
    "no HTTP": (answering(b"SSH-2.0-OpenSSH_9.6\r\n", then_hang=True), ErrorKind.PROTOCOL),
    **{
        f"status {status}": (
            answering(b"HTTP/1.1 %s X\r\n\r\nok" % status.encode(), then_hang=True),
            ErrorKind.PROTOCOL,
        )
        for status in ("000", "099", "0", "99", "0200", "1000", "-20", "+20", "2_0", "2e2", "20x", "", "２００")
    },
    "HTTP/2": (answering(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", then_hang=True), ErrorKind.PROTOCOL),
    "NUL in a header": (answering(b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", then_hang=True), ErrorKind.PROTOCOL),
    "negative length": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", then_hang=True),
        ErrorKind.PROTOCOL,
    ),
    "two lengths": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", then_hang=True),
        ErrorKind.PROTOCOL,
    ),
    "length that overflows": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n", then_hang=True),
        ErrorKind.PROTOCOL,
    ),
    "length beside chunked": (
        answering(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            then_hang=True,
        ),
        ErrorKind.PROTOCOL,
    ),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_no_status_is_a_failure_of_its_kind(transport: httpx.AsyncBaseTransport, name: str) -> None:
    behaviour, kind = FAILURES[name]
    # Only what never answers may wait for the deadline.
    timeout_s = 0.4 if kind is ErrorKind.TIMEOUT else 10.0

    async with hostile_server(behaviour) as server:
        error = await fail(transport, server.url, timeout_s=timeout_s)

    assert error.kind == kind
    assert 0 < len(error.message) <= 300
    assert server.connections == 1


async def test_names_the_deadline_that_passed(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(hang) as server:
        error = await fail(transport, server.url, timeout_s=0.25)

    assert (error.kind, error.message) == (ErrorKind.TIMEOUT, "The endpoint did not answer within 0.25 s.")


async def test_refused_connection_is_no_connection(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(hang) as server:
        port = server.port

    error = await fail(transport, f"http://127.0.0.1:{port}/")

    assert error.kind == ErrorKind.CONNECT


ANSWERS: dict[str, tuple[Behaviour, int, str | None]] = {
    "plain": (answering(OK), 200, None),
    "kept open": (answering(OK, then_hang=True), 200, None),
    "redirect": (
        answering(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", then_hang=True),
        302,
        None,
    ),
    "reason phrase that is no UTF-8": (
        answering(b"HTTP/1.1 200 \xff\r\nContent-Length: 0\r\n\r\n", then_hang=True),
        200,
        None,
    ),
    "204": (answering(b"HTTP/1.1 204 No Content\r\n\r\n", then_hang=True), 204, None),
    "gone": (answering(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", then_hang=True), 410, None),
    "after 100-continue": (answering(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, then_hang=True), 200, None),
    "length too long": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
        200,
        "The answer's body: RESET:",
    ),
    # These two come in one segment, so that the head and the fault are parsed at once.
    "204 with a body": (
        answering(b"HTTP/1.1 204 No Content\r\n\r\nbody", then_hang=True),
        204,
        None,
    ),
    "length too short": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\ntoo long", then_hang=True),
        200,
        None,
    ),
    "body that never ends its wait": (
        answering(b"HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nhalf", then_hang=True),
        500,
        "The answer's body: TIMEOUT: It had not ended within 0.4 s",
    ),
    "bad chunk": (
        answering(CHUNKED, b"2\r\nok\r\nzz\r\n", then_hang=True),
        200,
        "The answer's body: PROTOCOL: The endpoint's answer is not one of HTTP/1.1: Invalid character in chunk size",
    ),
    "body without end": (
        answering_without_end(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        200,
        "The answer's body has more than 65536 bytes",
    ),
    "chunks without end": (
        answering_without_end(CHUNKED, b"4000\r\n" + b"x" * 0x4000 + b"\r\n"),
        200,
        "The answer's body has more than 65536 bytes",
    ),
    "body byte by byte": (body_byte_by_byte, 200, "The answer's body: TIMEOUT: It had not ended within 0.4 s"),
    "chunks of one byte without end": (
        answering_without_end(CHUNKED, b"1\r\nx\r\n" * 5_000),
        200,
        "The answer's body: OVERSIZED_ANSWER:",
    ),
    "another protocol": (
        answering_without_end(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"x" * 65536
        ),
        101,
        None,
    ),
    "answers without end": (answering_without_end(b"", OK * 1_000), 200, None),
    "chunk extension without end": (
        answering_without_end(CHUNKED + b"2;", b"x" * 65536),
        200,
        "The answer's body: OVERSIZED_ANSWER:",
    ),
    "trailers without end": (
        answering_without_end(CHUNKED + b"0\r\n", b"X-Many: 1\r\n" * 1000),
        200,
        "The answer's body:",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_status_decides_and_the_rest_is_a_note(transport: httpx.AsyncBaseTransport, name: str) -> None:
    behaviour, status, note = ANSWERS[name]
    timeout_s = 0.4 if "TIMEOUT" in (note or "") else 10.0

    async with hostile_server(behaviour) as server:
        answer = await send(transport, server.url, timeout_s=timeout_s)

    assert answer.status == status
    assert (answer.note or "").startswith(note or "")
    assert (answer.note is None) == (note is None)
    assert server.connections == 1
    assert len(server.requests) == 1


class TellingTransport(httpx.AsyncBaseTransport):
    """A transport that sets an event when a status is known."""

    def __init__(self, inner: httpx.AsyncBaseTransport, told: asyncio.Event) -> None:
        self.inner, self.told = inner, told

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        self.told.set()
        return response


async def test_reset_in_the_body_does_not_undo_the_status(transport: httpx.AsyncBaseTransport) -> None:
    # A reset throws away what the client has not read yet, so it must come after the status was seen.
    status_seen = asyncio.Event()

    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await status_seen.wait()
        connection.reset()

    async with hostile_server(behave) as server:
        answer = await send(TellingTransport(transport, status_seen), server.url)

    assert (answer.status, answer.body) == (200, b"half")
    assert (answer.note or "").startswith("The answer's body: RESET:")
