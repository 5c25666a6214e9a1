"""The documentation at /docs, for browsers without scripts, too. It needs no API key and no database."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.console.policy import DOCS_POLICY, security_headers
from app.docs.manual import FOLDER, manual
from app.docs.site import index_page, manual_page, missing_page, search_page

_ICON = FOLDER.parent / "console" / "src" / "shell" / "icon.svg"
_HTML = "text/html; charset=utf-8"


def docs_routes() -> list[BaseRoute]:
    """Give the routes of the documentation. Plain functions: Starlette runs them in threads."""
    return [
        Route("/docs", lambda _: RedirectResponse("docs/", 308), name="docs"),
        Route("/docs/", _index),
        Route("/docs/search", _search),
        Route("/docs/docs.css", lambda request: _file(request, FOLDER / "docs.css", "text/css; charset=utf-8")),
        Route("/docs/icon.svg", lambda request: _file(request, _ICON, "image/svg+xml")),
        Route("/docs/{name}", _page),
    ]


def _index(request: Request) -> Response:
    return _answered(request, index_page(manual()))


def _page(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in manual().pages:
        return _answered(request, missing_page(manual()), status=404)
    return _answered(request, manual_page(manual(), name))


def _search(request: Request) -> Response:
    query = request.query_params.get("q", "")[:200]
    return _answered(request, search_page(manual(), query, manual().search.find(query)))


def _file(request: Request, path: Path, media_type: str) -> Response:
    return _answered(request, path.read_text("utf-8"), media_type=media_type)


def _answered(request: Request, text: str, *, status: int = 200, media_type: str = _HTML) -> Response:
    """Return a text with its ETag, or 304 for a client that has it."""
    body = text.encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**security_headers(DOCS_POLICY), "ETag": etag, "Cache-Control": "no-cache"}
    known = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if status == 200 and etag in known:
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type)
