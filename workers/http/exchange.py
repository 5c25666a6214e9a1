"""One request and its answer over a connection of aiohttp's.

aiohttp's connector opens and keeps the connections, and its parser reads the answer. aiohttp's client is left out: it
adds redirects, cookies, proxies and retries, which a webhook must never do, and takes four times the CPU of the rest.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Self

import aiohttp
import httpx
import yarl

from workers.http.aiohttp_parts import BadStatusLine, Connection, OwnedRequest, RawResponseMessage
from workers.http.errors import BrokenHandshake, BrokenRequest, httpx_error
from workers.http.sockets import CappedHandler

#: Bytes of a body that are read at once; and those that may wait to be read.
_CHUNK_BYTES: Final = 16 * 1024
_WAITING_BYTES: Final = 64 * 1024
_TARGETS_KEPT: Final = 10_000
#: The limits are the caller's.
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


class Limits(NamedTuple):
    """Time limits of one request, in seconds; None: no limit. The deliver job has one of its own around all of it."""

    connect_s: float | None = None
    read_s: float | None = None


_UNLIMITED: Final = Limits()


class AnswerStream(httpx.AsyncByteStream):
    """The body of an answer as it comes, not decoded. Its errors are httpx's, with the original ones as causes."""

    def __init__(self, connection: Connection, body: aiohttp.StreamReader, read_s: float | None) -> None:
        self._connection: Connection | None = connection
        self._body = body
        self._read_s = read_s

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._read()
        except Exception as error:
            if (known := httpx_error(error)) is error:
                raise
            raise known from error
        if chunk:
            return chunk
        self._end(is_reusable=True)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection, unless the body was read to its end."""
        self._end(is_reusable=False)

    async def _read(self) -> bytes:
        if self._body.at_eof():
            return b""
        if self._read_s is None:
            return await self._body.read(_CHUNK_BYTES)
        async with asyncio.timeout(self._read_s):
            return await self._body.read(_CHUNK_BYTES)

    def _end(self, *, is_reusable: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # An endpoint that answers before the whole request was written may never read the rest.
        is_written = connection.transport is not None and not connection.transport.get_write_buffer_size()
        if is_reusable and is_written and _rests(connection):
            connection.release()
        else:
            connection.close()


def _rests(connection: Connection) -> bool:
    protocol = connection.protocol
    return isinstance(protocol, CappedHandler) and protocol.rest()


class Exchanger:
    """Sends POSTs over the connections of one connector, which it owns and closes."""

    def __init__(self, connector: aiohttp.TCPConnector) -> None:
        self._connector = connector
        self._target = lru_cache(maxsize=_TARGETS_KEPT)(self._target_of)

    async def post(
        self,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        check: Callable[[], None],
        owner: int | None = None,
    ) -> httpx.Response:
        """Send a POST, and read the head of the answer. The response's stream reads the body.

        Args:
            url: The endpoint, with path and query as its owner wrote them.
            headers: All headers except Host and Content-Length.
            body: The bytes to send.
            check: Called right before the first byte is written. Its exception closes the connection and is raised.
            owner: The seller whose webhook it is for; None: the operator. Owners share no connection.

        Raises:
            BrokenRequest: A header holds a line break or NUL.
            OSError: And other errors of aiohttp and the operating system; see `errors.classify`.
        """
        target = self._target(url, owner)
        lines = _joined([f"{name}: {value}" for name, value in headers])
        head = f"{target.start}{lines}Content-Length: {len(body)}\r\n\r\n".encode()
        return await self._exchange(target.request, head, body, check)

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send any request of httpx's, with the headers and the time limits that it has; else as `post`.

        A body that comes in pieces is read to its end first.
        """
        body = await request.aread()
        url = request.url
        lines = [f"{request.method} {url.raw_path.decode('ascii')} HTTP/1.1"]
        dropped = {b"transfer-encoding", b"content-length"}
        if self._connector.force_close:
            dropped.add(b"connection")
            lines.append("Connection: close")
        # Bytes as they are: latin-1 has one character for each.
        for name, value in request.headers.raw:
            if name.lower() not in dropped:
                lines.append(f"{name.decode('latin-1')}: {value.decode('latin-1')}")
        if body or request.headers.keys() & {"transfer-encoding", "content-length"}:
            lines.append(f"Content-Length: {len(body)}")
        timeout = request.extensions.get("timeout", {})
        return await self._exchange(
            aiohttp.ClientRequest(request.method, yarl.URL(str(url), encoded=True)),
            f"{_joined(lines)}\r\n".encode("latin-1"),
            body,
            lambda: None,
            limits=Limits(timeout.get("connect"), timeout.get("read")),
            has_body=request.method != "HEAD",
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._connector.close()

    async def _exchange(
        self,
        request: aiohttp.ClientRequest,
        head: bytes,
        body: bytes,
        check: Callable[[], None],
        *,
        limits: Limits = _UNLIMITED,
        has_body: bool = True,
    ) -> httpx.Response:
        connection = await self._connect(request, limits.connect_s)
        try:
            if limits.read_s is None:
                message, reader = await _converse(connection, head, body, check, has_body=has_body)
            else:
                async with asyncio.timeout(limits.read_s):
                    message, reader = await _converse(connection, head, body, check, has_body=has_body)
        except BaseException:
            connection.close()
            raise
        stream = AnswerStream(connection, reader, limits.read_s)
        return httpx.Response(message.code, headers=message.raw_headers, stream=stream)

    async def _connect(self, request: aiohttp.ClientRequest, limit_s: float | None) -> Connection:
        try:
            if limit_s is None:
                return await self._connector.connect(request, traces=[], timeout=_NO_TIMEOUT)
            async with asyncio.timeout(limit_s):
                return await self._connector.connect(request, traces=[], timeout=_NO_TIMEOUT)
        except TimeoutError as error:
            if limit_s is None:
                raise
            raise httpx.ConnectTimeout(f"no connection within {limit_s:g} s") from error
        except aiohttp.ClientConnectorError as error:
            if request.is_ssl() and isinstance(error.os_error, ConnectionResetError):
                raise BrokenHandshake("the connection ended in the TLS handshake") from error
            raise

    def _target_of(self, url: str, owner: int | None) -> Target:
        # `encoded` keeps yarl from rewriting the path and query.
        parsed = yarl.URL(url, encoded=True)
        request = OwnedRequest("POST", parsed, owner)
        lines = [f"POST {parsed.raw_path_qs} HTTP/1.1", f"Host: {parsed.host_port_subcomponent}"]
        if self._connector.force_close:
            lines.append("Connection: close")
        return Target(request=request, start=_joined(lines))


def _joined(lines: Sequence[str]) -> str:
    """Join the lines of a head. Raises BrokenRequest for one that would be two."""
    text = "".join([f"{line}\r\n" for line in lines])
    # Headers were checked when the webhook was saved. This is the last place to check them again.
    if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        raise BrokenRequest("a line of the request holds a line break or a NUL")
    return text


async def _converse(
    connection: Connection, head: bytes, body: bytes, check: Callable[[], None], *, has_body: bool
) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    protocol = connection.protocol
    assert protocol is not None, "a connection that was just handed out has one"
    protocol.set_response_params(
        read_until_eof=True, auto_decompress=False, read_bufsize=_WAITING_BYTES, skip_payload=not has_body
    )
    if protocol.transport is None:
        raise aiohttp.ServerDisconnectedError
    check()
    # From Python 3.12 on, asyncio keeps an empty part as unsent for ever, and then never closes the connection.
    protocol.transport.writelines((head, body) if body else (head,))
    message, reader = await protocol.read()
    while 100 <= message.code < 200 and message.code != _SWITCHING_PROTOCOLS:
        message, reader = await protocol.read()
    # The parser lets three digits of any kind through.
    if message.code < 100:
        raise BadStatusLine(f"{message.code:03}")
    return message, reader
