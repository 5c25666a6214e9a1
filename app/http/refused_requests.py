"""The answers to requests that were refused before anything was executed."""

import math
from collections.abc import Awaitable

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app.errors import DatabaseUnavailable, RateLimited
from app.http.graphql_view import BadRequest, refuse
from app.http.limits.keys import WrongKey
from app.http.limits.refusals import report_refusal

_UNAUTHENTICATED = "Send an API key as `Authorization: Bearer <key>`; this one is missing, unknown, revoked or expired."
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Tellgraph"'}


async def answer_or_refuse(answer: Awaitable[Response], *, accept: str, address: str | None) -> Response:
    """Return an answer, or the refusal that it was ended by.

    Args:
        accept: The media types that the client accepts.
        address: The client's; None if it is not known.
    """
    try:
        return await answer
    except WrongKey:
        report_refusal(401, "UNAUTHENTICATED", address=address)
        return refuse(401, "UNAUTHENTICATED", _UNAUTHENTICATED, accept, _CHALLENGE)
    except BadRequest as error:
        return refuse(error.status, error.code, error.message, accept, error.headers)
    except RateLimited as error:
        report_refusal(429, error.code, address=address, retry_after_s=round(error.retry_after_s, 1))
        retry_after = str(max(1, math.ceil(error.retry_after_s)))
        return refuse(429, error.code, error.message, accept, {"Retry-After": retry_after})
    except DatabaseUnavailable as error:
        return refuse(503, error.code, error.message, accept)
    except ClientDisconnect:
        return Response()  # Nobody reads it.
