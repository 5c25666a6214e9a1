"""The search of the documentation: what it finds, and what strange queries do to it."""

import html
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.types import Message

from app.docs.manual import manual
from app.docs.routes import docs_routes
from app.docs.search import Hit
from tests.app.docs.test_docs_pages import parsed

MEGABYTE = 1_000_000


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=docs_routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://tellgraph.example") as client:
        yield client


def found(query: str) -> list[Hit]:
    return manual().search.find(query)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("COST_LIMIT", "errors#cost_limit"),
        ("cost_limit", "errors#cost_limit"),
        ("TELLGRAPH_EGRESS_ALLOW", "running#tellgraph_egress_allow"),
        ("webhookEventReplay", "contract#webhookeventreplay"),
        ("retrying", "contract#retrying"),
        ("changing the secret key", "upgrading#changing-the-secret-key"),
        ("compare your cop", "receivers-guide#compare-your-copy"),
        ("who see", "contract#who-sees-what"),
    ],
)
def test_finds_the_place(query: str, first: str) -> None:
    assert any(f"{hit.page}#{hit.anchor}".startswith(first) for hit in found(query)[:3]), found(query)[:3]


def test_finds_words_inside_names() -> None:
    assert "webhookeventreplay" in {hit.anchor for hit in found("replay")}


def test_shows_where_the_words_are() -> None:
    (hit, *_) = found("overtake")

    assert "<mark>overtake</mark>" in hit.snippet


def test_finds_some_of_the_words_if_not_all_are_anywhere() -> None:
    assert found("overtake zzyzx") == found("overtake")
    assert found("zzyzx") == []


async def test_page_of_results_is_a_page(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/docs/search", params={"q": "replay <b> & 'webhook'"})

    page = parsed(response.text)
    (field,) = page.iter("input")
    assert field.get("value") == "replay <b> & 'webhook'"
    assert len(found("replay b webhook")) == len(page.findall(".//ol/li"))


async def test_nothing_is_asked_for_and_nothing_found(browser: httpx.AsyncClient) -> None:
    for query, heading in (("", "Search the documentation"), ("zzyzx", "No results for “zzyzx”")):
        page = parsed((await browser.get("/docs/search", params={"q": query})).text)

        assert page.findtext(".//h1") == heading


@given(st.text() | st.text(alphabet="\"*'()^:-+{}\x00\x02 ANDORNEAR"))
def test_any_query_has_a_page_of_results(query: str) -> None:
    for hit in found(query):
        parsed(f"<!doctype html><title>x</title><p>{hit.snippet}</p>")
        assert re.sub("</?mark>", "", hit.snippet) == html.escape(html.unescape(re.sub("</?mark>", "", hit.snippet)))


@pytest.mark.parametrize("query", ["replay " * (MEGABYTE // 7), "x" * MEGABYTE, '"' * MEGABYTE, "é" * MEGABYTE])
async def test_query_of_a_megabyte_is_cut(query: str) -> None:
    """The server bounds what it reads. The page itself bounds it, too: httpx makes no such request, so none is made."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/docs/search",
        "query_string": b"q=" + query.replace(" ", "+").encode(),
        "headers": [],
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    await Starlette(routes=docs_routes())(scope, receive, send)

    start, body = sent
    assert start["status"] == 200
    assert len(body["body"]) < 100_000
