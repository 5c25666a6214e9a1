"""The console in a real browser, against a small GraphQL server that wants a key."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.console import DIST
from tests.support.chromium import Page, find_chromium, open_chromium
from tests.support.console_server import ANSWERS, KEY, SECRET, SELLERS_KEY, Asked, serve_console
from tests.support.waiting import until

CHROMIUM = find_chromium()
TABS = ["FindAnInvoice", "RegisterAWebhook", "LookAtItsEvents"]
RUN_BUTTON = "document.querySelector('.graphiql-execute-button')"
NOTE = "document.querySelector('#key-note')?.value"
# Monaco writes spaces as U+00A0.
RESULT = "(document.querySelector('.result-window')?.innerText ?? '').replaceAll('\\u00a0', ' ')"
HAS_SCHEMA = "document.querySelector('#bar')?.dataset.state === 'accepted'"

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
    pytest.mark.skipif(not (DIST / "graphql.html").exists(), reason="the console is not built: make console"),
]


@pytest.fixture
def asked() -> Asked:
    """Names and variables of the operations that the server was asked for."""
    return []


@pytest.fixture
async def origin(asked: Asked) -> AsyncIterator[str]:
    async with serve_console(asked) as url:
        yield url


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    assert CHROMIUM is not None
    async with open_chromium(CHROMIUM, tmp_path / "profile") as page:
        yield page


def foreign_urls(page: Page, origin: str) -> list[str]:
    """Requests that left the page's origin; data: and blob: URLs never reach a network."""
    assert page.requested_urls
    return [
        url
        for url in page.requested_urls
        if urlsplit(url).scheme not in ("data", "blob") and not url.startswith(f"{origin}/")
    ]


async def enter_key(page: Page, key: str) -> None:
    await page.evaluate("document.querySelector('#api-key').select()")
    await page.type_text(key)
    await page.evaluate("document.querySelector('#bar button[type=submit]').click()")


async def test_graphiql_runs_an_example_with_the_key_of_the_fragment(page: Page, origin: str) -> None:
    await page.open(f"{origin}/graphql#key={KEY}")
    await page.wait_for(f"{RUN_BUTTON} && {HAS_SCHEMA} && document.querySelector('.view-line')")

    await page.evaluate(f"{RUN_BUTTON}.click()")

    result = await page.wait_for(f"{RESULT}.includes('TRACK-7') && {RESULT}")
    assert '"advertTitle": "Lamp"' in result
    assert await page.evaluate("location.href") == f"{origin}/graphql"
    assert foreign_urls(page, origin) == []
    assert page.complaints == []


async def test_graphiql_opens_the_examples_as_tabs(page: Page, origin: str) -> None:
    await page.open(f"{origin}/graphql#key={KEY}")
    await page.wait_for(RUN_BUTTON)

    tabs = await page.evaluate(
        "[...document.querySelectorAll('.graphiql-tab-button')].map((tab) => tab.innerText.trim())"
    )

    assert tabs == TABS


async def test_editor_checks_the_query_against_the_schema_in_a_worker(page: Page, origin: str) -> None:
    await page.open(f"{origin}/graphql#key={KEY}")
    await page.wait_for(f"{RUN_BUTTON} && {HAS_SCHEMA} && document.querySelector('.view-line')")

    # The third example asks for webhookEvents, which the small schema does not have.
    await page.evaluate("document.querySelectorAll('.graphiql-tab-button')[2].click()")

    await page.wait_for("document.querySelector('.graphiql-query-editor .squiggly-error')")
    assert any("graphql.worker" in url for url in page.worker_urls)
    assert foreign_urls(page, origin) == []
    assert page.complaints == []


async def test_missing_and_refused_keys_are_named(page: Page, origin: str) -> None:
    await page.open(f"{origin}/graphql")
    await page.wait_for(
        f"{RUN_BUTTON} && {NOTE} === 'Enter an API key to begin: `tellgraph keys create --name me` makes one.'"
    )
    requests_without_key = [url for url in page.requested_urls if url == f"{origin}/graphql"]

    await enter_key(page, "tgk_wrong")
    await page.wait_for(f"{NOTE}?.startsWith('Key refused (401)')")
    await enter_key(page, KEY)
    await page.wait_for(f"{NOTE} === 'Key of the operator.'")

    assert requests_without_key == [f"{origin}/graphql"]
    assert await page.evaluate("sessionStorage.getItem('tellgraph.apiKey')") == KEY
    assert await page.evaluate("JSON.stringify(localStorage).includes('tgk_')") is False


OFFER = "document.querySelector('#offer:not([hidden])')"


async def test_link_asks_before_it_replaces_a_key_and_says_whose_both_are(page: Page, origin: str) -> None:
    await page.open(f"{origin}/graphql#key={KEY}")
    await page.wait_for(f"{NOTE} === 'Key of the operator.'")

    await page.evaluate(f"location.hash = '#key={SELLERS_KEY}'")

    text = await page.wait_for(f"{OFFER}?.innerText")
    assert "brings another API key: tgk_seller… of the seller Lamps & Co." in text
    assert "The present one is tgk_right… of the operator." in text
    assert SELLERS_KEY not in await page.evaluate("document.body.innerText + location.href")
    assert await page.evaluate("sessionStorage.getItem('tellgraph.apiKey')") == KEY
    assert page.complaints == []


async def test_link_is_answered_with_the_present_key_or_the_new_one(page: Page, origin: str) -> None:
    await page.open(f"{origin}/graphql#key={KEY}")
    await page.wait_for(f"{NOTE} === 'Key of the operator.'")

    # As a link does that is followed in the same tab.
    await page.open(f"{origin}/voyager#key={SELLERS_KEY}")
    await page.wait_for(f"{OFFER} && document.activeElement.innerText === 'Keep the present key'")
    await page.evaluate("document.activeElement.click()")
    await page.wait_for(f"!{OFFER}")
    kept = await page.evaluate("sessionStorage.getItem('tellgraph.apiKey')")
    await page.evaluate(f"location.hash = '#key={SELLERS_KEY}'")
    await page.wait_for(OFFER)
    await page.evaluate("document.querySelector('#offer button:last-child').click()")
    await page.wait_for(f"{NOTE} === 'Key of the seller Lamps & Co.'")

    assert kept == KEY
    assert await page.evaluate("sessionStorage.getItem('tellgraph.apiKey')") == SELLERS_KEY
    assert page.complaints == []


async def test_secrets_stay_with_the_tab_and_old_copies_are_removed(page: Page, origin: str) -> None:
    # As an earlier version left them.
    await page.open(f"{origin}/console/assets/absent.js")
    await page.evaluate(f"localStorage.setItem('graphiql:queries', '{SECRET}')")
    await page.evaluate("localStorage.setItem('graphiql:theme', 'dark')")
    page.complaints.clear()

    await page.open(f"{origin}/graphql#key={KEY}")
    await page.wait_for(f"{RUN_BUTTON} && {HAS_SCHEMA} && document.querySelector('.view-line')")
    await page.evaluate("document.querySelectorAll('.graphiql-tab-button')[1].click()")
    await page.wait_for("document.querySelector('.graphiql-query-editor').innerText.includes('webhookCreate')")
    await page.evaluate("document.querySelector('.graphiql-query-editor textarea').focus()")
    await page.type_text(f"# {SECRET}\n")
    await page.evaluate(f"{RUN_BUTTON}.click()")

    await page.wait_for(f"{RESULT}.includes('{SECRET}')")
    await page.wait_for(f"JSON.stringify(sessionStorage).includes('{SECRET}')")
    assert await page.evaluate("Object.keys(localStorage)") == ["graphiql:theme"]
    assert page.complaints == []


async def test_last_example_is_about_the_webhook_just_made(page: Page, origin: str, asked: Asked) -> None:
    await page.open(f"{origin}/graphql#key={KEY}")
    await page.wait_for(f"{RUN_BUTTON} && {HAS_SCHEMA} && document.querySelector('.view-line')")

    for run, tab in enumerate((2, 1, 2), start=1):

        async def is_asked(count: int = run) -> bool:
            return len([name for name, _ in asked if name in ANSWERS]) == count

        await page.evaluate(f"document.querySelectorAll('.graphiql-tab-button')[{tab}].click()")
        await page.wait_for(f"document.querySelector('.graphiql-tab-active').innerText.includes('{TABS[tab]}')")
        await page.evaluate(f"{RUN_BUTTON}.click()")
        await until(is_asked)
        await page.wait_for(f"{RESULT}.includes('webhook')")

    variables = [given or {} for name, given in asked if name == "LookAtItsEvents"]
    assert variables == [{}, {"webhookId": "V2ViaG9vay03"}]


async def test_voyager_draws_the_schema_with_the_key_of_the_other_page(page: Page, origin: str) -> None:
    await page.open(f"{origin}/graphql#key={KEY}")
    await page.wait_for(HAS_SCHEMA)

    await page.evaluate("document.querySelector('#bar a[href=\"/voyager\"]').click()")

    await page.wait_for("location.pathname === '/voyager' && document.querySelector('.graph svg g.node')")
    names = await page.evaluate(
        "[...document.querySelectorAll('.graph svg g.node')].map((node) => node.id.replace('TYPE::', ''))"
    )
    assert set(names) == {"Query", "InvoiceConnection", "Invoice", "LineItem", "Shipment", "APIKeyPrincipal", "Seller"}
    assert await page.evaluate("document.documentElement.scrollHeight === innerHeight")
    assert foreign_urls(page, origin) == []
    assert page.complaints == []


async def test_voyager_draws_again_when_the_page_is_opened_again(page: Page, origin: str) -> None:
    """It keeps its drawing in the browser; the page's policy refused to read that."""
    for _ in range(2):
        await page.open(f"{origin}/voyager#key={KEY}")
        await page.wait_for("document.querySelector('.graph svg g.node')")
        await page.open(f"{origin}/graphql")

    assert page.complaints == []


async def test_voyager_says_why_it_draws_nothing(page: Page, origin: str) -> None:
    await page.open(f"{origin}/voyager#key=tgk_wrong")

    # "Reading the schema …" comes first.
    message = "document.querySelector('.message')?.innerText"
    await page.wait_for(f"{message}?.includes('key')")
    text = await page.evaluate(message)
    assert text == "This API key is unknown."
    assert await page.evaluate("document.querySelector('.graph')") is None
