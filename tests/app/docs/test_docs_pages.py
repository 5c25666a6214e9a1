"""The documentation at /docs: what a browser without scripts gets."""

import re
from collections.abc import AsyncIterator
from itertools import pairwise
from urllib.parse import urljoin
from xml.etree.ElementTree import Element

import html5lib
import httpx
import pytest
from starlette.applications import Starlette

from app.docs.manual import manual
from app.docs.routes import docs_routes
from tests.support.pages import DOCS

BASE = "http://tellgraph.example"
PAGES = ["README", *manual().order]
#: Addresses of the application that are not the documentation's.
CONSOLE = {"/", "/graphql", "/voyager"}

each_page = pytest.mark.parametrize("name", PAGES)


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=docs_routes()))
    async with httpx.AsyncClient(transport=transport, base_url=BASE, follow_redirects=True) as client:
        yield client


def address_of(name: str) -> str:
    return "/docs/" if name == "README" else f"/docs/{name}"


def parsed(html: str) -> Element:
    """The tree of a page. Raises ParseError when it is not valid HTML."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    tree = parser.parse(html)
    assert isinstance(tree, Element)
    return tree


async def read(browser: httpx.AsyncClient, address: str) -> Element:
    response = await browser.get(address)
    assert response.status_code == 200, address
    return parsed(response.text)


def test_every_page_has_its_place() -> None:
    assert sorted(PAGES) == sorted(path.stem for path in DOCS.glob("*.md"))
    assert [manual().order[0], *manual().groups][:2] == ["getting-started", "Receive events"]


@each_page
async def test_every_link_leads_somewhere(browser: httpx.AsyncClient, name: str) -> None:
    page = await read(browser, address_of(name))
    broken = []
    for link in (one.get("href", "") for one in page.iter("a")):
        path, _, anchor = urljoin(BASE + address_of(name), link).removeprefix(BASE).partition("#")
        if path.startswith(("http://", "https://")) or path in CONSOLE or (path, anchor) == ("/docs/", ""):
            continue
        response = await browser.get(path)
        if response.status_code != 200 or (anchor and f' id="{anchor}"' not in response.text):
            broken.append(link)

    assert broken == []


@each_page
async def test_ids_are_unique_and_headings_in_order(browser: httpx.AsyncClient, name: str) -> None:
    page = await read(browser, address_of(name))

    ids = [one.get("id") for one in page.iter() if one.get("id")]
    main = page.find(".//main")
    assert main is not None
    levels = [int(one.tag[1]) for one in main.iter() if re.fullmatch(r"h\d", str(one.tag))]
    assert sorted(ids, key=str) == sorted(set(ids), key=str)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))


@each_page
async def test_page_loads_nothing_from_elsewhere_and_runs_nothing(browser: httpx.AsyncClient, name: str) -> None:
    response = await browser.get(address_of(name))

    page = parsed(response.text)
    loaded = [one.get("href", "") for one in page.iter("link")] + [one.get("src", "") for one in page.iter("img")]
    policy = response.headers["Content-Security-Policy"]
    assert loaded == ["icon.svg", "docs.css"]
    assert [(await browser.get(f"/docs/{one}")).status_code for one in loaded] == [200, 200]
    assert [one.tag for one in page.iter() if one.tag == "script" or one.get("style")] == []
    assert "script-src 'none'" in policy
    assert "unsafe" not in policy


async def test_pages_follow_each_other(browser: httpx.AsyncClient) -> None:
    read_in_order, address = [], "getting-started"
    while address:
        read_in_order.append(address)
        page = await read(browser, f"/docs/{address}")
        current = [one.get("href") for one in page.iter("a") if one.get("aria-current") == "page"]
        assert current == [address]
        address = next((one.get("href", "") for one in page.iter("a") if one.get("rel") == "next"), "")

    assert read_in_order == list(manual().order)


async def test_docs_leads_to_the_index_below_any_prefix(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/docs", follow_redirects=False)

    assert (response.status_code, response.headers["Location"]) == (308, "docs/")


async def test_page_is_sent_once(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/docs/errors")
    etag = first.headers["ETag"]

    again = await browser.get("/docs/errors", headers={"If-None-Match": f'"other", W/{etag}'})
    another = await browser.get("/docs/contract", headers={"If-None-Match": etag})

    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert another.status_code == 200


async def test_unknown_page_leads_on(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/docs/no-such-page")

    assert response.status_code == 404
    assert "There is no such page" in response.text
    assert parsed(response.text).find(".//form") is not None


async def test_code_is_coloured_and_reached_by_keyboard(browser: httpx.AsyncClient) -> None:
    page = await read(browser, "/docs/getting-started")

    assert {one.get("tabindex") for one in page.iter("pre")} == {"0"}
    assert [one for one in page.iter("span") if one.get("class") == "nv"]
