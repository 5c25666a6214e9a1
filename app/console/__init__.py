"""The web console: one application at / and below, GraphiQL at /graphql and the entity graph at /voyager.

`build.sh` makes the bundle in dist/. Without it (no node on the machine that built the wheel) all pages
say how to build it, and the API works all the same.
"""

from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from app.console.assets import ConsoleAssets
from app.console.policy import CONSOLE_POLICY, GRAPHIQL_POLICY, NOT_BUILT_POLICY, VOYAGER_POLICY, security_headers

__all__ = ["PAGES", "console_page", "console_routes", "graphql_page", "is_built", "voyager_page"]

FOLDER = Path(__file__).parent
DIST = FOLDER / "dist"
#: The addresses of the application's pages, as src/main.tsx has them. Its `/webhooks/new` is one of `/webhooks/{id}`.
PAGES = ("/", "/webhooks", "/webhooks/{id}", "/events/{id}", "/keys", "/audit")


def is_built(dist: Path = DIST) -> bool:
    """Return whether there is a bundle."""
    return (dist / "index.html").exists()


def console_page(dist: Path = DIST, *, status_code: int = 200) -> Response:
    """Give the application's page, or the page that says how to build it. The application asks for the API key."""
    return _page(dist / "index.html", CONSOLE_POLICY, status_code)


def graphql_page(dist: Path = DIST) -> Response:
    """Give the GraphiQL page, or, where `dist` holds no bundle, the page that says how to build it.

    Always 200. For `GET /graphql` from a browser; the page asks for the API key itself.
    """
    page = _page(dist / "graphql.html", GRAPHIQL_POLICY)
    # Other clients get JSON from the same address.
    page.headers["Vary"] = "Accept"
    return page


def voyager_page(dist: Path = DIST) -> Response:
    """Give the entity graph's page, or the page that says how to build it. Always 200."""
    return _page(dist / "voyager.html", VOYAGER_POLICY)


def console_routes(dist: Path = DIST) -> list[BaseRoute]:
    """Give the routes of the pages, but for /graphql, and of the bundle's files under /console/assets."""
    return [
        *(Route(path, partial(_console, dist), name=f"console {path}") for path in PAGES),
        Route("/voyager", partial(_voyager, dist), name="voyager"),
        Mount("/console/assets", ConsoleAssets(dist / "assets"), name="console_assets"),
    ]


def _console(dist: Path, request: Request) -> Response:
    return console_page(dist)


def _voyager(dist: Path, request: Request) -> Response:
    return voyager_page(dist)


def _page(path: Path, policy: str, status_code: int = 200) -> Response:
    try:
        html = path.read_text("utf-8")
    except FileNotFoundError:
        html, policy = (FOLDER / "not_built.html").read_text("utf-8"), NOT_BUILT_POLICY
    # The page names the hashed files of one build: it is asked for anew, they are not.
    return HTMLResponse(html, status_code, headers={**security_headers(policy), "Cache-Control": "no-cache"})
