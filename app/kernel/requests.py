"""The HTTP request that this task answers: logs, audit entries and masked errors name it."""

import re
import uuid
from contextvars import ContextVar
from dataclasses import dataclass

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}\Z")
#: Version, trace id, parent id, flags. A later version may add more parts. Source: W3C Trace Context, "traceparent".
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """A request, as others refer to it.

    Attributes:
        id: The client's `X-Request-Id`, or one that was made here.
        trace_id: Of the client's `traceparent`; None without one.
        address: The client's; None if the server doesn't know it.
    """

    id: str
    trace_id: str | None
    address: str | None


#: Set by app/http/request_ids.py. Tasks that a request starts inherit it.
CURRENT: ContextVar[RequestInfo | None] = ContextVar("request", default=None)


def current_request() -> RequestInfo | None:
    """Return the request that this task answers; None in workers and commands."""
    return CURRENT.get()


def request_id(given: str | None) -> str:
    """Return the client's id of the request if it is well-formed, else a new one.

    Well-formed are 1 to 128 letters, digits and `._:/+=@-`.
    """
    return given if given is not None and _REQUEST_ID.match(given) else str(uuid.uuid4())


def trace_id(traceparent: str | None) -> str | None:
    """Return the trace id of a `traceparent`; None if it is absent or malformed."""
    match = _TRACEPARENT.match(traceparent or "")
    if match is None or (match[2] is not None and match[0].startswith("00")):
        return None
    return match[1]
