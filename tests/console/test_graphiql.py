"""GraphiQL in the console's frame: examples, checks while one types, streams, and what stays in the browser."""

from playwright.async_api import Page, expect

from tests.console.story import Story
from tests.support.browser import OpenPage, click_line
from tests.support.waiting import until

TABS = ["FindAnInvoice", "RegisterAWebhook", "LookAtItsEvents"]


async def opened(page: Page) -> Page:
    """Wait until the editor shows its first tab."""
    await expect(page.locator(".graphiql-query-editor .view-line").first).to_be_visible()
    return page


async def write(page: Page, text: str) -> None:
    """Replace the text of the query's editor by one line."""
    lines = page.locator(".graphiql-query-editor .view-line")
    await click_line(lines.first)
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.insert_text(text)
    await expect(lines).to_have_count(1)


async def run(page: Page) -> None:
    await page.locator(".graphiql-execute-button").click()


async def test_the_examples_run_one_after_the_other(console: Story, open_page: OpenPage) -> None:
    page = await opened(await open_page("/graphql"))
    answer = page.locator(".result-window .view-lines")

    assert [text.strip() for text in await page.locator(".graphiql-tab-button").all_inner_texts()] == TABS
    await run(page)
    await expect(answer).to_contain_text("statusFlags")
    await page.locator(".graphiql-tab-button").nth(1).click()
    await run(page)
    await expect(answer).to_contain_text("hmacKey")
    await page.locator(".graphiql-tab-button").nth(2).click()
    async with page.expect_request(lambda one: "LookAtItsEvents" in (one.post_data or "")) as request:
        await run(page)

    newest = await console.platform.data("{ webhooks(last: 1) { nodes { id url } } }")
    assert newest["webhooks"]["nodes"][0]["url"] == "https://example.com/webhooks"
    sent = (await request.value).post_data_json
    assert sent is not None
    assert sent["variables"] == {"webhookId": newest["webhooks"]["nodes"][0]["id"]}


async def test_a_mistake_is_marked_while_one_types(open_page: OpenPage) -> None:
    page = await opened(await open_page("/graphql"))

    await write(page, "{ invoices { nodes { totalPennies } } }")

    await expect(page.locator(".graphiql-query-editor .squiggly-error").first).to_be_attached()
    assert any("graphql.worker" in worker.url for worker in page.workers)


async def test_a_subscription_is_shown_as_it_goes_on(console: Story, open_page: OpenPage) -> None:
    page = await opened(await open_page("/graphql"))
    await write(page, "subscription { webhookActivity { entityType state } }")
    await run(page)
    streams = page.locator(".graphiql-execute-button[aria-label*='Stop']")
    await expect(streams).to_be_visible()

    async def is_shown() -> bool:
        await console.conn.execute("update invoices set updated_at = now(), total_cents = total_cents + 1")
        return await page.locator(".result-window").get_by_text("webhookActivity").count() > 0

    await until(is_shown)


async def test_what_one_has_typed_stays_with_the_tab(open_page: OpenPage) -> None:
    secret = "whsec_bm90IGluIGxvY2FsU3RvcmFnZQ=="
    page = await opened(await open_page("/graphql"))

    await write(page, f"# {secret}")

    await page.wait_for_function("(secret) => JSON.stringify(sessionStorage).includes(secret)", arg=secret)
    kept = await page.evaluate("JSON.stringify(localStorage)")
    assert secret not in kept
    assert "tgk_" not in kept


async def test_copies_of_earlier_versions_are_removed(open_page: OpenPage) -> None:
    page = await open_page()
    await page.evaluate("localStorage.setItem('graphiql:queries', 'a secret')")

    await page.goto("/graphql")

    await opened(page)
    assert "a secret" not in await page.evaluate("JSON.stringify(localStorage)")


async def test_a_seller_is_given_examples_that_its_key_may_run(console: Story, open_page: OpenPage) -> None:
    page = await opened(await open_page("/graphql", key=console.lamps_key))

    await run(page)

    answer = page.locator(".result-window .view-lines")
    await expect(answer).to_contain_text("statusFlags")
    await expect(answer).not_to_contain_text("errors")


async def test_on_a_small_screen_the_answer_is_below_the_query(open_page: OpenPage) -> None:
    page = await opened(await open_page("/graphql", width=390))

    query = await page.locator(".graphiql-query-editor").bounding_box()
    answer = await page.locator(".graphiql-response").bounding_box()
    assert query is not None
    assert answer is not None
    assert query["width"] > 330
    assert answer["width"] > 330
    assert answer["y"] >= query["y"] + query["height"]
    await page.get_by_role("button", name="Documentation Explorer").click()
    await expect(page.locator(".graphiql-plugin")).to_be_visible()
    panel = await page.locator(".graphiql-plugin").bounding_box()
    assert panel is not None
    assert panel["height"] > 400
