"""One POST to an endpoint that may be slow, broken or hostile.

`GuardedTransport` is a transport of httpx's over aiohttp's connections: any `httpx.AsyncClient` can use it. `post` goes
below the client, for which a POST costs several times as much. Every answer that it reads is bounded three times: in
time by one deadline, in bytes from the wire by the connection, in bytes of body by the reader.
"""

import contextlib
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Final, NamedTuple

import aiohttp
import httpx

from app.errors import AttemptError
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.endpoints.address import Network
from workers.deliver.lease import Lease, LeaseOver
from workers.http.deadline import TimeLimit
from workers.http.dns import DnsClient
from workers.http.egress import Egress, GuardedResolver, Route
from workers.http.errors import StaleConnection, classify, describe, httpx_error
from workers.http.exchange import Exchanger
from workers.http.sockets import default_ssl_context, open_connector

# Bytes of a body that are read. A longer body is not read to its end, and its connection is closed.
MAX_READ_BYTES: Final = 64 * 1024
MAX_KEPT_BYTES: Final = 8 * 1024
MAX_HEADER_BYTES_KEPT: Final = 256
# Seconds for closing a connection whose answer was not read to its end. That is local work and needs no time normally.
CLOSE_TIMEOUT_S: Final = 1.0


class Answer(NamedTuple):
    """An endpoint's answer.

    Attributes:
        status: The status as received, 101 to 999. It alone decides whether the event is delivered.
        retry_after: The Retry-After header as received, cut to 256 characters; None when there is none.
        content_type: The Content-Type header, likewise.
        body: The first 8 KiB of the body, not decoded.
        is_cut: Whether more of the body was read than `body` holds.
        note: A problem that occurred after the status was known; None when there was none.
        duration_ms: Milliseconds from before the connection to the end of reading.
    """

    status: int
    retry_after: str | None
    content_type: str | None
    body: bytes
    is_cut: bool
    note: str | None
    duration_ms: float


class Post(httpx.Request):
    """A POST as a request of httpx's that any transport can send; our own takes it as it was given.

    `headers` are read, and the URL's host put before them, only when somebody asks: reading, sorting and encoding them
    costs as much as signing the body, and our transport writes them as they are.

    Attributes:
        given: The headers but Host and Content-Length.
        body: The whole body.
        check: Is called right before the first byte is written; the exception that it raises ends the POST.
        route: The addresses that it may reach, and its owner; None: the transport's own addresses, for the operator.
    """

    def __init__(
        self,
        url: httpx.URL,
        given: Sequence[tuple[str, str]],
        body: bytes,
        check: Callable[[], None],
        route: Route | None = None,
    ) -> None:
        self.method = "POST"
        self.url = url
        self.given = given
        self.body = body
        self.check = check
        self.route = route
        self.stream = httpx.ByteStream(body)
        self.extensions = {}

    @cached_property
    def headers(self) -> httpx.Headers:  # type: ignore[override]  # an attribute there
        return httpx.Request(self.method, self.url, headers=list(self.given), content=self.body).headers


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport over guarded connectors: two for each set of addresses that may be reached."""

    def __init__(
        self, connector: Callable[[Egress, bool], aiohttp.TCPConnector], names: DnsClient, egress: Egress
    ) -> None:
        """Make a transport.

        Args:
            connector: Opens a connector, from the addresses and whether each request gets a new connection.
            names: The DNS client, which is closed with the transport.
            egress: The addresses that requests without a route may reach.
        """
        self._connector = connector
        self._names = names
        self._egress = egress
        # One that keeps connections, and one that makes a new one each time.
        self._exchangers: dict[Egress, tuple[Exchanger, Exchanger]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. If the peer had closed a kept connection, send it once more on a new one.

        Raises:
            httpx.TransportError: The request got no answer. The cause is the original exception, which
                `errors.classify` reads.
            Exception: Those of a Post's `check`.
        """
        if request.url.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"the URL begins with {request.url.scheme!r}, and not with http or https")
        route = request.route if isinstance(request, Post) else None
        kept, fresh = self._exchangers_of(self._egress if route is None else route.egress)
        try:
            try:
                return await _send(kept, request)
            except StaleConnection:
                return await _send(fresh, request)
        except Exception as error:
            if (known := httpx_error(error)) is error:
                raise
            raise known from error

    async def aclose(self) -> None:
        """Close all connections and end all lookups. POSTs in flight fail."""
        for exchanger in chain.from_iterable(self._exchangers.values()):
            await exchanger.close()
        await self._names.close()

    def _exchangers_of(self, egress: Egress) -> tuple[Exchanger, Exchanger]:
        # Sellers and the operator have a set of networks each, for public and for internal endpoints: few in all.
        found = self._exchangers.get(egress)
        if found is None:
            found = Exchanger(self._connector(egress, False)), Exchanger(self._connector(egress, True))
            self._exchangers[egress] = found
        return found


async def _send(exchanger: Exchanger, request: httpx.Request) -> httpx.Response:
    if isinstance(request, Post):
        owner = None if request.route is None else request.route.owner
        return await exchanger.post(str(request.url), request.given, request.body, request.check, owner)
    return await exchanger.send(request)


def create_transport(
    *,
    allowed: Sequence[Network] = (),
    ssl_context: ssl.SSLContext | None = None,
    names: DnsClient | None = None,
) -> httpx.AsyncBaseTransport:
    """Make the transport that all POSTs of a process share. Call and close it in the running event loop.

    It follows no redirect, keeps no cookie, uses no proxy and decodes nothing. It has no time limit but those of a
    client's request: `post` sets its deadline itself.

    Args:
        allowed: Networks that an operator opened to requests without a route.
        ssl_context: The TLS context; None: the system's certificates, verified.
        names: The DNS client, which is closed with the transport; None: one with the system's configuration.
    """
    names = names or DnsClient()
    context = ssl_context or default_ssl_context()

    def connector(egress: Egress, is_fresh: bool) -> aiohttp.TCPConnector:
        return open_connector(egress, context, GuardedResolver(names.look_up, egress), force_close=is_fresh)

    return GuardedTransport(connector, names, Egress(tuple(allowed)))


async def post(
    transport: httpx.AsyncBaseTransport,
    *,
    url: httpx.URL,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    timeout_s: float,
    lease: Lease | None = None,
    route: Route | None = None,
) -> Answer:
    """POST a body, and read the answer as far as it is kept.

    One deadline covers name, connection, request and answer. The status alone decides; a later problem becomes the
    answer's note. A redirect is an answer like any other.

    Args:
        transport: Any of httpx's; `create_transport` makes the guarded one.
        url: The URL as `check_endpoint` returned it; parse it once per webhook.
        headers: The headers of `delivery_headers`; the transport adds Host and Content-Length.
        body: The bytes to send.
        timeout_s: Seconds for all of it.
        lease: The lease within which all of it must end; None: there is no lease.
        route: The addresses that it may reach, and its owner; None: the transport's own, for the operator.

    Raises:
        AttemptError: No status came; its `kind` is an ErrorKind.
        LeaseOver: Nothing was sent, because the lease would have ended first.
    """
    started = time.perf_counter()
    ends_at = time.monotonic() + timeout_s

    def check() -> None:
        # After a stop, a process continues its tasks before its timers, so the time limit is checked here as well.
        if (left_s := ends_at - time.monotonic()) <= 0:
            raise TimeoutError
        if lease is not None:
            lease.check(left_s)

    check()
    reading = _Reading()
    try:
        with TimeLimit(timeout_s):
            reading.response = await transport.handle_async_request(Post(url, headers, body, check, route))
            await reading.read_body()
    except LeaseOver:
        raise
    # All errors are caught here: whatever an endpoint provokes in two libraries is a failed attempt, and must not end
    # the job that sends other events.
    except Exception as error:
        reading.break_off(error, timeout_s)
    finally:
        await reading.close()
    return reading.answer(duration_ms=(time.perf_counter() - started) * 1000)


@dataclass(slots=True)
class _Reading:
    """An answer while it is read."""

    response: httpx.Response | None = None
    is_whole: bool = False
    body: bytearray = field(default_factory=bytearray)
    read_bytes: int = 0
    note: str | None = None

    async def read_body(self) -> None:
        assert self.response is not None
        # The raw stream is read, because httpx's own readers decompress and have no limit.
        stream = self.response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        async for chunk in stream:
            self.read_bytes += len(chunk)
            self.body += chunk[: MAX_KEPT_BYTES - len(self.body)]
            if self.read_bytes > MAX_READ_BYTES:
                self.note = f"The answer's body has more than {MAX_READ_BYTES} bytes; the rest was not read."
                return
        self.is_whole = True

    def break_off(self, error: Exception, timeout_s: float) -> None:
        """Note an error that came after the status. Raise an earlier one as AttemptError."""
        kind = classify(error)
        is_late = kind is ErrorKind.TIMEOUT
        if self.response is None:
            message = f"The endpoint did not answer within {timeout_s:g} s." if is_late else describe(error)
            raise AttemptError(kind, message) from error
        message = f"It had not ended within {timeout_s:g} s." if is_late else describe(error)
        self.note = f"The answer's body: {kind}: {message}"

    async def close(self) -> None:
        # A stream that was read to its end has already returned its connection.
        if self.response is not None and not self.is_whole:
            # An error while closing does not change the answer.
            with contextlib.suppress(Exception), TimeLimit(CLOSE_TIMEOUT_S):
                await self.response.aclose()

    def answer(self, *, duration_ms: float) -> Answer:
        assert self.response is not None
        headers = self.response.headers.raw
        return Answer(
            status=self.response.status_code,
            retry_after=_header(headers, b"retry-after"),
            content_type=_header(headers, b"content-type"),
            body=bytes(self.body),
            is_cut=self.read_bytes > len(self.body),
            note=self.note,
            duration_ms=duration_ms,
        )


def _header(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> str | None:
    # httpx's own lookup would decode all headers first, to guess an encoding.
    for key, value in headers:
        if key.lower() == name:
            return value[:MAX_HEADER_BYTES_KEPT].decode("latin-1")
    return None
