"""The list of webhooks: narrowed by what a person looks for, page by page, in the address."""

import re

from playwright.async_api import Locator, Page, expect

from tests.builders.crowds import create_webhooks
from tests.console.story import Story
from tests.support.browser import OpenPage, check_accessibility


def rows(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("row").filter(has=page.get_by_role("cell"))


async def open_list(page: Page, label: str) -> None:
    await page.get_by_role("combobox", name=label).or_(page.get_by_role("textbox", name=label)).first.click()


async def choose(page: Page, label: str, *options: str) -> None:
    """Open a list, pick the options, and close it."""
    await open_list(page, label)
    for name in options:
        await page.get_by_role("option", name=name, exact=True).click()
    await page.keyboard.press("Escape")


async def test_operator_narrows_the_list_by_state_type_owner_and_url(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/webhooks")
    await expect(rows(page)).to_have_count(4)

    await choose(page, "State", "Failing", "Disabled")
    await expect(rows(page)).to_have_count(2)
    await expect(page).to_have_url(f"{console.url}/webhooks?health=FAILING%2CDISABLED")
    await page.get_by_label("URL or description").fill("/OLD")
    await expect(rows(page)).to_have_count(1)
    await expect(rows(page)).to_contain_text("The old ERP")
    await choose(page, "About", "Variants")

    await expect(page.get_by_text("No webhook fits. Remove a filter.")).to_be_visible()
    await check_accessibility(page)


async def test_choices_in_quick_succession_are_all_kept(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/webhooks")
    await open_list(page, "State")
    await expect(page.get_by_role("option", name="Failing", exact=True)).to_be_visible()

    await page.evaluate(
        """async (names) => {
          for (const name of names) {
            [...document.querySelectorAll('[role=option]')].find((one) => one.textContent.trim() === name).click();
            await new Promise((resume) => setTimeout(resume));
          }
        }""",
        ["Failing", "Disabled", "Paused"],
    )

    await expect(page).to_have_url(f"{console.url}/webhooks?health=FAILING%2CDISABLED%2CPAUSED")


async def test_a_link_shows_the_same_list(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/webhooks?owner=sellers&type=INVOICE&q=lamps")

    await expect(rows(page)).to_have_count(1)
    await expect(rows(page)).to_contain_text("Lamps & Co")
    await expect(page.get_by_label("URL or description")).to_have_value("lamps")
    await rows(page).get_by_role("link", name="Lamps' stock").click()
    await expect(page).to_have_url(re.compile(r"/webhooks/V2ViaG9vay0"))
    await page.go_back()

    await expect(page).to_have_url(f"{console.url}/webhooks?owner=sellers&type=INVOICE&q=lamps")
    await expect(rows(page)).to_have_count(1)


async def test_webhooks_of_one_seller_are_found_by_its_name(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/webhooks")

    await choose(page, "Owner", "Lamps & Co")

    await expect(rows(page)).to_have_count(1)
    await expect(rows(page)).to_contain_text("Lamps' stock")


async def test_many_webhooks_come_page_by_page(console: Story, open_page: OpenPage) -> None:
    await create_webhooks(console.conn, "https://crowd.example", ["sku"] * 1_000)
    page = await open_page("/webhooks?q=crowd.example")

    await expect(rows(page)).to_have_count(50)
    await expect(page.get_by_text("1,000 in all")).to_be_visible()
    first = await rows(page).first.inner_text()
    await page.get_by_role("button", name="Next").click()
    await expect(page).to_have_url(re.compile(r"after="))
    await expect(rows(page).first).not_to_have_text(first)
    await expect(rows(page)).to_have_count(50)
    await page.get_by_role("button", name="Previous").click()

    await expect(rows(page).first).to_have_text(first, use_inner_text=True)


async def test_seller_has_its_own_webhooks_and_no_choice_of_owners(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/webhooks", key=console.lamps_key)

    await expect(rows(page)).to_have_count(1)
    await expect(rows(page)).to_contain_text("Lamps' stock")
    await expect(page.get_by_label("Owner")).to_have_count(0)
    await expect(page.get_by_role("columnheader", name="Owner")).to_have_count(0)


async def test_what_the_api_refuses_is_shown_in_its_words(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/webhooks?owner=nonsense")

    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("nonsense")
    await expect(alert.get_by_role("link", name="Read more")).to_have_attribute("href", re.compile(r"^/docs/"))
