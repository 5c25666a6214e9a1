"""One POST to an endpoint that may be slow, broken or hostile.

httpx's interface over aiohttp's connections. Every answer is bounded three times: in time by one deadline, in bytes
from the wire by the connection, in bytes of body by the reader.
"""

import contextlib
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Final, NamedTuple

import aiohttp
import httpx

from app.errors import AttemptError
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.endpoint import Network
from workers.deliver.lease import Lease, LeaseOver
from workers.http.deadline import TimeLimit
from workers.http.dns import Names
from workers.http.egress import GuardedResolver
from workers.http.errors import StaleConnection, classify, describe
from workers.http.exchange import Exchanger
from workers.http.sockets import default_ssl_context, open_connector

# A longer body is not read to its end, which costs its connection.
MAX_READ_BYTES: Final = 64 * 1024
MAX_KEPT_BYTES: Final = 8 * 1024
MAX_HEADER_BYTES_KEPT: Final = 256
# Closing a connection whose answer was not read to its end is local work; the bound is against surprises.
CLOSE_TIMEOUT_S: Final = 1.0


class Answer(NamedTuple):
    """What an endpoint answered.

    status        as received, 101–999; alone decides whether the event is delivered.
    retry_after   that header as received, cut to 256 characters; None when there is none.
    content_type  the same of that header.
    body          its first 8 KiB at most, not decoded in any way.
    is_cut        whether the body was longer than `body`, as far as it was read.
    note          what went wrong after the status was known; None when nothing did.
    duration_ms   from before the connection to the end of reading.
    """

    status: int
    retry_after: str | None
    content_type: str | None
    body: bytes
    is_cut: bool
    note: str | None
    duration_ms: float


class Post(httpx.Request):
    """httpx's request, but its headers are read, and the URL's host put before them, only for who asks.

    Reading, sorting and encoding them costs as much as signing the body, and aiohttp wants them as they were given.
    check  is called right before the first byte is written; what it raises is raised instead.
    """

    def __init__(
        self, url: httpx.URL, given: Sequence[tuple[str, str]], body: bytes, check: Callable[[], None]
    ) -> None:
        self.method = "POST"
        self.url = url
        self.given = given
        self.body = body
        self.check = check
        self.stream = httpx.ByteStream(body)
        self.extensions = {}

    @cached_property
    def headers(self) -> httpx.Headers:  # type: ignore[override]  # an attribute there
        return httpx.Request(self.method, self.url, headers=list(self.given), content=self.body).headers


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx's transport over guarded connectors, one that keeps connections and one that makes fresh ones."""

    def __init__(self, *, kept: aiohttp.TCPConnector, fresh: aiohttp.TCPConnector, names: Names) -> None:
        self._kept = Exchanger(kept)
        self._fresh = Exchanger(fresh)
        self._names = names

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send; once more, on a new connection, if a kept one turns out to have been closed by the peer.

        Raises: what aiohttp and the operating system raise; `attempt_errors.classify` knows them.
        """
        assert isinstance(request, Post), "`post` makes them"
        url = str(request.url)
        try:
            return await self._kept.post(url, request.given, request.body, request.check)
        except StaleConnection:
            return await self._fresh.post(url, request.given, request.body, request.check)

    async def aclose(self) -> None:
        """Close all connections, and end all lookups; POSTs in flight fail."""
        await self._kept.close()
        await self._fresh.close()
        await self._names.close()


def create_transport(
    *,
    allowed: Sequence[Network] = (),
    ssl_context: ssl.SSLContext | None = None,
    names: Names | None = None,
) -> httpx.AsyncBaseTransport:
    """Make the transport that all POSTs of a process share; call and close it in the running event loop.

    It follows no redirect, keeps no cookie, asks no proxy and decodes nothing. It waits without limit: `post`
    sets the deadline.
    Args: allowed — networks that an operator opened. ssl_context — None: the system's certificates, verified.
          names — how names are looked up; None: as the system is configured. Closed with the transport.
    """
    names = names or Names()
    resolver = GuardedResolver(names.look_up, allowed)
    connector = partial(open_connector, allowed, ssl_context or default_ssl_context(), resolver)
    return GuardedTransport(kept=connector(force_close=False), fresh=connector(force_close=True), names=names)


async def close(transport: httpx.AsyncBaseTransport) -> None:
    """Close a transport at shutdown; POSTs in flight fail."""
    await transport.aclose()


async def post(
    transport: httpx.AsyncBaseTransport,
    *,
    url: httpx.URL,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    timeout_s: float,
    lease: Lease | None = None,
) -> Answer:
    """POST a body, and read of the answer what is worth keeping.

    One deadline covers all of it: name, connection, request, answer. Once a status is known it decides,
    and whatever breaks after it becomes the answer's note. Redirects are answers like others.

    Args:   url — as `check_endpoint` returned it; parse it once per webhook.
            headers — as `delivery_headers` built them; the transport adds Host and Content-Length.
            lease — within which all of it must end; None: whenever.
    Raises: AttemptError with an ErrorKind when no status came. LeaseOver when nothing was sent because of the lease.
    """
    started = time.perf_counter()
    ends_at = time.monotonic() + timeout_s

    def check() -> None:
        # A process that was stopped meanwhile runs what it waited for before its timers.
        if (left_s := ends_at - time.monotonic()) <= 0:
            raise TimeoutError
        if lease is not None:
            lease.check(left_s)

    check()
    reading = _Reading()
    try:
        with TimeLimit(timeout_s):
            reading.response = await transport.handle_async_request(Post(url, headers, body, check))
            await reading.read_body()
    except LeaseOver:
        raise
    # Broad at this one seam: whatever an endpoint provokes in two libraries is its attempt's failure, and
    # must not end the job that sends the others.
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
        # The raw stream: httpx's own readers decompress, and have no limit.
        stream = self.response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        async for chunk in stream:
            self.read_bytes += len(chunk)
            self.body += chunk[: MAX_KEPT_BYTES - len(self.body)]
            if self.read_bytes > MAX_READ_BYTES:
                self.note = f"the answer's body has more than {MAX_READ_BYTES} bytes; the rest was not read"
                return
        self.is_whole = True

    def break_off(self, error: Exception, timeout_s: float) -> None:
        """Note an error that came after the status; before it, raise it as AttemptError."""
        kind = classify(error)
        message = f"no answer within {timeout_s:g} s" if kind is ErrorKind.TIMEOUT else describe(error)
        if self.response is None:
            raise AttemptError(kind, message) from error
        if kind is ErrorKind.TIMEOUT:
            message = f"not ended within {timeout_s:g} s"
        self.note = f"the answer's body: {kind}: {message}"

    async def close(self) -> None:
        # Read to its end, the stream has given the connection back already.
        if self.response is not None and not self.is_whole:
            # Nothing that goes wrong while closing changes what was answered.
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
    # httpx's own lookup first guesses an encoding by decoding all headers.
    for key, value in headers:
        if key.lower() == name:
            return value[:MAX_HEADER_BYTES_KEPT].decode("latin-1")
    return None
