"""Every answer carries an X-Request-Id, and the log, masked errors and audit entries name it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from structlog.testing import capture_logs

from app.auth.viewers import Scope, create_key
from app.docs.links import error_extensions
from app.http.request_ids import HEADER, RequestIds
from app.kernel.requests import current_request, request_id, trace_id
from app.telemetry.logs import name_request
from tests.support.platform import Platform

ROOT = Path(__file__).parents[3]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/graphql", {}, 401),
        ("POST", "/graphql", {"Authorization": "Bearer wrong"}, 401),
        ("GET", "/graphql", {"Accept": "text/html"}, 200),
        ("GET", "/nowhere", {}, 404),
        ("DELETE", "/graphql", {}, 405),
        ("GET", "/healthz", {}, 200),
        ("GET", "/readyz", {}, 200),
    ],
)
async def test_every_answer_carries_it(
    api: Platform, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    body = {"query": "{ __typename }"} if method == "POST" else None

    own = await api.http.request(method, api.url + path, headers=headers, json=body)
    given = await api.http.request(method, api.url + path, headers={**headers, HEADER: "r-1"}, json=body)

    assert (own.status_code, given.status_code) == (status, status)
    assert given.headers.get_list(HEADER) == ["r-1"]
    assert len(own.headers[HEADER]) == 36


@pytest.mark.parametrize("given", ["r-1", "a" * 128, "Root=1-67891233-abcdef", "A.b_c:d/e+f=@"])
def test_a_well_formed_id_is_kept(given: str) -> None:
    assert request_id(given) == given


@pytest.mark.parametrize("given", [None, "", "a" * 129, "a b", 'a"b', "a\n", "a\nb", "é", "\x1b[31m", "a" * 1_000_000])
def test_any_other_id_is_replaced(given: str | None) -> None:
    assert len({request_id(given) for _ in range(3)} - {given}) == 3


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (TRACEPARENT, TRACE),
        (f"01-{TRACE}-00f067aa0ba902b7-01-more", TRACE),
        (f"00-{TRACE}-00f067aa0ba902b7-01-more", None),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", None),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", None),
        (f"{TRACEPARENT}\n", None),
        ("00", None),
        (None, None),
    ],
)
def test_the_trace_id_is_read_as_the_w3c_writes_it(given: str | None, found: str | None) -> None:
    assert trace_id(given) == found


async def _failing(_: Request) -> Response:
    raise ZeroDivisionError


async def _breaking(_: Request) -> Response:
    async def body() -> Any:
        yield b"begun"
        raise ZeroDivisionError

    return StreamingResponse(body())


async def _naming(_: Request) -> Response:
    request = current_request()
    return Response(request.id if request else "none")


@pytest.fixture
async def client() -> Any:
    routes = [Route("/failing", _failing), Route("/breaking", _breaking), Route("/naming", _naming)]
    application = Starlette(routes=routes, middleware=[Middleware(RequestIds)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://api") as client:
        yield client


async def test_a_failure_is_answered_in_graphql_s_form_and_logged_with_the_id(client: httpx.AsyncClient) -> None:
    with capture_logs() as logs:
        response = await client.get("/failing", headers={HEADER: "r-1"})

    (error,) = response.json()["errors"]
    assert (response.status_code, response.headers[HEADER]) == (500, "r-1")
    assert error["extensions"] == error_extensions("INTERNAL_SERVER_ERROR", requestId="r-1")
    assert [(line["event"], line["path"], line["exc_info"]) for line in logs] == [("request.failed", "/failing", True)]


async def test_an_answer_that_has_begun_is_cut_off(client: httpx.AsyncClient) -> None:
    with pytest.raises(ZeroDivisionError), capture_logs() as logs:
        await client.get("/breaking")

    assert [line["event"] for line in logs] == ["request.failed"]


async def test_requests_do_not_see_each_other_s_ids(client: httpx.AsyncClient) -> None:
    found = [(await client.get("/naming", headers={HEADER: f"r-{n}"})).text for n in range(3)]

    assert found == ["r-0", "r-1", "r-2"]
    assert current_request() is None


#: A process of its own, because loggers keep the form of their first line.
LOGGING = """
import sys
import structlog
from app.kernel.requests import CURRENT, RequestInfo
from app.telemetry.logs import configure_logging
from tests.support.platform import settings_for
from app.docs.links import error_extensions

configure_logging(settings_for("postgresql://unused"))
for trace_id in ("4bf9", None):
    CURRENT.set(RequestInfo(id="r-1", trace_id=trace_id, address=None))
    structlog.get_logger().info("during")
CURRENT.set(None)
structlog.get_logger().info("beside")
"""


def test_the_log_names_request_and_trace() -> None:
    process = subprocess.run([sys.executable, "-c", LOGGING], cwd=ROOT, capture_output=True, check=True)

    lines = [orjson.loads(line) for line in process.stderr.splitlines()]
    assert [(line["event"], line.get("request_id"), line.get("trace_id")) for line in lines] == [
        ("during", "r-1", "4bf9"),
        ("during", "r-1", None),
        ("beside", None, None),
    ]


async def test_mutations_are_logged_with_key_and_outcome(api: Platform, conn: asyncpg.Connection) -> None:
    reader = await create_key(conn, name="reads", seller_id=None, scopes=[Scope.READ])
    make = (
        'mutation { sellerCreate(input: {attributes: {businessName: "%s", emailAddress: "a@b.example"}}) { status } }'
    )

    with capture_logs() as logs:
        await api.graphql(make % "Pots")
        await api.graphql(make % "")
        await api.graphql(make % "Pots", key=reader)

    who = {"log_level": "info", "mutation": "sellerCreate", "actor": "operator"}
    assert [line for line in logs if line["event"].startswith("mutation.")] == [
        {"event": "mutation.made", **who, "api_key_id": 1, "entity_type": "Seller", "entity_id": 1},
        {"event": "mutation.refused", **who, "api_key_id": 1, "status": 422, "code": "BAD_USER_INPUT"},
        {"event": "mutation.refused", **who, "api_key_id": 2, "status": 403, "code": "MISSING_SCOPE"},
    ]


async def test_lines_of_refusals_and_of_heavy_mutations_name_the_request(
    api: Platform, conn: asyncpg.Connection
) -> None:
    make = 'mutation { sellerCreate(input: {attributes: {businessName: "P", emailAddress: "a@b.example"}}) { status } }'
    # So long a request is carried out in another thread.
    requests = {"r-1": (make, "wrong"), "r-2": (make, api.key), "r-3": (f"{make} #{'x' * 30_000}", api.key)}

    with capture_logs(processors=[name_request]) as logs:
        for given, (query, key) in requests.items():
            headers = {"Authorization": f"Bearer {key}", HEADER: given, "traceparent": TRACEPARENT}
            response = await api.http.post(f"{api.url}/graphql", json={"query": query}, headers=headers)
            assert response.headers[HEADER] == given

    lines = [(line["event"], line["request_id"], line["trace_id"]) for line in logs if "request_id" in line]
    assert lines == [
        ("request.refused", "r-1", TRACE),
        ("mutation.made", "r-2", TRACE),
        ("mutation.made", "r-3", TRACE),
    ]
    assert await conn.fetchval("select array_agg(request_id order by id) from audit_entries") == ["r-2", "r-3"]
