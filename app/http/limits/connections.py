"""Limits on connections, which hold before any API key is read: heads, time, number."""

import asyncio
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from app.http.streams.open_streams import OpenStreams
from app.settings import Settings
from app.telemetry.metrics import CONNECTIONS_ENDED, REFUSED_REQUESTS

_log = structlog.get_logger()

#: Bytes of a request's line and headers together, and of the framing of its body.
MAX_HEAD_BYTES = 32_768
#: Seconds between two looks at the connections, as a part of the time that a client has.
_LOOKS = 10

#: Seconds between two pings of a websocket, and those until it ends without an answer. A client answers only if it
#: reads: one that stops reading is ended within their sum.
_PING_EVERY_S, _PONG_WITHIN_S = 20.0, 10.0
#: Closes a websocket whose server goes: the client may connect again. uvicorn's own code for that is none of RFC 6455.
_GOING_AWAY = 1001

_CLOSED = b"content-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + _CLOSED
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n" + _CLOSED
_TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n" + _CLOSED


def server_config(api: Starlette, settings: Settings, **options: Any) -> uvicorn.Config:
    """Return the configuration of uvicorn for the API: every way to start it goes by this one."""
    limits = _Limits(settings, api.state.streams)

    def protocol(**connection: Any) -> "BoundedProtocol":
        return BoundedProtocol(limits, **connection)

    def websocket_protocol(**connection: Any) -> "BoundedSocketProtocol":
        return BoundedSocketProtocol(limits, **connection)

    return uvicorn.Config(
        api,
        http=protocol,  # type: ignore[arg-type]  # it is called as the class is
        ws=websocket_protocol,  # type: ignore[arg-type]
        ws_max_size=settings.max_body_bytes,
        # It takes tens of KiB for each connection, and most messages are small.
        ws_per_message_deflate=False,
        ws_ping_interval=_PING_EVERY_S,
        ws_ping_timeout=_PONG_WITHIN_S,
        timeout_keep_alive=settings.idle_timeout_s,
        log_config=None,
        access_log=False,
        **options,
    )


class _Limits:
    """The connections of one server, and their limits. One timer looks at them all: a timer for each costs more."""

    def __init__(self, settings: Settings, streams: OpenStreams) -> None:
        self.request_s, self._most = settings.request_timeout_s, settings.max_connections
        self.streams = streams
        self._connections: set[BoundedProtocol] = set()
        self.sockets: set[BoundedSocketProtocol] = set()
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, connection: "BoundedProtocol") -> bool:
        """Add a connection, above the limit in place of one that waits for its client. False if none does."""
        if len(self._connections) + len(self.sockets) >= self._most:
            waiting = [one for one in self._connections if one.due is not None or one.is_idle]
            if not waiting:
                return False
            min(waiting, key=lambda one: (one.is_idle, one.due or 0)).end("too_many")
        self._connections.add(connection)
        if self._timer is None:
            self._wait(connection.loop)
        return True

    def forget(self, connection: "BoundedProtocol") -> None:
        self._connections.discard(connection)

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self.request_s / _LOOKS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in [*self._connections]:
            connection.look(now)
        self._timer = None
        if self._connections:
            self._wait(loop)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits on a client's bytes and time.

    Attributes:
        due: The loop's time by which the client must have sent its head or body, or have taken some of its answer. None
            while nothing is expected from it. Between two requests uvicorn's own timer runs.
    """

    def __init__(
        self,
        limits: _Limits,
        *,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self.due: float | None = None
        self._in_request = self._is_too_large = False
        #: Bytes of the request so far, without those of its body.
        self._head_bytes = 0
        #: Bytes of answers that the client had not taken at the last look.
        self._untaken = 0

    @property
    def is_idle(self) -> bool:
        """Tell whether the client is between two requests."""
        return self.due is None and self.cycle is not None and self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._limits.admit(self):
            self._expect_client()
        else:
            CONNECTIONS_ENDED.labels("too_many").inc()
            self._answer(_TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self._limits.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self.due is None and not self._in_request:
            self._expect_client()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._is_too_large = True
            self.send_400_response("")

    def on_message_begin(self) -> None:
        self._in_request = True
        self._expect_client()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        # A piece may hold the head and some of the body, so the head alone is counted again.
        if self._head_bytes > MAX_HEAD_BYTES:
            self._head_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._is_too_large = True
                raise ValueError("the head is too large")  # uvicorn calls send_400_response
        super().on_headers_complete()
        self._expect_client()

    def on_body(self, body: bytes) -> None:
        self._head_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_request, self._head_bytes, self.due = False, 0, None
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        # From here on another protocol has the connection.
        self._limits.forget(self)
        super().handle_websocket_upgrade()

    def shutdown(self) -> None:
        # Otherwise the server would wait for the end of answers that have none.
        self._limits.streams.end_all()
        super().shutdown()

    def send_400_response(self, msg: str) -> None:
        if not self._is_too_large:
            super().send_400_response(msg)
            return
        CONNECTIONS_ENDED.labels("head_too_large").inc()
        REFUSED_REQUESTS.labels("431").inc()
        _log.warning("request.head_too_large", address=self.client and self.client[0], maximum=MAX_HEAD_BYTES)
        self._answer(_TOO_LARGE)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._untaken = self.transport.get_write_buffer_size()
        self._expect_client()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.due = None

    def look(self, now: float) -> None:
        """End the connection if its client is too slow. A client that takes its answer, however slowly, is not."""
        if self.due is None:
            if self.transport.is_closing():
                self._expect_client()
            return
        if self.due > now:
            return
        untaken = self.transport.get_write_buffer_size()
        if untaken < self._untaken or (self._in_request and self.flow.read_paused):
            self._expect_client()
            self._untaken = untaken
        else:
            self.end("too_slow")

    def end(self, reason: str) -> None:
        """End the connection at once; say so to a client whose request has begun."""
        CONNECTIONS_ENDED.labels(reason).inc()
        self._limits.forget(self)
        is_answering = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self._in_request and not is_answering:
            self._answer(_TOO_SLOW)
        else:
            self.transport.abort()

    def _answer(self, answer: bytes) -> None:
        self.transport.write(answer)
        if self.transport.get_write_buffer_size():
            # To close it in order would wait for a client that may never read, and no limit counts it any more.
            self.transport.abort()
        else:
            self.transport.close()

    def _expect_client(self) -> None:
        self.due = self.loop.time() + self._limits.request_s


class BoundedSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol of websockets. They count as connections, and end when their client does not read."""

    def __init__(
        self,
        limits: _Limits,
        *,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        #: Runs while the client has not taken what was sent.
        self._untaken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._limits.sockets.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._limits.sockets.discard(self)
        if self._untaken is not None:
            self._untaken.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._untaken = self.loop.call_later(self._limits.request_s, self._end)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._untaken is not None:
            self._untaken.cancel()

    def schedule_ping(self) -> None:
        # At a whole second, so that many websockets are pinged, and read, in one turn of the event loop. By
        # `tellgraph bench`, 1,000 idle ones take 1.0 % of a core, and 1.6 % if each is pinged at a time of its own.
        self.ping_timer = self.loop.call_at(int(self.loop.time() + _PING_EVERY_S), self.send_keepalive_ping)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._end()

    def shutdown(self) -> None:
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": _GOING_AWAY})
        self.conn.send_close(_GOING_AWAY)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()

    def _end(self) -> None:
        """End the connection of a client that does not read. To close it in order would wait for the client."""
        CONNECTIONS_ENDED.labels("too_slow").inc()
        self.transport.abort()
