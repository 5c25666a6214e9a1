"""The page of one event: where it stands and why, what was sent, what was answered, and what can be done."""

import asyncio
import re

import orjson
import pytest
from playwright.async_api import expect

from schema.entities import global_ids
from tests.console.story import BROKEN_ANSWER, Story
from tests.support.browser import OpenPage, Scheme, check_accessibility
from tests.support.waiting import until


async def retrying(console: Story) -> str:
    """The failing webhook's event that is tried again and again."""
    found = await console.conn.fetchval("select max(id) from webhook_events where last_status = 503")
    return global_ids.encode("WebhookEvent", found)


async def change_invoice(console: Story) -> str:
    """Change an invoice; the working webhook's event of that, delivered."""
    before = await console.event_of(console.working)
    await console.conn.execute("update invoices set total_cents = 123456 where id = $1", console.lamps.invoice.id)
    await until(lambda: _is_newer(console, before))
    return await console.event_of(console.working)


async def _is_newer(console: Story, before: str) -> bool:
    newest = await console.event_of(console.working)
    return newest != before and await console.conn.fetchval(
        "select state = 'DELIVERED' from webhook_events where webhook_id = (select id from webhooks where description ="
        " 'ERP sync') order by id desc limit 1"
    )


async def test_an_event_shows_what_changed_and_what_it_was_before(console: Story, open_page: OpenPage) -> None:
    event = await change_invoice(console)
    page = await open_page(f"/events/{event}")

    content = page.get_by_role("region", name="Content")
    await expect(content.get_by_text("totalCents", exact=True)).to_be_visible()
    await expect(page.get_by_role("region", name="Difference").locator("ins")).to_contain_text("123456")
    await expect(page.get_by_role("region", name="Difference").locator("del")).to_contain_text("totalCents")
    await content.get_by_text("Body", exact=True).click()
    await expect(page.get_by_role("region", name="Body")).to_contain_text('"type": "invoice.update"')
    assert "view=body" in page.url


async def replace_payloads(console: Story, event: str, former: object, later: object) -> None:
    """Give an event another payload, and another one before it."""
    bodies = [orjson.dumps(one) for one in (former, later)]
    for body in bodies:
        await console.conn.execute(
            "insert into payloads (digest, body) values (sha256($1), $1) on conflict do nothing", body
        )
    await console.conn.execute(
        "update webhook_events set payload_digest = sha256($2), previous_digest = sha256($3) where id = $1",
        global_ids.decode(event)[1],
        bodies[1],
        bodies[0],
    )


@pytest.mark.parametrize("step", [1, 1000])
async def test_payloads_of_a_megabyte_are_compared(console: Story, open_page: OpenPage, step: int) -> None:
    event = await change_invoice(console)
    former, later = (
        {"lines": [{"place": n, "value": add if n % step == 0 else 0} for n in range(30_000)]} for add in (1, 2)
    )
    await replace_payloads(console, event, former, later)

    page = await open_page(f"/events/{event}")

    await expect(page.get_by_role("region", name="Difference").locator("ins").first).to_contain_text('"value": 2')
    await expect(page.get_by_text("more lines are not shown")).to_have_count(int(step == 1))
    content = page.get_by_role("region", name="Content")
    await content.get_by_text("Body", exact=True).click()
    await expect(page.get_by_role("region", name="Body")).to_contain_text('"place": 29999')


async def test_payloads_that_are_too_large_to_be_compared_are_downloaded(console: Story, open_page: OpenPage) -> None:
    event = await change_invoice(console)
    former, later = {"lines": [f"a{n}" for n in range(50_000)]}, {"lines": [f"b{n}" for n in range(50_001)]}
    await replace_payloads(console, event, former, later)

    page = await open_page(f"/events/{event}")
    await expect(page.get_by_text("too large and differ too much to be compared")).to_be_visible()
    await check_accessibility(page)

    for name, expected in (("before", former), ("after", later)):
        async with page.expect_download() as downloading:
            await page.get_by_role("button", name=f"Download {name}.json").click()
        download = await downloading.value
        path = await download.path()
        assert download.suggested_filename == f"{name}.json"
        assert orjson.loads(await asyncio.to_thread(path.read_bytes)) == expected


async def test_a_failed_attempt_shows_its_answer_and_the_next_attempt(console: Story, open_page: OpenPage) -> None:
    page = await open_page(f"/events/{await retrying(console)}")

    await expect(page.get_by_role("region", name="Attempts")).to_contain_text("503")
    await expect(page.get_by_role("region", name="Attempts")).to_contain_text(BROKEN_ANSWER)
    await expect(page.get_by_role("status").filter(has_text="The last attempt failed")).to_contain_text("Next attempt")


async def test_an_event_is_cancelled_and_sent_again(console: Story, open_page: OpenPage) -> None:
    event = await retrying(console)
    page = await open_page(f"/events/{event}")

    await page.get_by_role("button", name="Cancel", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel the event").click()
    await expect(page.get_by_text("was cancelled before it was delivered")).to_be_visible()
    sent = len(console.receiver.deliveries)
    await page.get_by_role("button", name="Send again").click()
    await page.get_by_role("dialog").get_by_role("button", name="Send again").click()

    await console.receiver.wait_for(count=sent + 1)
    await expect(page.get_by_role("button", name="Send now")).to_be_visible()


async def test_an_event_that_was_skipped_says_why(console: Story, open_page: OpenPage) -> None:
    event = await console.event_of(console.working)
    await console.conn.execute(
        "with moved as (select max(id) as id from webhook_events where webhook_id ="
        " (select id from webhooks where description = 'ERP sync'))"
        " update webhook_events set state = 'SKIPPED', reason = 'The result equals the last one.'"
        " from moved where webhook_events.id = moved.id"
    )

    page = await open_page(f"/events/{event}")

    await expect(page.get_by_text("would have told the receiver nothing new")).to_be_visible()
    await expect(page.get_by_text("The result equals the last one.")).to_be_visible()
    link = page.get_by_role("link", name="My event did not arrive")
    assert (await link.get_attribute("href") or "").startswith("/docs/my-event-did-not-arrive#")


async def test_a_seller_sees_its_own_event_alone(console: Story, open_page: OpenPage) -> None:
    found = await console.conn.fetchval(
        "select min(e.id) from webhook_events e join webhooks w on w.id = e.webhook_id where w.seller_id is not null"
    )
    event = global_ids.encode("WebhookEvent", found)
    own = await open_page(f"/events/{event}", key=console.lamps_key)
    other = await open_page(f"/events/{event}", key=console.chairs_key)

    await expect(own.get_by_role("heading", name=re.compile(r"^Invoice-\d+ create$"), level=1)).to_be_visible()
    await expect(own.get_by_role("link", name="Lamps' stock")).to_be_visible()
    await expect(other.get_by_text("There is no such event")).to_be_visible()
    assert "Lamps" not in await other.content()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
async def test_the_page_is_accessible_and_fits(console: Story, open_page: OpenPage, width: int, scheme: Scheme) -> None:
    page = await open_page(f"/events/{await change_invoice(console)}", width=width, scheme=scheme)

    await expect(page.get_by_role("region", name="Difference")).to_be_visible()
    await check_accessibility(page)
    for view in ("Body", "Headers"):
        await page.get_by_text(view, exact=True).first.click()
        await check_accessibility(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, view
