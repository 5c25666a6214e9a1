"""Make the README's pictures from a running console: `.venv/bin/python -m tests.console.pictures`.

It needs what the browser's tests need. A picture is a WebP, because a PNG of the same page is four times as large.
"""

import asyncio
import base64
from pathlib import Path

from playwright.async_api import Page, expect

from tests.builders.shipments import create_shipment, create_shipped_item
from tests.console.site import running_site
from tests.console.story import Story
from tests.support.browser import running_browser, watched_page
from tests.support.pages import DOCS, README
from tests.support.servers import shared_servers

PICTURES = DOCS / "pictures"
URL = "https://warehouse.example/tellgraph"
#: Of a picture, 0 to 100.
_QUALITY = 80


async def show_composer(page: Page, story: Story) -> None:
    """Show the composer with a recipe, the payload of an invoice, and an address."""
    await page.goto(f"/webhooks/new#key={story.key}")
    await expect(page.get_by_role("region", name="Payload")).to_contain_text('"lineItems"')
    await expect(page.get_by_text("checked against the schema")).to_be_visible()
    await expect(page.locator(".view-line").first).to_be_visible()
    await page.get_by_role("textbox", name="URL").fill(URL)
    await page.evaluate("scrollTo(0, 0)")


async def show_delivery(page: Page, story: Story) -> None:
    """Ship two items one after the other, and show the second delivery with what it was before."""
    stored_query = next(text for language, text in README.fenced if language == "graphql" and "$id" in text)
    created = await story.platform.create_webhook(
        story.receiver.url("/warehouse"), stored_query, description="The warehouse"
    )
    assert created["status"] == 200, created
    for tracking_number in ("SP1234501", "SP1234567"):
        await _ship(story, tracking_number)
    await page.goto(f"/events/{await story.event_of(created['webhook']['id'])}#key={story.key}")
    await expect(page.get_by_text("SP1234567").first).to_be_visible()
    await expect(page.get_by_text("Delivered").first).to_be_visible()


async def _ship(story: Story, tracking_number: str) -> None:
    """Ship one item, and wait for its delivery."""
    async with story.conn.transaction():
        shipment = await create_shipment(
            story.conn, invoice_id=story.lamps.invoice.id, carrier="Southern Post", tracking_number=tracking_number
        )
        await create_shipped_item(story.conn, shipment_id=shipment.id, line_item_id=story.lamps.line_item.id)
    await story.receiver.wait_for(lambda one: one.path == "/warehouse" and tracking_number.encode() in one.body)


async def picture(page: Page, path: Path) -> None:
    """Write what the window shows."""
    session = await page.context.new_cdp_session(page)
    shot = await session.send("Page.captureScreenshot", {"format": "webp", "quality": _QUALITY})
    await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))


async def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    async with running_site() as story, running_browser() as browser:
        for name, show in (("composer", show_composer), ("delivery", show_delivery)):
            async with watched_page(browser, story.url) as watched:
                await show(watched.page, story)
                await picture(watched.page, PICTURES / f"{name}.webp")
                assert not watched.complaints(), watched.complaints()


if __name__ == "__main__":
    with shared_servers():
        asyncio.run(main())
