"""Connections to endpoints. Their addresses are checked, and the bytes of each answer are limited."""

import ssl
from functools import cache
from typing import Final

import aiohttp

from workers.http.aiohttp_parts import RawResponseMessage, ResponseHandler, is_between_messages, set_handler
from workers.http.egress import Egress, GuardedResolver, socket_factory
from workers.http.errors import OversizedAnswer, StaleConnection

# Bytes of one answer on the wire: status, headers, framing and body. Without this limit, an endless run of
# `100 Continue` stops the event loop for seconds, and an endless chunk extension keeps a core busy.
MAX_WIRE_BYTES: Final = 256 * 1024
# Seconds. Node closes an idle connection after 5 s, and a POST that is sent at that moment fails.
KEEPALIVE_S: Final = 4.0


class CappedHandler(ResponseHandler):
    """An aiohttp connection on which each answer may have only `MAX_WIRE_BYTES`."""

    _bytes_left = MAX_WIRE_BYTES
    _requests = 0
    _is_idle = False
    _body: aiohttp.StreamReader | None = None

    def set_response_params(self, **params: object) -> None:
        """Start an answer. aiohttp calls this once for each request on the connection."""
        self._bytes_left = MAX_WIRE_BYTES
        self._is_idle = False
        self._requests += 1
        super().set_response_params(**params)  # type: ignore[arg-type]  # handed through as it came

    def is_connected(self) -> bool:
        """Tell whether the pool may hand this connection out.

        A connection with an unrequested answer is refused: the next request would take that answer for its own.
        """
        return super().is_connected() and not self.should_close

    def rest(self) -> bool:
        """End an answer that was read whole. Return whether the connection may be kept for another request.

        It may not after bytes that nobody has asked for, be they but the beginning of an answer: the next request
        would take them, or what follows, for its own. Of a kept connection any byte is such a one, and closes it.
        """
        self._is_idle = self.is_connected() and is_between_messages(self)
        return self._is_idle

    def feed_data(self, data: tuple[RawResponseMessage, aiohttp.StreamReader], size: int = 0) -> None:
        """Take the head of an answer from the parser, with the reader of its body."""
        self._body = data[1]
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        if self._is_idle:
            self.close()
            return
        # The bytes after the head are parsed separately: an error in them must not hide the status.
        head, end, rest = data.partition(b"\r\n\r\n") if self._is_untouched() else (data, b"", b"")
        self._receive(head + end)
        if rest and self.exception() is None:
            self._receive(rest)

    def _receive(self, data: bytes) -> None:
        self._bytes_left -= len(data)
        if self._bytes_left >= 0:
            super().data_received(data)
            return
        self.set_exception(OversizedAnswer(f"more than {MAX_WIRE_BYTES} bytes"))
        if self.transport is not None:
            self.transport.abort()

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        is_reused = self._requests > 1
        if is_reused and self._is_untouched() and isinstance(exc, aiohttp.ClientConnectionError):
            exc = StaleConnection(str(exc))
        super().set_exception(exc, *cause)
        # aiohttp does not report broken framing to a body's reader, which would then wait for the deadline.
        body = self._body
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(exc)

    def _is_untouched(self) -> bool:
        return self._bytes_left == MAX_WIRE_BYTES


@cache
def default_ssl_context() -> ssl.SSLContext:
    """Return the process's one context. Loading the system's certificates takes 30 ms."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def open_connector(
    egress: Egress, ssl_context: ssl.SSLContext, resolver: GuardedResolver, *, force_close: bool
) -> aiohttp.TCPConnector:
    """Open a connector that checks every address and limits every answer. Call it in the running event loop.

    Args:
        egress: The addresses that its connections may reach.
        ssl_context: The context of https connections.
        resolver: Looks up and checks names.
        force_close: Whether each request gets a new connection.
    """
    connector = aiohttp.TCPConnector(
        ssl=ssl_context,
        resolver=resolver,
        socket_factory=socket_factory(egress),
        # A limit here would make POSTs wait within their deadline. The deliver job limits their number instead.
        limit=0,
        force_close=force_close,
        keepalive_timeout=None if force_close else KEEPALIVE_S,
    )
    set_handler(connector, CappedHandler)
    return connector
