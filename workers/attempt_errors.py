"""What the libraries below a POST raise, read as an ErrorKind."""

import ssl
from typing import Final

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from app.domain.attempt import ErrorKind
from workers.egress import RefusedAddress

MAX_MESSAGE_CHARS: Final = 300


class OversizedAnswer(aiohttp.ClientPayloadError):
    """More bytes came from the wire than an answer may have."""


class StaleConnection(aiohttp.ClientConnectionError):
    """A kept connection ended before the first byte of this answer: most likely closed for idleness."""


class BrokenHandshake(ssl.SSLError):
    """The connection ended in the TLS handshake; aiohttp tells it from no connection at all by nothing but the URL."""


# First match wins, so the narrower class stands first.
_KINDS: Final[tuple[tuple[type[BaseException], ErrorKind], ...]] = (
    (RefusedAddress, ErrorKind.REFUSED_ADDRESS),
    (aiohttp.InvalidURL, ErrorKind.REFUSED_ADDRESS),
    (OversizedAnswer, ErrorKind.OVERSIZED_ANSWER),
    (aiohttp.ClientConnectorDNSError, ErrorKind.DNS),
    (aiohttp.ClientSSLError, ErrorKind.TLS),
    (ssl.SSLError, ErrorKind.TLS),
    (aiohttp.ClientConnectorError, ErrorKind.CONNECT),
    (aiohttp.ClientResponseError, ErrorKind.PROTOCOL),
    (TimeoutError, ErrorKind.TIMEOUT),
    (aiohttp.ClientConnectionError, ErrorKind.RESET),
    (aiohttp.ClientPayloadError, ErrorKind.RESET),
    # After the one before, which has it as its cause when a body ends too early.
    (HttpProcessingError, ErrorKind.PROTOCOL),
    # What other transports of httpx's interface raise.
    (httpx.InvalidURL, ErrorKind.REFUSED_ADDRESS),
    (httpx.TimeoutException, ErrorKind.TIMEOUT),
    (httpx.ConnectError, ErrorKind.CONNECT),
    (httpx.NetworkError, ErrorKind.RESET),
    (httpx.ProtocolError, ErrorKind.PROTOCOL),
)


def classify(error: Exception) -> ErrorKind:
    """Tell what kind of failure an exception out of a transport is; INTERNAL when it is none known."""
    causes = _causes(error)
    for known, kind in _KINDS:
        if any(isinstance(cause, known) for cause in causes):
            return kind
    return ErrorKind.INTERNAL


def describe(error: Exception) -> str:
    """Word an exception for the attempt's record: one line, at most 300 characters, never empty."""
    causes = _causes(error)
    told = next((cause for cause in causes if isinstance(cause, RefusedAddress)), error)
    bad = (aiohttp.ClientResponseError, HttpProcessingError)
    answered = next((cause for cause in causes if isinstance(cause, bad)), None)
    # Its own text starts with "400", which reads like the endpoint's status and is only aiohttp's.
    text = f"broken answer: {answered.message}" if answered else str(told)
    return " ".join(text.split())[:MAX_MESSAGE_CHARS] or type(error).__name__


def _causes(error: BaseException) -> list[BaseException]:
    """The exception and those it came from; aiohttp keeps an OSError of ours as `os_error`, too."""
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in causes:
        causes.append(current)
        if isinstance(current, aiohttp.ClientConnectorError):
            causes.append(current.os_error)
        current = current.__cause__
    return causes
