"""The answers beside the routes: the way from `/`, and an address that does not exist."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from app.http.graphql_view import ANSWER_HEADERS


def home(_: Request) -> Response:
    """Lead from `/` to the API and its page. The address is relative, so that it is right behind a proxy's prefix."""
    return RedirectResponse("graphql", headers=ANSWER_HEADERS)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = {**ANSWER_HEADERS, **(error.headers or {})}
    return PlainTextResponse(error.detail, error.status_code, headers)


EXCEPTION_HANDLERS: Mapping[Any, Any] = {HTTPException: _refused}
