"""The page of one webhook: its deliveries as they happen, its settings, and what can be done with it."""

import re

import pytest
from playwright.async_api import Page, Route, expect

from tests.console.story import BROKEN_ANSWER, QUERY, Story
from tests.support.browser import OpenPage, Scheme, check_accessibility
from tests.support.waiting import until


async def confirm(page: Page, button: str, confirmation: str) -> None:
    """Press a button that asks first, and say yes."""
    await page.get_by_role("button", name=button, exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name=confirmation, exact=True).click()


async def is_enabled(console: Story, description: str) -> bool:
    sql = "select is_enabled from webhooks where description = $1"
    return bool(await console.conn.fetchval(sql, description))


async def test_an_operator_finds_the_failing_endpoint_its_last_answer_and_sends_now(
    console: Story, open_page: OpenPage
) -> None:
    page = await open_page()
    await page.evaluate("clicks = 0; addEventListener('click', () => { clicks += 1 }, true)")
    sent = len(console.receiver.deliveries)

    # Its events below are linked to it as well, and what is loaded last moves them.
    await page.get_by_role("region", name="Needs attention").get_by_role("link", name="Tills").click()
    await expect(page.get_by_role("group", name="Last answer")).to_contain_text(BROKEN_ANSWER)
    await page.get_by_role("group", name="Last answer").get_by_role("link", name="See its event").click()
    await page.get_by_role("button", name="Send now").click()

    await until(lambda: _was_sent_to(console, sent, "/down"))
    await expect(page.get_by_role("region", name="Attempts")).to_contain_text("503")
    assert 0 < await page.evaluate("clicks") <= 5


async def test_a_webhook_shows_its_deliveries_as_they_happen(console: Story, open_page: OpenPage) -> None:
    page = await open_page(f"/webhooks/{console.working}")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await expect(page.get_by_role("link", name=re.compile(r"^Invoice-\d+ create$"))).to_have_count(2)

    await console.conn.execute(
        "update invoices set total_cents = total_cents + 1 where id = $1", console.lamps.invoice.id
    )

    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=re.compile(r"^Invoice-\d+ update$")))
    await expect(row.filter(has_text="Delivered")).to_have_count(1)


async def test_states_are_chosen_in_the_address(console: Story, open_page: OpenPage) -> None:
    page = await open_page(f"/webhooks/{console.working}?state=FAILED")

    await expect(page.get_by_text("No event is in these states")).to_be_visible()


async def test_a_webhook_is_disabled_and_enabled_after_a_question(console: Story, open_page: OpenPage) -> None:
    page = await open_page(f"/webhooks/{console.working}")

    await page.get_by_role("button", name="Disable", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert await is_enabled(console, "ERP sync")
    await confirm(page, "Disable", "Disable")
    await expect(page.get_by_text("This webhook is disabled")).to_be_visible()
    assert not await is_enabled(console, "ERP sync")
    await confirm(page, "Enable", "Enable")

    await expect(page.get_by_role("button", name="Disable", exact=True)).to_be_visible()
    assert await is_enabled(console, "ERP sync")


async def test_replays_and_backfills_show_how_far_they_are(console: Story, open_page: OpenPage) -> None:
    page = await open_page(f"/webhooks/{console.working}?tab=runs")
    await expect(page.get_by_text("Nothing was started yet")).to_be_visible()

    await confirm(page, "Backfill", "Start the backfill")
    await expect(page.get_by_role("group", name="Backfill")).to_contain_text(
        "Backfill: done, 2 of 2, 2 with nothing new"
    )
    await confirm(page, "Replay", "Start the replay")
    await expect(page.get_by_role("group", name="Replay")).to_contain_text("Replay: done, 0 of 0")
    await confirm(page, "Compare", "Start the comparison")
    await expect(page.get_by_role("group", name="Comparison")).to_contain_text("done, 2 of 2, 0 sent")


async def test_a_secret_is_rolled_and_shown_once(console: Story, open_page: OpenPage) -> None:
    page = await open_page(f"/webhooks/{console.working}?tab=secrets")

    await confirm(page, "Roll the secret", "Make a new secret")
    shown = page.get_by_role("dialog").get_by_role("region", name="Signing secret")
    await expect(shown).to_contain_text("whsec_")
    secret = (await shown.inner_text()).strip()
    await page.get_by_role("button", name="I have copied it").click()

    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_text("The old secret also signs")).to_be_visible()
    assert secret not in await page.content()


async def test_settings_are_saved_and_a_refusal_is_told_in_the_words_of_the_api(
    console: Story, open_page: OpenPage
) -> None:
    page = await open_page(f"/webhooks/{console.working}?tab=settings")
    save = page.get_by_role("button", name="Save")
    await expect(save).to_be_disabled()

    await page.get_by_label("Filter").fill("data.node.totalCents >")
    await save.click()
    await expect(page.get_by_role("alert")).to_contain_text("filter")
    await page.get_by_label("Filter").fill("data.node.totalCents != '1'")
    await save.click()
    await expect(page.get_by_role("status").filter(has_text="Is this what you mean?")).to_contain_text("is always")
    await page.get_by_label("Filter").fill("data.node.totalCents >= 0")
    await page.get_by_label("Retries of a failed delivery").fill("7")
    await save.click()

    await expect(page.get_by_role("alert").filter(has_text="not saved")).to_have_count(0)
    await until(lambda: console.conn.fetchval("select max_retries = 7 from webhooks where description = 'ERP sync'"))
    row = await console.conn.fetchrow("select filter, url from webhooks where description = 'ERP sync'")
    assert row is not None
    assert tuple(row) == ("data.node.totalCents >= 0", console.receiver.url("/erp"))


async def test_another_address_makes_a_new_secret_which_is_shown_once(console: Story, open_page: OpenPage) -> None:
    page = await open_page(f"/webhooks/{console.working}?tab=settings")

    await page.get_by_label("URL").fill("http://127.0.0.1:9/elsewhere")
    await page.get_by_role("button", name="Save").click()

    await expect(page.get_by_role("dialog").get_by_role("region", name="Signing secret")).to_contain_text("whsec_")
    await page.get_by_role("button", name="I have copied it").click()
    await expect(page.get_by_label("URL")).to_have_value("http://127.0.0.1:9/elsewhere")


async def test_a_test_opens_its_event(console: Story, open_page: OpenPage) -> None:
    page = await open_page(f"/webhooks/{console.working}")

    await page.get_by_role("button", name="Test", exact=True).click()

    await expect(page.get_by_role("heading", name=re.compile(r"^Invoice-\d+ test$"), level=1)).to_be_visible()
    await expect(page.get_by_role("region", name="Attempts")).to_contain_text("200")


async def test_a_pull_webhook_says_who_takes_its_messages(console: Story, open_page: OpenPage) -> None:
    created = await console.platform.create_webhook(None, QUERY, delivery="PULL", description="Feed")
    page = await open_page(f"/webhooks/{created['webhook']['id']}")

    await expect(page.get_by_text("Nobody has taken its messages yet.")).to_be_visible()
    await page.get_by_role("tab", name="Settings").click()
    await expect(page.get_by_label("Messages taken and not settled")).to_have_value("100")
    await expect(page.get_by_label("URL")).to_have_count(0)


async def test_a_webhook_is_deleted_after_a_question(console: Story, open_page: OpenPage) -> None:
    page = await open_page(f"/webhooks/{console.disabled}")

    await confirm(page, "Delete", "Delete the webhook")

    await expect(page).to_have_url(f"{console.url}/webhooks")
    assert await console.conn.fetchval("select deleted_at is not null from webhooks where description = 'The old ERP'")


async def test_a_seller_manages_its_own_webhook_and_sees_no_other(console: Story, open_page: OpenPage) -> None:
    own = await open_page(f"/webhooks/{console.lamps_webhook}", key=console.lamps_key)
    other = await open_page(f"/webhooks/{console.lamps_webhook}", key=console.chairs_key)

    await expect(own.get_by_role("link", name=re.compile(r"^Invoice-\d+ create$"))).to_have_count(1)
    await own.get_by_role("button", name="Test", exact=True).click()
    await expect(own.get_by_role("heading", name=re.compile(r"^Invoice-\d+ test$"), level=1)).to_be_visible()

    await expect(other.get_by_text("There is no such webhook")).to_be_visible()
    assert "Lamps" not in await other.content()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
async def test_the_page_is_accessible_and_fits(console: Story, open_page: OpenPage, width: int, scheme: Scheme) -> None:
    page = await open_page(f"/webhooks/{console.failing}", width=width, scheme=scheme)

    await expect(page.get_by_role("group", name="Last answer")).to_be_visible()
    for tab in ("Deliveries", "Settings", "Secrets", "Replay and compare", "History"):
        await page.get_by_role("tab", name=tab).click()
        await expect(page.get_by_role("tabpanel")).to_be_visible()
        await check_accessibility(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, tab


@pytest.mark.parametrize(
    ("change", "title", "sends"),
    [
        ("paused_until = now() + interval '1 hour'", "The endpoint has asked for a pause", True),
        ("broken_reason = 'Invoice has no field x.'", "This webhook no longer fits the schema", False),
    ],
)
async def test_a_webhook_that_waits_says_why_and_what_to_do(
    console: Story, open_page: OpenPage, change: str, title: str, sends: bool
) -> None:
    await console.conn.execute(f"update webhooks set {change} where description = 'ERP sync'")
    page = await open_page(f"/webhooks/{console.working}")
    standing = page.get_by_role("status", name=title)
    await expect(standing).to_be_visible()
    await expect(standing.get_by_role("button", name="Send now")).to_have_count(int(sends))
    await check_accessibility(page)
    if not sends:
        await expect(standing).to_contain_text("Invoice has no field x.")
        return

    sent = len(console.receiver.deliveries)
    await console.conn.execute("update invoices set total_cents = total_cents + 1")
    await until(lambda: console.conn.fetchval("select count(*) = 2 from webhook_events where state = 'PENDING'"))
    await standing.get_by_role("button", name="Send now").click()

    await until(lambda: _was_sent_to(console, sent, "/erp"))
    await expect(standing).to_have_count(0)


async def _was_sent_to(console: Story, before: int, path: str) -> bool:
    return any(one.path == path for one in console.receiver.deliveries[before:])


async def test_a_webhook_that_catches_up_says_that_nothing_is_to_be_done(console: Story, open_page: OpenPage) -> None:
    """A worker ends this state too soon for a page, so the page is told of it."""
    page = await open_page("/webhooks")

    async def answer(route: Route) -> None:
        if "subscription " in (route.request.post_data or ""):
            # It has no end that could be waited for.
            await route.continue_()
            return
        response = await route.fetch()
        text = (await response.text()).replace('"health":"OK"', '"health":"CATCHING_UP"')
        await route.fulfill(response=response, body=text)

    await page.route("**/graphql", answer)
    await page.get_by_role("link", name="ERP sync").first.click()

    await expect(page.get_by_role("status", name="This webhook catches up")).to_contain_text("Nothing is to be done")
    await expect(page.get_by_role("button", name="Send now")).to_have_count(0)
    await page.unroute_all(behavior="wait")
