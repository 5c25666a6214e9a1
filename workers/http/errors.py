"""The exceptions of the libraries below a POST, as an ErrorKind and as httpx's own exceptions."""

import os
import re
import ssl
from typing import Final

import aiohttp
import httpx

from app.webhooks.domain.attempt import ErrorKind
from workers.http.aiohttp_parts import HttpProcessingError
from workers.http.egress import RefusedAddress

MAX_MESSAGE_CHARS: Final = 300
_BYTES_REPR: Final = re.compile(r"""(?:bytearray\()?\bb('[^']*'|"[^"]*")\)?""")


class OversizedAnswer(aiohttp.ClientPayloadError):
    """The answer has more bytes than are allowed."""


class StaleConnection(aiohttp.ClientConnectionError):
    """A kept connection ended before the first byte of this answer. Most likely the peer closed it as idle."""


class BrokenHandshake(ssl.SSLError):
    """The connection ended during the TLS handshake. aiohttp reports it like a failed connection."""


class BrokenRequest(ValueError):
    """A line of the request's head holds a line break or a NUL: the rest of it could be a request of its own."""


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
    # This must follow ClientPayloadError, whose cause it is when a body ends too early.
    (HttpProcessingError, ErrorKind.PROTOCOL),
    # Transports with httpx's interface raise these; ours names one of the above as the cause. A request that can't be
    # written is our own fault.
    (httpx.LocalProtocolError, ErrorKind.INTERNAL),
    (httpx.InvalidURL, ErrorKind.REFUSED_ADDRESS),
    (httpx.TimeoutException, ErrorKind.TIMEOUT),
    (httpx.ConnectError, ErrorKind.CONNECT),
    (httpx.NetworkError, ErrorKind.RESET),
    (httpx.ProtocolError, ErrorKind.PROTOCOL),
)


def classify(error: Exception) -> ErrorKind:
    """Return the kind of failure that a transport's exception means; INTERNAL when it is unknown."""
    causes = _causes(error)
    for known, kind in _KINDS:
        if any(isinstance(cause, known) for cause in causes):
            return kind
    return ErrorKind.INTERNAL


#: Each kind as the exception that an httpx client expects. After an answer has begun, a time limit is one of reading.
_HTTPX: Final[dict[ErrorKind, type[httpx.TransportError]]] = {
    ErrorKind.REFUSED_ADDRESS: httpx.ConnectError,
    ErrorKind.DNS: httpx.ConnectError,
    ErrorKind.TLS: httpx.ConnectError,
    ErrorKind.CONNECT: httpx.ConnectError,
    ErrorKind.TIMEOUT: httpx.ReadTimeout,
    ErrorKind.RESET: httpx.ReadError,
    ErrorKind.PROTOCOL: httpx.RemoteProtocolError,
    ErrorKind.OVERSIZED_ANSWER: httpx.RemoteProtocolError,
}


def httpx_error(error: Exception) -> Exception:
    """Return httpx's exception for one that was raised below it, in the words of `describe`.

    The exception itself, when it is httpx's already or says nothing about the connection. Raise the result `from` the
    original: `classify` and `describe` read that.
    """
    if isinstance(error, httpx.TransportError):
        return error
    if isinstance(error, BrokenRequest):
        return httpx.LocalProtocolError(str(error))
    kind = _HTTPX.get(classify(error))
    return error if kind is None else kind(describe(error))


def describe(error: Exception) -> str:
    """Describe an exception for the attempt's record in one line of 1 to 300 characters."""
    causes = sorted(_causes(error), key=_rank)
    # The libraries quote an endpoint's bytes as a Python literal.
    text = _BYTES_REPR.sub(r"\1", next((text for cause in causes if (text := _words(cause))), str(error)))
    return " ".join(text.split()).removesuffix(" ^")[:MAX_MESSAGE_CHARS] or type(error).__name__


def _rank(error: BaseException) -> int:
    """Sort the most specific cause first: a refused address, then a TLS error, then aiohttp's own error."""
    if isinstance(error, RefusedAddress):
        return 0
    return 1 if isinstance(error, ssl.SSLError) and not isinstance(error, aiohttp.ClientError) else 2


def _words(error: BaseException) -> str | None:
    """Describe an error whose own text is a repr or misleads. None when its own text is good."""
    match error:
        case RefusedAddress():
            return str(error)
        case aiohttp.ClientResponseError() | HttpProcessingError():
            # Its own text starts with "400", which reads like the endpoint's status.
            return f"broken answer: {error.message}"
        case aiohttp.ServerDisconnectedError() | StaleConnection():
            # Its own text is a repr of the part of the answer that was read.
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
    """Return the system's text for an error number. asyncio's own text holds an address as a tuple instead."""
    return os.strerror(error.errno) if error.errno else str(error)


def _causes(error: BaseException) -> list[BaseException]:
    """List the exception and its causes. aiohttp keeps our OSError as `os_error`, so that counts as one."""
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in causes:
        causes.append(current)
        if isinstance(current, aiohttp.ClientConnectorError):
            causes.append(current.os_error)
        current = current.__cause__
    return causes
