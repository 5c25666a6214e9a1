"""The exceptions of the libraries below a POST, as an ErrorKind and as httpx's own exceptions."""

import errno
import re
import ssl
from typing import Final

import aiohttp
import httpx

from app.webhooks.domain.attempt import ErrorKind
from workers.http.aiohttp_parts import HttpProcessingError
from workers.http.egress import PublicAddress, RefusedAddress, RefusedName

MAX_MESSAGE_CHARS: Final = 300
MAX_DETAIL_CHARS: Final = 1_000
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
    (RefusedName, ErrorKind.DNS),
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
    """Describe an exception for the attempt's record, in one sentence of at most 300 characters.

    It names no address and nothing of a name server, because the endpoint's owner may be an attacker of this network.
    The library's own words follow only if they are about bytes of the endpoint. `detail` has everything, for the log.
    """
    kind = classify(error)
    text = next((text for cause in _causes(error) if (text := _words(cause, kind))), None) or _WORDS.get(kind)
    # The libraries quote an endpoint's bytes as a Python literal.
    text = _BYTES_REPR.sub(r"\1", text or f"{_INTERNAL} ({type(error).__name__}).")
    return " ".join(text.split()).removesuffix(" ^")[:MAX_MESSAGE_CHARS]


def detail(error: BaseException) -> str:
    """Return the libraries' own words, with names and addresses, for the log of the worker."""
    told = [f"{type(cause).__name__}: {cause}" for cause in _causes(error)]
    return " < ".join(" ".join(text.split()) for text in dict.fromkeys(told))[:MAX_DETAIL_CHARS]


#: Of each kind, the sentence for what has no better one below.
_WORDS: Final[dict[ErrorKind, str]] = {
    ErrorKind.DNS: "The endpoint's name has no address that webhooks may reach.",
    ErrorKind.REFUSED_ADDRESS: "The endpoint's address is not one that webhooks may reach.",
    ErrorKind.TLS: "The TLS handshake with the endpoint failed.",
    ErrorKind.CONNECT: "The endpoint could not be connected to.",
    ErrorKind.TIMEOUT: "The endpoint did not answer in time.",
    ErrorKind.RESET: "The endpoint ended the connection before its whole answer had come.",
    ErrorKind.PROTOCOL: "The endpoint's answer is not one of HTTP/1.1.",
    ErrorKind.OVERSIZED_ANSWER: "The endpoint's answer has more bytes than are read.",
}
_INTERNAL: Final = "An error of Tellgraph's own"
#: By the system's error number, why there is no connection.
_CONNECTING: Final[dict[int, str]] = {
    errno.ECONNREFUSED: "The endpoint refused the connection: nothing listens on its port.",
    errno.EHOSTUNREACH: "The endpoint's host can't be reached.",
    errno.ENETUNREACH: "The endpoint's network can't be reached.",
    errno.ETIMEDOUT: "The endpoint's host did not answer.",
    errno.ECONNRESET: "The endpoint ended the connection before it was established.",
}
#: By OpenSSL's number, why a certificate is not accepted.
_CERTIFICATES: Final[dict[int, str]] = {
    10: "it has expired",
    9: "it is not valid yet",
    18: "it is self-signed",
    19: "a certificate of its chain is self-signed",
    20: "its issuer is not known, or the endpoint does not send the whole chain",
    21: "its issuer is not known, or the endpoint does not send the whole chain",
    62: "it is not made out to the host of the URL",
    64: "it is not made out to the address of the URL",
}


def _words(error: BaseException, kind: ErrorKind) -> str | None:
    """Describe an error of which more is known than its kind; None for all others."""
    match error:
        case PublicAddress():
            return (
                "The endpoint's address is public: there, the URL must be https:// with a public name and one of the"
                " usual ports."
            )
        case OversizedAnswer():
            return f"The endpoint's answer has {error}."
        case aiohttp.ClientResponseError() | HttpProcessingError() if kind is ErrorKind.PROTOCOL:
            # Its own text starts with "400", which reads like the endpoint's status.
            return f"The endpoint's answer is not one of HTTP/1.1: {error.message}"
        case aiohttp.ClientSSLError():
            # aiohttp's errors of TLS are ssl's, too, and have nothing of what those tell. The cause has it.
            return None
        case ssl.SSLCertVerificationError():
            why = _CERTIFICATES.get(error.verify_code, "it does not meet the rules")
            return f"The endpoint's certificate was not accepted: {why}."
        case BrokenHandshake():
            return "The endpoint ended the connection during the TLS handshake."
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "HTTP_REQUEST" | "RECORD_LAYER_FAILURE"):
            return "The endpoint does not speak TLS on this port."
        case ssl.SSLError(reason=str(reason)):
            return f"The TLS handshake with the endpoint failed: {reason.replace('_', ' ').lower()}."
        case aiohttp.ClientConnectorDNSError():
            return None
        case aiohttp.ClientConnectorError() if not isinstance(error.os_error, ssl.SSLError | RefusedAddress):
            return _CONNECTING.get(error.os_error.errno or 0)
    return None


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
