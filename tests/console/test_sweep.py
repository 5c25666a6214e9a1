"""Every page of the console as operator and as seller, dark and light, on a small screen and a large one.

The fixture `open_page` fails on complaints: errors, breaches of the policy, requests to other hosts.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest_asyncio
from playwright.async_api import Error, Page, Route, expect

from tests.console.story import QUERY, Story
from tests.support.browser import OpenPage, Scheme, check_accessibility
from tests.support.waiting import until

#: What a page waits for besides its heading: they are other people's work, which comes later.
CONTENTS = {"/graphql": ".graphiql-query-editor .view-line", "/voyager": ".graph svg g.node"}
SCHEMES: tuple[Scheme, Scheme] = ("light", "dark")
#: GraphiQL's tabs have buttons in them.
EXCLUDED = {"/graphql": (".graphiql-tabs",)}


async def show(page: Page, path: str) -> None:
    await page.goto(path)
    await be_shown(page, path)


async def be_shown(page: Page, path: str) -> None:
    """Wait until all of the page is there, on loading and on a change of its width, which draws the graph anew."""
    await expect(page.get_by_role("heading", level=1).first).to_be_attached()
    await expect(page.get_by_label("Loading")).to_have_count(0)
    await expect(page.get_by_text("Transmitting...")).to_have_count(0)
    if content := CONTENTS.get(path):
        await expect(page.locator(content).first).to_be_visible()


def paths_of(webhook_id: str, event_id: str) -> list[str]:
    pages = [
        "/",
        "/webhooks",
        "/webhooks/new",
        "/keys",
        "/audit",
        "/graphql",
        "/voyager",
        "/docs",
        "/docs/search?q=retry",
    ]
    return [*pages, f"/webhooks/{webhook_id}", f"/events/{event_id}"]


async def faults_of(page: Page, path: str, widths: Sequence[int]) -> list[str]:
    """Look at the page in both widths and both schemes. It is loaded in the first width, and then resized."""
    faults = []
    for width, scheme in zip(widths, SCHEMES, strict=True):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.emulate_media(color_scheme=scheme)
        if width == widths[0]:
            await show(page, path)
        else:
            await be_shown(page, path)
        # The other scheme changes nothing but colours.
        for other in SCHEMES if scheme == SCHEMES[0] else reversed(SCHEMES):
            await page.emulate_media(color_scheme=other)
            try:
                await check_accessibility(page, EXCLUDED.get(path, ()), colours_alone=other != scheme)
            except AssertionError as error:
                faults.append(f"{path} {width} {other}: {error}")
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            faults.append(f"{path}: scrolls sideways at {width}")
    return faults


async def test_every_page_of_the_operator_can_be_used_by_everybody(console: Story, open_page: OpenPage) -> None:
    page = await open_page()

    faults = [
        fault
        for path in paths_of(console.failing, await console.event_of(console.failing))
        for fault in await faults_of(page, path, (1280, 390))
    ]

    assert not faults, "\n".join(faults)


async def keep_answers(page: Page) -> list[str]:
    """Keep the texts of all answers of the API from now on, but for streams."""
    told: list[str] = []

    async def keep(route: Route) -> None:
        if route.request.method != "POST" or "subscription " in (route.request.post_data or ""):
            await route.continue_()
            return
        with suppress(Error):  # The page has been left.
            answer = await route.fetch()
            told.append(await answer.text())
            await route.fulfill(response=answer)

    await page.route("**/graphql", keep)
    return told


@pytest_asyncio.fixture(loop_scope="session")
async def chairs_event(console: Story) -> AsyncIterator[str]:
    """An event of a webhook of the seller Chairs, delivered. The seller Lamps has one, too."""
    created = await console.platform.create_webhook(
        console.receiver.url("/chairs"), QUERY, console.chairs_key, description="Stock of Chairs Unlimited"
    )
    await console.conn.execute("update invoices set total_cents = total_cents + 1")
    webhook_id = created["webhook"]["id"]

    async def is_there() -> bool:
        return any(delivery.path == "/chairs" for delivery in console.receiver.deliveries)

    await until(is_there)
    yield await console.event_of(webhook_id)


async def test_every_page_of_a_seller_shows_nothing_of_another_seller(
    console: Story, open_page: OpenPage, chairs_event: str
) -> None:
    page = await open_page(key=console.lamps_key)
    told = await keep_answers(page)
    faults = []

    own = paths_of(console.lamps_webhook, await console.event_of(console.lamps_webhook))
    for path in (*own, f"/webhooks/{console.working}", f"/events/{chairs_event}"):
        faults += await faults_of(page, path, (390, 1280))
        if "Chairs" in await page.content():
            faults.append(f"{path} names the other seller")
        # The documentation is everybody's: it is read without a key.
        if not path.startswith("/docs") and await page.get_by_text("Lamps & Co").count() == 0:
            faults.append(f"{path} does not say whose portal it is")

    assert not faults, "\n".join(faults)
    assert any("Lamps" in text for text in told)
    assert [text for text in told if "Chairs" in text] == []
