"""Requests of web pages of other origins (CORS), for the origins that the operator allows."""

from collections.abc import Mapping, Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

#: Seconds for which a browser may remember that it may send its request.
_MAX_AGE_S = 3_600


def allow_origins(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Return the application with answers that pages of these origins may read; `*` stands for every origin.

    A page has to send an API key itself, because there are no cookies. So any header is allowed.
    """
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST"),
        allow_headers=("*",),
        expose_headers=("Retry-After", "WWW-Authenticate", "X-Request-Id"),
        max_age=_MAX_AGE_S,
    )


def may_connect(headers: Mapping[str, str], origins: Sequence[str]) -> bool:
    """Tell whether a websocket may be opened: by no web page, by one of these origins, or by one of this server.

    Browsers apply CORS to no websocket, and let a page of any origin open and read it.
    """
    origin = headers.get("origin")
    return origin is None or "*" in origins or origin in origins or origin.partition("://")[2] == headers.get("host")
