"""An attempt's error is plain text for a subscriber, and never the repr of a library's object."""

import ssl
from pathlib import Path

import httpx
import pytest

from app.webhooks.domain.attempt import ErrorKind
from tests.support.certificates import certificate
from tests.support.hostile import OK, HostileConnection, answering, hostile_server, reset_at_once
from tests.support.posting import LOOPBACK, fail, send
from workers.http.transport import create_transport

ENDED = "the connection ended before a whole answer had come"
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
        "broken answer: Bad status line: Expected HTTP/, RTSP/ or ICE/: 'SSH-2.0-OpenSSH'",
    ),
    "no header": (
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        ErrorKind.PROTOCOL,
        "broken answer: Invalid header token: 'bad header'",
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

    assert (reset.kind, reset.message) == (ErrorKind.RESET, "Connection reset by peer")
    assert (handshake.kind, handshake.message) == (ErrorKind.TLS, "TLS: the connection ended in the TLS handshake")
    assert (refused.kind, refused.message) == (
        ErrorKind.CONNECT,
        f"no connection to 127.0.0.1:{server.port}: Connection refused",
    )


async def test_untrusted_certificate_is_told_in_words(tmp_path: Path) -> None:
    serving, _ = certificate(tmp_path, "127.0.0.1")
    transport = create_transport(allowed=LOOPBACK, ssl_context=ssl.create_default_context())

    async with hostile_server(answering(OK), ssl_context=serving) as server:
        error = await fail(transport, server.url)

    # "self-signed" or "self signed", by the release of OpenSSL.
    assert (error.kind, error.message.replace("-", " ")) == (
        ErrorKind.TLS,
        "the certificate was not accepted: self signed certificate",
    )
    await transport.aclose()
