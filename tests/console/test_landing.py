"""The first page of somebody without a key."""

from playwright.async_api import expect

from tests.console.story import Story
from tests.support.browser import OpenPage, check_accessibility


async def test_without_a_key_the_page_says_what_this_is_and_how_to_get_one(open_page: OpenPage) -> None:
    page = await open_page(key="")

    await expect(page.get_by_text("tellgraph keys create --name me")).to_be_visible()
    await expect(page.get_by_text("The API runs and reaches its database.")).to_be_visible()
    await expect(page.get_by_role("link", name="Getting started")).to_have_attribute("href", "/docs/getting-started")
    await check_accessibility(page)


async def test_a_key_turns_the_first_page_into_the_overview_of_its_owner(console: Story, open_page: OpenPage) -> None:
    page = await open_page(key="")

    await page.get_by_label("API key").fill(console.lamps_key)
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    await expect(page.get_by_text("Lamps & Co").first).to_be_visible()


async def test_an_unreachable_database_is_told(open_page: OpenPage) -> None:
    page = await open_page("/nothing-here", key="", expected=("status of 404", "status of 503"))
    await page.route(
        "**/readyz", lambda route: route.fulfill(status=503, json={"status": "x", "reason": "It is gone."})
    )

    await page.goto("/")

    await expect(page.get_by_text("Not ready")).to_be_visible()
    await expect(page.get_by_text("It is gone.")).to_be_visible()
