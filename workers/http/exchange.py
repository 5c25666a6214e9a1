"""One POST and its answer over a connection of aiohttp's.

aiohttp's connector finds, guards and keeps connections, and its parser reads what comes. Its client around both is for
what a webhook must never do (redirects, cookies, proxies, retries of its own) and takes four times the CPU of the rest.
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

#: Read at once of a body, and what may wait of it to be read.
_CHUNK_BYTES: Final = 16 * 1024
_WAITING_BYTES: Final = 64 * 1024
_TARGETS_KEPT: Final = 10_000
#: The deadline is the caller's.
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)
_SWITCHING_PROTOCOLS: Final = 101


@dataclass(frozen=True, slots=True)
class Target:
    """What all POSTs to one URL have in common.

    request  what a connector asks about where to connect; never sent. start: the first lines of the head.
    """

    request: aiohttp.ClientRequest
    start: str


class AnswerStream(httpx.AsyncByteStream):
    """A body as it comes, not decoded, and its errors as they are: `attempt_errors.classify` knows them."""

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
        """Give the connection up, unless the body was read to its end."""
        self._end(is_reusable=False)

    def _end(self, *, is_reusable: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # What answers before it has been told everything may never read the rest.
        if is_reusable and connection.transport is not None and not connection.transport.get_write_buffer_size():
            connection.release()
        else:
            connection.close()


class Exchanger:
    """Sends over the connections of one connector, which it owns."""

    def __init__(self, connector: aiohttp.TCPConnector) -> None:
        self._connector = connector
        self._target = lru_cache(maxsize=_TARGETS_KEPT)(self._target_of)

    async def post(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, check: Callable[[], None]
    ) -> httpx.Response:
        """Send, and read the head of what is answered: its stream has the body, and holds the connection.

        Args: check — is called right before the first byte is written; what it raises ends the connection.
        Raises: what aiohttp and the operating system raise; ValueError for a header that would be two.
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
        await self._connector.close()

    async def _connect(self, target: Target) -> Connection:
        try:
            return await self._connector.connect(target.request, traces=[], timeout=_NO_TIMEOUT)
        except aiohttp.ClientConnectorError as error:
            if target.request.is_ssl() and isinstance(error.os_error, ConnectionResetError):
                raise BrokenHandshake("the connection ended in the TLS handshake") from error
            raise

    def _target_of(self, url: str) -> Target:
        # encoded: the endpoint gets the path and query that its owner wrote, whatever yarl holds for equal.
        parsed = yarl.URL(url, encoded=True)
        request = aiohttp.ClientRequest("POST", parsed)
        lines = [f"POST {parsed.raw_path_qs} HTTP/1.1", f"Host: {parsed.host_port_subcomponent}"]
        if self._connector.force_close:
            lines.append("Connection: close")
        return Target(request=request, start=_joined(lines))


def _joined(lines: Sequence[str]) -> str:
    """Lines of a head. Raises ValueError for one that would be two: what follows could be a request of its own."""
    text = "".join([f"{line}\r\n" for line in lines])
    # All of it was checked when the webhook was saved; this is the last place where it can be.
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
