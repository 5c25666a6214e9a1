"""An attempt's error is plain text for a subscriber, and never the repr of a library's object."""

import ssl
from pathlib import Path

import httpx
import pytest

from app.webhooks.domain.attempt import ErrorKind
from tests.support.certificates import certificate
from tests.support.hostile import OK, HostileConnection, answering, hostile_server, reset_at_once
from tests.support.posting import LOOPBACK, fail, send
from workers.http.errors import detail
from workers.http.transport import create_transport

ENDED = "The endpoint ended the connection before its whole answer had come."
NO_HTTP = "The endpoint's answer is not one of HTTP/1.1"
BROKEN = {
    "closed at once": (b"", ErrorKind.RESET, ENDED),
    "half a status line": (b"HTTP/1.1 2", ErrorKind.RESET, ENDED),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", ErrorKind.RESET, ENDED),
    "half an answer after an interim one": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2",
        ErrorKind.RESET,
        ENDED,
    ),
    "no HTTP": (
        b"SSH-2.0-OpenSSH\r\n\r\n",
        ErrorKind.PROTOCOL,
        f"{NO_HTTP}: Bad status line: Expected HTTP/, RTSP/ or ICE/: 'SSH-2.0-OpenSSH'",
    ),
    "no header": (
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        ErrorKind.PROTOCOL,
        f"{NO_HTTP}: Invalid header token: 'bad header'",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_broken_answer_is_told_in_words(transport: httpx.AsyncBaseTransport, case: str) -> None:
    sent, kind, message = BROKEN[case]

    async with hostile_server(answering(sent)) as server:
        error = await fail(transport, server.url)

    assert (error.kind, error.message) == (kind, message)


async def test_kept_connection_that_breaks_in_an_answer_is_told_in_words(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(OK)
        await connection.read_request()
        await connection.send(b"HTTP/1.1 2")

    async with hostile_server(behave) as server:
        await send(transport, server.url)
        error = await fail(transport, server.url)

    assert (error.kind, error.message) == (ErrorKind.RESET, ENDED)


async def test_missing_connection_is_told_in_words(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(reset_at_once) as server:
        reset = await fail(transport, server.url)
        handshake = await fail(transport, server.url.replace("http:", "https:"))
    refused = await fail(transport, server.url)

    assert (reset.kind, reset.message) == (ErrorKind.RESET, ENDED)
    assert (handshake.kind, handshake.message) == (
        ErrorKind.TLS,
        "The endpoint ended the connection during the TLS handshake.",
    )
    assert (refused.kind, refused.message) == (
        ErrorKind.CONNECT,
        "The endpoint refused the connection: nothing listens on its port.",
    )
    assert str(server.port) in detail(refused)


async def speaking_plainly(connection: HostileConnection) -> None:
    await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def test_plain_http_on_the_port_of_a_tls_url_is_told_in_words(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(speaking_plainly) as server:
        error = await fail(transport, server.url.replace("http:", "https:"))

    assert (error.kind, error.message) == (ErrorKind.TLS, "The endpoint does not speak TLS on this port.")


async def test_untrusted_certificate_is_told_in_words(tmp_path: Path) -> None:
    serving, _ = certificate(tmp_path, "127.0.0.1")
    transport = create_transport(allowed=LOOPBACK, ssl_context=ssl.create_default_context())

    async with hostile_server(answering(OK), ssl_context=serving) as server:
        error = await fail(transport, server.url)

    assert (error.kind, error.message) == (
        ErrorKind.TLS,
        "The endpoint's certificate was not accepted: it is self-signed.",
    )
    await transport.aclose()
