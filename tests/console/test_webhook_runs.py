"""Replays, backfills and comparisons on the page of a webhook: started by a seller, and cancelled."""

import asyncpg
import pytest
from playwright.async_api import expect

from schema.entities import global_ids
from tests.builders.invoices import create_invoice
from tests.console.story import Story
from tests.console.test_webhook_page import confirm
from tests.support.browser import OpenPage
from tests.support.waiting import until


async def test_a_seller_replays_backfills_and_rolls_the_secret_of_its_own_webhook(
    console: Story, open_page: OpenPage
) -> None:
    page = await open_page(f"/webhooks/{console.lamps_webhook}?tab=runs", key=console.lamps_key)
    sent = len([one for one in console.receiver.deliveries if one.path == "/lamps"])

    await page.get_by_role("button", name="Replay", exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("combobox", name="In these states").press("ArrowDown")
    await page.get_by_role("option", name="Delivered").click()
    # A click beside it closes the list of states, which covers the button.
    await dialog.get_by_text("The receiver gets each of these events").click()
    await dialog.get_by_role("button", name="Start the replay").click()
    await expect(page.get_by_role("group", name="Replay")).to_contain_text("Replay: done, 1 of 1")
    await confirm(page, "Backfill", "Start the backfill")
    await expect(page.get_by_role("group", name="Backfill")).to_contain_text("Backfill: done, 1 of 1")
    await page.get_by_role("tab", name="Secrets").click()
    await confirm(page, "Roll the secret", "Make a new secret")
    await expect(page.get_by_role("dialog").get_by_role("region", name="Signing secret")).to_contain_text("whsec_")
    await page.get_by_role("button", name="I have copied it").click()

    await console.receiver.wait_for(lambda one: one.path == "/lamps", sent + 1)
    by = "select array_agg(distinct seller_id) from audit_entries where actor like 'seller%'"
    assert await console.conn.fetchval(by) == [console.lamps.seller.id]


@pytest.mark.parametrize(
    ("start", "confirmation", "title"),
    [("Backfill", "Start the backfill", "Backfill"), ("Compare", "Start the comparison", "Comparison")],
)
async def test_a_run_is_cancelled_and_goes_no_further(
    console: Story, open_page: OpenPage, start: str, confirmation: str, title: str
) -> None:
    for _ in range(60):
        await create_invoice(console.conn, seller_id=console.lamps.seller.id, order_id=console.lamps.order.id)
    page = await open_page(f"/webhooks/{console.working}?tab=runs")

    await page.get_by_role("button", name=start, exact=True).click()
    await page.get_by_role("dialog").get_by_label("Entities per second").fill("1")
    await page.get_by_role("dialog").get_by_role("button", name=confirmation).click()
    run = page.get_by_role("group", name=title)
    await expect(run).to_contain_text(f"{title}: running")
    await run.get_by_role("button", name="Cancel").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()

    await expect(run).to_contain_text(f"{title}: cancelled")
    await expect(run.get_by_role("button", name="Cancel")).to_have_count(0)


async def test_a_replay_is_cancelled_before_it_has_begun(console: Story, open_page: OpenPage) -> None:
    _, webhook_id = global_ids.decode(console.working)
    assert console.platform.settings.database_url is not None
    holder = await asyncpg.connect(console.platform.settings.database_url)
    try:
        # A worker takes a replay under its webhook's lock.
        async with holder.transaction():
            await holder.execute("select 1 from webhooks where id = $1 for no key update", webhook_id)
            sql = "insert into webhook_replays (webhook_id, states) values ($1, '{DELIVERED}')"
            await console.conn.execute(sql, webhook_id)
            page = await open_page(f"/webhooks/{console.working}?tab=runs")
            run = page.get_by_role("group", name="Replay")
            await expect(run).to_contain_text("Replay: running, not counted yet")
            await run.get_by_role("button", name="Cancel").click()
            await page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
            await expect(run).to_contain_text("Replay: cancelled")
    finally:
        await holder.close()

    await until(lambda: console.conn.fetchval("select state = 'CANCELLED' and done = 0 from webhook_replays"))
