"""The transport accepts only valid certificates, and reports a broken TLS handshake."""

from pathlib import Path

import httpx
import pytest

from app.webhooks.domain.attempt import ErrorKind
from tests.support.certificates import certificate
from tests.support.hostile import OK, Behaviour, HostileConnection, answering, hostile_server, reset_at_once
from tests.support.posting import LOOPBACK, fail, send
from workers.http.transport import create_transport


async def test_trusted_certificate_is_accepted(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "127.0.0.1")
    transport = create_transport(allowed=LOOPBACK, ssl_context=trusting)

    async with hostile_server(answering(OK), ssl_context=serving) as server:
        answer = await send(transport, server.url)
        await transport.aclose()

    assert answer.status == 200


@pytest.mark.parametrize(("host", "is_trusted"), [("127.0.0.1", False), ("other.example.com", True)])
async def test_certificate_of_another_gets_no_request(tmp_path: Path, host: str, is_trusted: bool) -> None:
    serving, trusting = certificate(tmp_path, host)
    transport = create_transport(allowed=LOOPBACK, ssl_context=trusting if is_trusted else None)

    async with hostile_server(answering(OK), ssl_context=serving) as server:
        error = await fail(transport, server.url)
        await transport.aclose()

    assert error.kind == ErrorKind.TLS
    assert server.requests == []


@pytest.mark.parametrize(("from_h", "to_h"), [(-2, -1), (1, 2)])
async def test_certificate_of_another_time_gets_no_request(tmp_path: Path, from_h: int, to_h: int) -> None:
    serving, trusting = certificate(tmp_path, "127.0.0.1", from_h=from_h, to_h=to_h)
    transport = create_transport(allowed=LOOPBACK, ssl_context=trusting)

    async with hostile_server(answering(OK), ssl_context=serving) as server:
        error = await fail(transport, server.url)
        await transport.aclose()

    assert error.kind == ErrorKind.TLS
    assert server.requests == []


async def test_plain_http_behind_https_is_a_tls_failure(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.reader.read(1)
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await connection.hang()

    async with hostile_server(behave) as server:
        error = await fail(transport, server.url.replace("http:", "https:"))

    assert error.kind == ErrorKind.TLS


HELLO = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"


async def reset_after_hello(connection: HostileConnection) -> None:
    await connection.reader.read(64)
    connection.reset()


async def close_after_hello(connection: HostileConnection) -> None:
    await connection.reader.read(64)


async def reset_in_hello(connection: HostileConnection) -> None:
    await connection.reader.read(64)
    await connection.send(HELLO)
    connection.reset()


async def refuse_in_handshake(connection: HostileConnection) -> None:
    await connection.reader.read(64)
    await connection.send(b"\x15\x03\x03\x00\x02\x02\x28")
    await connection.hang()


async def handshake_without_end(connection: HostileConnection) -> None:
    await connection.reader.read(64)
    await connection.send_forever(b"\x16\x03\x03\x40\x00\x02\xff\xff\xff" + b"x" * 16380)


@pytest.mark.parametrize(
    "behaviour",
    [
        reset_at_once,
        reset_after_hello,
        close_after_hello,
        reset_in_hello,
        refuse_in_handshake,
        handshake_without_end,
    ],
)
async def test_broken_handshake_is_a_tls_failure(transport: httpx.AsyncBaseTransport, behaviour: Behaviour) -> None:
    async with hostile_server(behaviour) as server:
        error = await fail(transport, server.url.replace("http:", "https:"))

    assert error.kind == ErrorKind.TLS
    assert "None" not in error.message
    assert server.connections == 1


async def test_no_connection_is_no_tls_failure(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(reset_at_once) as server:
        port = server.port

    assert (await fail(transport, f"https://127.0.0.1:{port}/")).kind == ErrorKind.CONNECT


async def test_silent_handshake_ends_at_the_deadline(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.hang()

    async with hostile_server(behave) as server:
        error = await fail(transport, server.url.replace("http:", "https:"), timeout_s=0.3)

    assert error.kind == ErrorKind.TIMEOUT
