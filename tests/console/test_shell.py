"""The frame of all pages: navigation, the key, colours, the small screen."""

import pytest
from playwright.async_api import expect

from tests.console.story import Story
from tests.support.browser import OpenPage, Scheme, check_accessibility


async def test_a_person_enters_a_key_and_walks_through_the_pages(console: Story, open_page: OpenPage) -> None:
    page = await open_page(key="")

    await page.get_by_label("API key").fill(console.key)
    await page.get_by_role("button", name="Use key").click()

    await expect(page.get_by_role("button", name="Key of the operator")).to_be_visible()
    for label, path in (("Webhooks", "/webhooks"), ("New webhook", "/webhooks/new"), ("Audit", "/audit")):
        link = page.get_by_role("navigation").get_by_role("link", name=label, exact=True)
        await link.click()
        await expect(page).to_have_url(f"{console.url}{path}")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(link).to_have_attribute("aria-current", "page")
    assert await page.evaluate("sessionStorage.getItem('tellgraph.apiKey')") == console.key
    assert await page.evaluate("JSON.stringify(localStorage).includes('tgk_')") is False


async def test_a_wrong_key_is_refused_and_another_one_can_be_entered(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/webhooks", key="tgk_wrong", expected=("status of 401",))

    await expect(page.get_by_text("The API refuses this key (401)")).to_be_visible()
    await page.get_by_label("API key").fill(console.lamps_key)
    await page.get_by_role("button", name="Use key").click()

    await expect(page.get_by_role("button", name="Key of the seller Lamps & Co")).to_be_visible()
    await expect(page.get_by_role("heading", name="Webhooks", level=1)).to_be_visible()
    await expect(page.get_by_role("link", name="Keys")).to_have_count(0)


async def test_a_link_asks_before_it_replaces_a_key_and_says_whose_both_are(
    console: Story, open_page: OpenPage
) -> None:
    page = await open_page()
    await expect(page.get_by_role("button", name="Key of the operator")).to_be_visible()

    await page.evaluate("(key) => { location.hash = `#key=${key}` }", console.lamps_key)
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(f"{console.lamps_key[:10]}… of the seller Lamps & Co.")
    await expect(dialog).to_contain_text(f"{console.key[:10]}… of the operator.")
    await dialog.get_by_role("button", name="Keep the present key").click()
    await expect(dialog).to_have_count(0)
    kept = await page.evaluate("sessionStorage.getItem('tellgraph.apiKey')")
    await page.evaluate("(key) => { location.hash = `#key=${key}` }", console.lamps_key)
    await dialog.get_by_role("button", name="Use the key of the link").click()

    await expect(page.get_by_role("button", name="Key of the seller Lamps & Co")).to_be_visible()
    assert kept == console.key
    assert page.url == f"{console.url}/"


async def test_an_address_that_does_not_exist_is_answered_404_with_a_page(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/nothing-here", expected=("status of 404",))

    await expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    await page.get_by_role("link", name="To the overview").click()
    await expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    answer = await console.platform.http.get(f"{console.url}/nothing-here")
    assert (answer.status_code, answer.text) == (404, "Not Found")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_colours_follow_the_system_until_a_person_chooses(open_page: OpenPage, scheme: Scheme) -> None:
    page = await open_page(scheme=scheme)
    root = page.locator("html")

    await expect(root).to_have_attribute("data-mantine-color-scheme", scheme)
    await expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    await check_accessibility(page)
    await page.get_by_role("button", name="Colours").click()
    await page.get_by_role("menuitem", name="Light" if scheme == "dark" else "Dark").click()

    await expect(root).to_have_attribute("data-mantine-color-scheme", "light" if scheme == "dark" else "dark")


async def test_a_small_screen_has_the_navigation_behind_a_button(open_page: OpenPage) -> None:
    page = await open_page(width=390)
    link = page.get_by_role("link", name="Webhooks", exact=True)

    await expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    await expect(link).not_to_be_in_viewport()
    await page.get_by_role("button", name="Navigation").click()
    await link.click()

    await expect(page.get_by_role("heading", name="Webhooks", level=1)).to_be_visible()
    await expect(link).not_to_be_in_viewport()
    assert await page.evaluate("document.documentElement.scrollWidth") == 390
    await check_accessibility(page)
