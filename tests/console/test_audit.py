"""The page of the audit trail: filters in the address, what was asked, and what a seller sees of it."""

import re

from playwright.async_api import expect

from tests.console.story import Story
from tests.support.browser import OpenPage, check_accessibility

ENTRIES = """
    insert into audit_entries (actor, action, fields, changes)
    select 'command line', 'change ' || n, '{}', '[]' from generate_series(1, $1::integer) n
"""


async def update_webhook(console: Story, webhook_id: str, key: str, **attributes: object) -> None:
    updated = await console.platform.mutate(
        "webhookUpdate", "webhook { id }", key=key, webhookId=webhook_id, attributes=attributes
    )
    assert updated["status"] == 200, updated


async def test_operator_finds_who_has_changed_a_webhook_and_how(console: Story, open_page: OpenPage) -> None:
    secret = "a value that nobody reads"
    await update_webhook(console, console.working, console.key, description="ERP, new", headers={"X-Token": secret})
    page = await open_page("/audit")

    await page.get_by_role("link", name="Only webhookUpdate").first.click()
    await expect(page).to_have_url(f"{console.url}/audit?action=webhookUpdate")
    await page.get_by_role("button", name="Details of webhookUpdate").click()

    details = page.get_by_role("table", name="Settings that have changed")
    row = details.get_by_role("row").filter(has_text="description")
    await expect(row).to_contain_text("ERP sync")
    await expect(row).to_contain_text("ERP, new")
    await expect(details.get_by_role("row").filter(has_text="headers")).to_contain_text("never recorded")
    assert secret not in await page.content()
    await check_accessibility(page)
    await page.get_by_role("link", name="Open").click()
    await expect(page).to_have_url(re.compile("/webhooks/" + console.working.rstrip("=")))


async def test_filters_of_the_audit_trail_stand_in_the_address(console: Story, open_page: OpenPage) -> None:
    await update_webhook(console, console.working, console.key, description="one")
    await update_webhook(console, console.lamps_webhook, console.lamps_key, description="two")
    page = await open_page("/audit")

    await page.get_by_role("combobox", name="Mutation or command").fill("webhookUpdate")
    await page.get_by_role("combobox", name="Mutation or command").press("Enter")
    await expect(page.get_by_role("button", name="Details of")).to_have_count(2)
    await page.get_by_role("combobox", name="Seller").click()
    await page.get_by_role("option", name="Lamps & Co").click()
    await expect(page.get_by_role("button", name="Details of")).to_have_count(1)
    address = page.url
    await page.get_by_label("From").fill("2100-01-01")
    await expect(page.get_by_text("No change is like that")).to_be_visible()

    again = await open_page(address.removeprefix(console.url))
    await expect(again.get_by_role("button", name="Details of webhookUpdate")).to_have_count(1)
    await expect(again.get_by_role("row").filter(has_text="Lamps & Co")).to_have_count(1)


async def test_a_long_trail_is_shown_in_pages(console: Story, open_page: OpenPage) -> None:
    await console.conn.execute(ENTRIES, 1000)
    page = await open_page("/audit")
    entries = page.get_by_role("button", name="Details of")
    await expect(entries).to_have_count(50)

    await page.get_by_role("button", name="Next").click()
    await expect(entries.first).to_have_attribute("aria-label", "Details of change 950")
    await expect(entries).to_have_count(50)
    await page.reload()
    await expect(entries.first).to_have_attribute("aria-label", "Details of change 950")
    await page.get_by_role("button", name="Previous").click()

    await expect(entries.first).to_have_attribute("aria-label", "Details of change 1000")


async def test_a_seller_sees_its_own_changes_alone(console: Story, open_page: OpenPage) -> None:
    await update_webhook(console, console.working, console.key, description="the operator's")
    await update_webhook(console, console.lamps_webhook, console.lamps_key, description="for the lamps")
    page = await open_page("/audit?action=webhookUpdate", key=console.lamps_key)

    await expect(page.get_by_role("button", name="Details of webhookUpdate")).to_have_count(1)
    await page.get_by_role("button", name="Details of webhookUpdate").click()

    await expect(page.get_by_role("table", name="Settings that have changed")).to_contain_text("for the lamps")
    await expect(page.get_by_role("combobox", name="Seller")).to_have_count(0)
    assert "the operator's" not in await page.content()
