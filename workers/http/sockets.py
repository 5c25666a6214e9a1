"""Connections to endpoints: guarded when they are made, capped in what they take from the wire."""

import asyncio
import ssl
from collections.abc import Sequence
from functools import cache, partial
from typing import Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

from app.webhooks.domain.endpoint import Network
from workers.http.egress import GuardedResolver, socket_factory
from workers.http.errors import OversizedAnswer, StaleConnection

# An answer's bytes as they come: status, headers, framing and body. Without it an endless run of
# `100 Continue` stops the event loop for seconds, and an endless chunk extension burns a core.
MAX_WIRE_BYTES: Final = 256 * 1024
# Below the 5 s after which Node closes an idle connection: a POST sent at that moment fails.
KEEPALIVE_S: Final = 4.0


class CappedHandler(ResponseHandler):
    """aiohttp's connection, but each answer may take only `MAX_WIRE_BYTES` from the wire."""

    _bytes_left = MAX_WIRE_BYTES
    _requests = 0

    def set_response_params(self, **params: object) -> None:
        """Start an answer: called by aiohttp once for each request on this connection."""
        self._bytes_left = MAX_WIRE_BYTES
        self._requests += 1
        super().set_response_params(**params)  # type: ignore[arg-type]  # handed through as it came

    def is_connected(self) -> bool:
        """Tell whether the pool may hand this connection out.

        Not if an answer waits that nobody asked for: the next request would take it for its own.
        """
        return super().is_connected() and not self._buffer

    def data_received(self, data: bytes) -> None:
        # What comes with the head is parsed after it: an error in it must not take the status away with it.
        head, end, rest = data.partition(b"\r\n\r\n") if self._is_untouched() else (data, b"", b"")
        self._receive(head + end)
        if rest and self.exception() is None:
            self._receive(rest)

    def _receive(self, data: bytes) -> None:
        self._bytes_left -= len(data)
        if self._bytes_left >= 0:
            super().data_received(data)
            return
        self.set_exception(OversizedAnswer(f"more than {MAX_WIRE_BYTES} bytes of answer"))
        if self.transport is not None:
            self.transport.abort()

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        is_reused = self._requests > 1
        if is_reused and self._is_untouched() and isinstance(exc, aiohttp.ClientConnectionError):
            exc = StaleConnection(str(exc))
        super().set_exception(exc, *cause)
        # aiohttp does not tell a body's reader of broken framing, and would let it wait for the deadline.
        body = self._payload
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(exc)

    def _is_untouched(self) -> bool:
        return self._bytes_left == MAX_WIRE_BYTES


@cache
def default_ssl_context() -> ssl.SSLContext:
    """The process's one context: loading the system's certificates takes 30 ms."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def open_connector(
    allowed: Sequence[Network], ssl_context: ssl.SSLContext, resolver: GuardedResolver, *, force_close: bool
) -> aiohttp.TCPConnector:
    """Open a connector whose every connection is guarded and capped; call it in the running event loop.

    Args: force_close — whether each request gets a connection of its own.
    """
    connector = aiohttp.TCPConnector(
        ssl=ssl_context,
        resolver=resolver,
        socket_factory=socket_factory(allowed),
        # A limit here would be a silent queue inside the deadline; the deliver job holds the places.
        limit=0,
        force_close=force_close,
        keepalive_timeout=None if force_close else KEEPALIVE_S,
    )
    # Private, and the only way in; tests/workers/http/test_transport.py fails when aiohttp changes it.
    handler = partial(CappedHandler, loop=asyncio.get_running_loop())
    connector._factory = handler  # type: ignore[assignment]  # partial is invariant
    return connector
