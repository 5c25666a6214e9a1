"""Answers are in the media type that the client likes best, with every refusal, and say how they may be kept."""

from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from app.docs.links import error_extensions
from app.http.negotiation import JSON, RESPONSE_JSON, content_coding, media_type, prefers_page
from tests.support.partition import network_to
from tests.support.platform import Platform, running_platform, settings_for

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
SAFE = {
    "cache-control": "no-store",
    "vary": "Accept, Accept-Encoding",
    "x-content-type-options": "nosniff",
}
OK = b'{"query":"{__typename}"}'


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        ("Application/GraphQL-Response+JSON; charset=utf-8", RESPONSE_JSON),
        (f"{JSON}, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0, {JSON}", JSON),
        (f"{RESPONSE_JSON};q=0.1, {JSON};q=0.2", JSON),
        (f"{RESPONSE_JSON};q=0.9,{JSON};q=0.8", RESPONSE_JSON),
        (f"{RESPONSE_JSON}, {JSON};q=0.9", RESPONSE_JSON),
        (f"{JSON};q=0, */*", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0, */*;q=0.5", JSON),
        (f"{RESPONSE_JSON};q=many, {JSON};q=0.1", JSON),
        (f"{RESPONSE_JSON};q=2, {JSON};q=0.1", JSON),
        ("text/plain", JSON),
        (",;=,;q=", JSON),
        (f"{JSON},{'a,' * 490} {RESPONSE_JSON}", JSON),
    ],
)
def test_media_type_follows_the_qualities(accept: str, expected: str) -> None:
    assert media_type(accept) == expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("*/*", False),
        ("", False),
        ("text/html;q=0", False),
        (f"{JSON}, text/html;q=0.9", False),
        (f"{JSON}, text/html", False),
    ],
)
def test_page_is_for_who_prefers_it(accept: str, expected: bool) -> None:
    assert prefers_page(accept) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1, zstd;q=0.9", "gzip"),
        ("deflate", None),
        ("*", "zstd"),
        ("zstd;q=0, *;q=0.5", "br"),
        ("gzip;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip", "gzip"),
        ("GZIP", "gzip"),
    ],
)
def test_coding_follows_the_qualities(header: str, expected: str | None) -> None:
    assert content_coding(header, ("zstd", "br", "gzip")) == expected


async def send(api: Platform, method: str = "POST", content: bytes = OK, **headers: str | None) -> httpx.Response:
    given = {"Authorization": f"Bearer {api.key}", "Content-Type": JSON}
    given |= {name.replace("_", "-"): text for name, text in headers.items() if text is not None}
    left_out = {name.replace("_", "-").lower() for name, text in headers.items() if text is None}
    kept = {name: text for name, text in given.items() if name.lower() not in left_out}
    return await api.http.request(method, f"{api.url}/graphql", content=content, headers=kept)


REFUSALS: dict[str, tuple[dict[str, Any], int, dict[str, str]]] = {
    "no key": ({"Authorization": None}, 401, {"www-authenticate": 'Bearer realm="Tellgraph"'}),
    "wrong key": ({"Authorization": "Bearer x"}, 401, {"www-authenticate": 'Bearer realm="Tellgraph"'}),
    "no JSON": ({"content": b"{"}, 400, {}),
    "batch": ({"content": b"[]"}, 400, {}),
    "other method": ({"method": "PUT"}, 405, {"allow": "GET, HEAD, POST"}),
    "other method of a browser": ({"method": "PUT", "Accept": BROWSER}, 405, {"allow": "GET, HEAD, POST"}),
    "bare OPTIONS": ({"method": "OPTIONS"}, 405, {"allow": "GET, HEAD, POST"}),
    "large": ({"content": b" " * 1_000_001}, 413, {}),
    "other type": ({"Content_Type": "text/plain"}, 415, {}),
    "other charset": ({"Content_Type": "application/json; charset=latin-1"}, 415, {}),
    "other coding": ({"Content_Encoding": "br"}, 415, {"accept-encoding": "gzip"}),
}


@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON])
@pytest.mark.parametrize("case", REFUSALS)
async def test_refusal_is_in_the_media_type_asked_for(api: Platform, case: str, accept: str) -> None:
    given, status, headers = REFUSALS[case]

    response = await send(api, **{"Accept": accept, **given})

    (error,) = response.json()["errors"]
    expected = JSON if given.get("Accept") == BROWSER else accept
    assert (response.status_code, response.headers["content-type"]) == (status, f"{expected}; charset=utf-8")
    assert error["message"]
    assert error["extensions"]["code"]
    assert {name: response.headers[name] for name in (*headers, *SAFE)} == headers | SAFE


async def test_refusal_without_the_database_is_in_the_media_type_asked_for(database_url: str) -> None:
    async with AsyncExitStack() as network:
        address = (await network.enter_async_context(network_to(database_url))).url
        async with running_platform(settings_for(address), with_worker=False) as api:
            answered = await send(api)
            await network.aclose()
            response = await send(api, Accept=RESPONSE_JSON)

    assert answered.status_code == 200
    assert (response.status_code, response.headers["content-type"]) == (503, f"{RESPONSE_JSON}; charset=utf-8")
    assert response.json()["errors"][0]["extensions"] == error_extensions("UNAVAILABLE")
    assert {name: response.headers[name] for name in SAFE} == SAFE


async def test_failure_of_the_server_is_in_graphql_s_form(api: Platform) -> None:
    await api.conn.execute("alter table api_keys rename to moved")

    response = await send(api, Accept=RESPONSE_JSON)

    assert (response.status_code, response.headers["content-type"]) == (500, f"{RESPONSE_JSON}; charset=utf-8")
    expected = error_extensions("INTERNAL_SERVER_ERROR", requestId=response.headers["X-Request-Id"])
    assert response.json()["errors"][0]["extensions"] == expected
    assert {name: response.headers[name] for name in SAFE} == SAFE


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/readyz", "/nothing-here", "/console/assets/none.js"])
async def test_every_answer_says_how_it_may_be_kept(api: Platform, path: str) -> None:
    response = await api.http.get(f"{api.url}{path}", headers={"Authorization": f"Bearer {api.key}"})

    assert {name: response.headers.get(name) for name in SAFE} == SAFE


async def test_page_and_answer_of_one_address_are_told_apart(api: Platform) -> None:
    page = await api.http.get(f"{api.url}/graphql", headers={"Accept": BROWSER})

    assert page.headers["content-type"].startswith("text/html")
    assert (page.headers["vary"], page.headers["cache-control"]) == ("Accept", "no-cache")
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("accept", [BROWSER, JSON])
async def test_head_is_a_get_without_its_body(api: Platform, accept: str) -> None:
    headers = {"Authorization": f"Bearer {api.key}", "Accept": accept}
    address = f"{api.url}/graphql?query={{__typename}}"

    got = await api.http.get(address, headers=headers)
    head = await api.http.head(address, headers=headers)

    varying = {"date", "x-request-id"}
    assert (head.status_code, head.content) == (200, b"")
    assert {name: text for name, text in head.headers.items() if name not in varying} == {
        name: text for name, text in got.headers.items() if name not in varying
    }


async def test_root_is_the_console(api: Platform) -> None:
    page = await api.http.get(f"{api.url}/", headers={"Accept": BROWSER})

    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-content-type-options"] == "nosniff"
