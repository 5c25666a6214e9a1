"""The answer to an address that does not exist: the console's page for a browser, a line of text for others."""

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.console import console_page, is_built
from app.http.graphql_view import ANSWER_HEADERS
from app.http.negotiation import prefers_page


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    is_page = request.method in ("GET", "HEAD") and prefers_page(request.headers.get("accept", ""))
    if error.status_code == 404 and is_page and is_built():
        return console_page(status_code=404)
    headers = {**ANSWER_HEADERS, **(error.headers or {})}
    return PlainTextResponse(error.detail, error.status_code, headers)


EXCEPTION_HANDLERS: Mapping[Any, Any] = {HTTPException: _refused}
