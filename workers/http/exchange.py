"""Send one POST over an aiohttp connection, and read the answer. A measured optimisation below the HTTP client.

aiohttp's connector opens and keeps the connections, and its parser reads the answer. aiohttp's client is left out: it
adds redirects, cookies, proxies and retries, which a webhook must never do, and takes four times the CPU of the rest.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

import aiohttp
import httpx
import yarl
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import BadStatusLine

from workers.http.errors import BrokenHandshake

#: Bytes of a body that are read at once; and those that may wait to be read.
_CHUNK_BYTES: Final = 16 * 1024
_WAITING_BYTES: Final = 64 * 1024
_TARGETS_KEPT: Final = 10_000
#: The caller sets the deadline.
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)
_SWITCHING_PROTOCOLS: Final = 101


@dataclass(frozen=True, slots=True)
class Target:
    """The parts that all POSTs to one URL have in common.

    Attributes:
        request: Tells the connector where to connect. It is never sent.
        start: The first lines of the head.
    """

    request: aiohttp.ClientRequest
    start: str


class AnswerStream(httpx.AsyncByteStream):
    """A body as it comes, not decoded. It raises aiohttp's own errors, which `errors.classify` knows."""

    def __init__(self, connection: Connection, body: aiohttp.StreamReader) -> None:
        self._connection: Connection | None = connection
        self._body = body

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._body.at_eof() and (chunk := await self._body.read(_CHUNK_BYTES)):
            return chunk
        self._end(is_reusable=True)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection, unless the body was read to its end."""
        self._end(is_reusable=False)

    def _end(self, *, is_reusable: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # An endpoint that answers before the whole request was written may never read the rest.
        if is_reusable and connection.transport is not None and not connection.transport.get_write_buffer_size():
            connection.release()
        else:
            connection.close()


class Exchanger:
    """Sends POSTs over the connections of one connector, which it owns and closes."""

    def __init__(self, connector: aiohttp.TCPConnector) -> None:
        self._connector = connector
        self._target = lru_cache(maxsize=_TARGETS_KEPT)(self._target_of)

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, check: Callable[[], None]
    ) -> httpx.Response:
        """Send a POST, and read the head of the answer. The response's stream reads the body.

        Args:
            url: The endpoint, with path and query as its owner wrote them.
            headers: All headers except Host and Content-Length.
            body: The bytes to send.
            check: Called right before the first byte is written. Its exception closes the connection and is raised.

        Raises:
            ValueError: A header holds a line break or NUL.
            OSError: And other errors of aiohttp and the operating system; see `errors.classify`.
        """
        target = self._target(url)
        lines = _joined([f"{name}: {value}" for name, value in headers])
        head = f"{target.start}{lines}Content-Length: {len(body)}\r\n\r\n".encode()
        connection = await self._connect(target)
        try:
            message, reader = await _converse(connection, head, body, check)
        except BaseException:
            connection.close()
            raise
        return httpx.Response(message.code, headers=message.raw_headers, stream=AnswerStream(connection, reader))

    async def close(self) -> None:
        """Close all connections."""
        await self._connector.close()

    async def _connect(self, target: Target) -> Connection:
        try:
            return await self._connector.connect(target.request, traces=[], timeout=_NO_TIMEOUT)
        except aiohttp.ClientConnectorError as error:
            if target.request.is_ssl() and isinstance(error.os_error, ConnectionResetError):
                raise BrokenHandshake("the connection ended in the TLS handshake") from error
            raise

    def _target_of(self, url: str) -> Target:
        # `encoded` keeps yarl from rewriting the path and query.
        parsed = yarl.URL(url, encoded=True)
        request = aiohttp.ClientRequest("POST", parsed)
        lines = [f"POST {parsed.raw_path_qs} HTTP/1.1", f"Host: {parsed.host_port_subcomponent}"]
        if self._connector.force_close:
            lines.append("Connection: close")
        return Target(request=request, start=_joined(lines))


def _joined(lines: Sequence[str]) -> str:
    """Join the lines of a head. Raise ValueError if one holds a line break, after which a second request could hide."""
    text = "".join([f"{line}\r\n" for line in lines])
    # Headers were checked when the webhook was saved. This is the last place to check them again.
    if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        raise ValueError("a line of the request holds a line break or a NUL")
    return text


async def _converse(
    connection: Connection, head: bytes, body: bytes, check: Callable[[], None]
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    protocol = connection.protocol
    assert protocol is not None, "a connection that was just handed out has one"
    protocol.set_response_params(read_until_eof=True, auto_decompress=False, read_bufsize=_WAITING_BYTES)
    if protocol.transport is None:
        raise aiohttp.ServerDisconnectedError
    check()
    protocol.transport.writelines((head, body))
    message, reader = await protocol.read()
    while 100 <= message.code < 200 and message.code != _SWITCHING_PROTOCOLS:
        message, reader = await protocol.read()
    # The parser lets three digits of any kind through.
    if message.code < 100:
        raise BadStatusLine(f"{message.code:03}")
    return message, reader
