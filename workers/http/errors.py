"""What the libraries below a POST raise, read as an ErrorKind."""

import os
import re
import ssl
from typing import Final

import aiohttp
import httpx
from aiohttp.http_exceptions import HttpProcessingError

from app.webhooks.domain.attempt import ErrorKind
from workers.http.egress import RefusedAddress

MAX_MESSAGE_CHARS: Final = 300
_BYTES_REPR: Final = re.compile(r"""(?:bytearray\()?\bb('[^']*'|"[^"]*")\)?""")


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
    causes = sorted(_causes(error), key=_rank)
    # What an endpoint has sent is bytes in the libraries' words.
    text = _BYTES_REPR.sub(r"\1", next((text for cause in causes if (text := _words(cause))), str(error)))
    return " ".join(text.split()).removesuffix(" ^")[:MAX_MESSAGE_CHARS] or type(error).__name__


def _rank(error: BaseException) -> int:
    """Put first what says most: a refused address, then what is wrong with TLS, then what aiohttp makes of it."""
    if isinstance(error, RefusedAddress):
        return 0
    return 1 if isinstance(error, ssl.SSLError) and not isinstance(error, aiohttp.ClientError) else 2


def _words(error: BaseException) -> str | None:
    """Say what happened, where the library's own text is a repr, or would mislead; None where it is well."""
    match error:
        case RefusedAddress():
            return str(error)
        case aiohttp.ClientResponseError() | HttpProcessingError():
            # Its own text starts with "400", which reads like the endpoint's status and is only aiohttp's.
            return f"broken answer: {error.message}"
        case aiohttp.ServerDisconnectedError() | StaleConnection():
            # aiohttp shows as much of the answer as it has read, as an object.
            return "the connection ended before a whole answer had come"
        case ssl.SSLCertVerificationError():
            return f"the certificate was not accepted: {getattr(error, 'verify_message', error)}"
        case ssl.SSLError():
            return f"TLS: {getattr(error, 'reason', None) or error.args[-1]}"
        case aiohttp.ClientConnectorDNSError():
            return f"no address was found for {error.host}"
        case aiohttp.ClientConnectorError():
            return f"no connection to {error.host}:{error.port}: {_reason(error.os_error)}"
        case aiohttp.ClientOSError():
            return _reason(error)
    return None


def _reason(error: OSError) -> str:
    """Return the system's words for an error's number: asyncio puts an address, as a tuple, in their place."""
    return os.strerror(error.errno) if error.errno else str(error)


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
