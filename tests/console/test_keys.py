"""The page of the API keys: what the operator does there, and what a seller finds in its place."""

from typing import Any

from playwright.async_api import expect

from tests.console.story import Story
from tests.support.browser import OpenPage, check_accessibility

PRINCIPAL = "{ apiKeyPrincipal { name scopes expiresAt seller { businessName } } }"


async def principal_of(console: Story, key: str) -> Any:
    return (await console.platform.data(PRINCIPAL, key=key))["apiKeyPrincipal"]


async def test_operator_makes_a_key_for_a_seller_and_copies_it(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/keys")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    await page.get_by_role("button", name="Create a key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("the lamp shop")
    await dialog.get_by_text("A seller’s").click()
    await dialog.get_by_role("combobox", name="Seller").click()
    await page.get_by_role("option", name="Lamps & Co").click()
    await dialog.get_by_role("checkbox", name="Webhooks").check()
    await expect(dialog.get_by_role("checkbox", name="Keys")).to_have_count(0)
    await dialog.get_by_label("Ends").select_option("In 90 days")
    await check_accessibility(page)
    await dialog.get_by_role("button", name="Create the key").click()
    await dialog.get_by_role("button", name="Copy the key").click()
    key = await page.evaluate("navigator.clipboard.readText()")
    await dialog.get_by_role("button", name="I have copied it").click()

    await expect(dialog).to_have_count(0)
    row = page.get_by_role("row").filter(has_text="the lamp shop")
    await expect(row).to_contain_text("Lamps & Co")
    await expect(row).to_contain_text("Read, Webhooks")
    await expect(row).to_contain_text("in 89 days")
    assert key not in await page.content()
    made = await principal_of(console, key)
    assert made["scopes"] == ["READ", "WEBHOOKS"]
    assert made["seller"] == {"businessName": "Lamps & Co"}


async def test_a_refused_key_is_explained_in_the_words_of_the_api(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/keys")
    before = await console.conn.fetchval("select count(*) from api_keys")

    await page.get_by_role("button", name="Create a key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("x" * 2000)
    await dialog.get_by_role("button", name="Create the key").click()

    refusal = await console.platform.mutate("apiKeyCreate", "key", name="x" * 2000, scopes=["READ"])
    await expect(dialog.get_by_role("alert")).to_contain_text(refusal["errors"][0]["messages"][0])
    assert await console.conn.fetchval("select count(*) from api_keys") == before


async def test_operator_rotates_a_key_and_the_old_one_works_for_an_hour(console: Story, open_page: OpenPage) -> None:
    made = await console.platform.mutate("apiKeyCreate", "key", name="the ERP", scopes=["READ"])
    page = await open_page("/keys")

    await page.get_by_role("button", name="Rotate the ERP").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("How long the old key still works").select_option("For an hour")
    await dialog.get_by_role("button", name="Rotate the key").click()
    new = await dialog.get_by_label("The new key").inner_text()
    await dialog.get_by_role("button", name="I have copied it").click()

    await expect(page.get_by_role("row").filter(has_text=f"replaced by {new[:8]}")).to_contain_text("the ERP")
    assert (await principal_of(console, new))["name"] == "the ERP"
    assert (await principal_of(console, new))["expiresAt"] is None
    assert (await principal_of(console, made["key"]))["expiresAt"] is not None


async def test_revoking_asks_first_and_the_key_is_refused_afterwards(console: Story, open_page: OpenPage) -> None:
    made = await console.platform.mutate("apiKeyCreate", "key", name="the old till", scopes=["READ"])
    page = await open_page("/keys")
    dialog = page.get_by_role("dialog")

    await page.get_by_role("button", name="Revoke the old till").click()
    await expect(dialog).to_contain_text("is refused with 401")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
    kept = await console.platform.post("{ __typename }", key=made["key"])
    await page.get_by_role("button", name="Revoke the old till").click()
    await dialog.get_by_role("button", name="Revoke the key").click()

    await expect(page.get_by_role("row").filter(has_text="the old till")).to_contain_text("Revoked")
    refused = await console.platform.post("{ __typename }", key=made["key"])
    assert (kept.status_code, refused.status_code) == (200, 401)


async def test_own_key_is_marked_and_cannot_be_revoked_by_mistake(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/keys")

    row = page.get_by_role("row").filter(has_text="in use here")

    await expect(row).to_contain_text(console.key[:8])
    await expect(row.get_by_role("button", name="Revoke")).to_have_count(0)


async def test_filters_of_the_keys_stand_in_the_address(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/keys")

    await page.get_by_role("combobox", name="Owner").click()
    await page.get_by_role("option", name="Sellers’").click()

    await expect(page).to_have_url(f"{console.url}/keys?owner=SELLER")
    await expect(page.get_by_role("row").filter(has_text="a seller's")).to_have_count(2)
    await expect(page.get_by_role("row").filter(has_text="The operator")).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("row").filter(has_text="a seller's")).to_have_count(2)


async def test_a_seller_finds_no_keys_and_the_api_is_not_asked_for_them(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/keys", key=console.lamps_key)

    await expect(page.get_by_text("Only the operator manages keys")).to_be_visible()
    await expect(page.get_by_role("link", name="Keys")).to_have_count(0)
