"""The Overview: what is to be sent, how the last hour went, what needs a person, what happened last."""

import gzip
import re

from playwright.async_api import Locator, Page, expect

from app.console import DIST
from tests.builders.sales import create_sale
from tests.console.story import Story
from tests.support.browser import OpenPage, check_accessibility
from tests.support.load import tell


def figure(page: Page, label: str) -> Locator:
    return page.get_by_role("region", name=label, exact=True)


async def test_operator_sees_at_once_what_fails_and_opens_it_by_one_click(console: Story, open_page: OpenPage) -> None:
    page = await open_page()

    attention = page.get_by_role("region", name="Needs attention")
    await expect(attention.get_by_role("listitem")).to_have_count(2)
    await expect(attention.get_by_role("listitem").first).to_contain_text("Failing")
    await expect(figure(page, "Waiting")).to_contain_text("2")
    await attention.get_by_role("link", name="Tills").click()

    await expect(page).to_have_url(re.compile(r"/webhooks/"))


async def test_the_last_hour_is_a_chart_with_its_sums(console: Story, open_page: OpenPage) -> None:
    page = await open_page()

    # The page asks again every ten seconds; counts are stored some seconds after the attempts.
    await expect(figure(page, "Delivered in the last hour")).to_contain_text("3")
    hour = page.get_by_role("region", name="The last hour", exact=True)
    await expect(hour.locator(".recharts-bar-rectangle path").first).to_be_visible()
    await expect(hour).to_contain_text(re.compile(r"3 attempts succeeded and \d+ failed"))
    await check_accessibility(page)


async def test_what_happens_is_shown_while_the_page_is_open(console: Story, open_page: OpenPage) -> None:
    page = await open_page()
    latest = page.get_by_role("region", name="What happened last")
    await expect(latest.get_by_text("Live", exact=True)).to_be_visible()
    await expect(latest.get_by_role("row")).to_have_count(6)  # the heading's, and five of events

    sale = await create_sale(console.conn, seller=console.lamps.seller)

    mine = latest.get_by_role("row").filter(has_text=f"Invoice-{sale.invoice.id} create")
    await expect(mine.filter(has_text="ERP sync")).to_contain_text("Delivered")
    await expect(mine.filter(has_text="Tills")).to_contain_text("503")
    await mine.filter(has_text="ERP sync").get_by_role("link", name=f"Invoice-{sale.invoice.id} create").click()
    await expect(page).to_have_url(re.compile(r"/events/"))


async def test_seller_sees_its_own_webhooks_alone(console: Story, open_page: OpenPage) -> None:
    page = await open_page(key=console.lamps_key)

    latest = page.get_by_role("region", name="What happened last")
    await expect(latest.get_by_role("row")).to_have_count(2)
    await expect(latest.get_by_role("row").last).to_contain_text("Lamps' stock")
    await expect(page.get_by_text("Every webhook works")).to_be_visible()
    await expect(figure(page, "Waiting")).to_contain_text("0")
    text = await page.locator("body").inner_text()
    assert not any(word in text for word in ("Tills", "ERP", "Chairs"))


async def test_one_without_webhooks_is_told_what_to_do_next(console: Story, open_page: OpenPage) -> None:
    page = await open_page(key=console.chairs_key)

    await expect(page.get_by_text("There are no webhooks yet")).to_be_visible()
    await page.get_by_role("main").get_by_role("link", name="New webhook").first.click()

    await expect(page).to_have_url(f"{console.url}/webhooks/new")


async def test_first_page_is_small(console: Story, open_page: OpenPage) -> None:
    """All files that a browser loads for the Overview, with its chart. GraphiQL's editor is not among them."""
    page = await open_page()
    await expect(page.locator(".recharts-bar-rectangle path").first).to_be_visible()

    loaded: list[str] = await page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    names = {url.rpartition("/assets/")[2] for url in loaded if "/console/assets/" in url}
    kilobytes = sum(len(gzip.compress((DIST / "assets" / name).read_bytes())) for name in names) / 1024

    assert any(name.startswith("index-") for name in names)
    assert not any("monaco" in name or "voyager" in name for name in names)
    tell("the console's first page, by gzip", kilobytes=kilobytes, files=len(names))
    assert kilobytes <= 600
