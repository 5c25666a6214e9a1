"""The entity graph in the console's frame."""

from playwright.async_api import Page, expect

from tests.console.story import Story
from tests.support.browser import OpenPage, check_accessibility
from tests.support.waiting import until


async def drawn_types(page: Page, *, centre: str = "Invoice") -> set[str]:
    """The types of the drawing around `centre`, all read at once: the one before it goes when this one comes."""
    nodes = page.locator(".graph svg g.node")

    async def drawn() -> set[str]:
        ids = await nodes.evaluate_all("nodes => nodes.map(node => node.id)")
        types = {str(one).removeprefix("TYPE::") for one in ids}
        return types if centre in types else set()

    return await until(drawn)


async def test_the_graph_opens_on_the_neighbourhood_of_an_invoice(open_page: OpenPage) -> None:
    page = await open_page("/voyager")

    types = await drawn_types(page)

    assert {"Invoice", "Order", "LineItem", "Shipment", "InvoiceAmendment", "RefundRequest", "Seller"} <= types
    assert "Webhook" not in types
    assert len(types) <= 15


async def test_another_type_and_a_wider_view_stand_in_the_address(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/voyager")
    await drawn_types(page)

    await page.get_by_role("combobox", name="Type in the middle").click()
    await page.get_by_role("option", name="Webhook", exact=True).click()
    await expect(page.locator("[id='TYPE::WebhookReplay']")).to_be_visible()
    await page.get_by_text("Everything").click()

    await expect(page).to_have_url(f"{console.url}/voyager?type=Webhook&steps=all")
    await expect(page.locator("[id='TYPE::Query']")).to_be_visible()
    assert len(await drawn_types(page, centre="Query")) > 50


async def test_choices_in_quick_succession_are_all_kept(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/voyager")
    await drawn_types(page)

    await page.evaluate(
        """async () => {
          for (const wanted of ['input[type=radio][value="2"]', 'input[type=checkbox]']) {
            document.querySelector(wanted).click();
            await new Promise((resume) => setTimeout(resume));
          }
        }"""
    )

    await expect(page).to_have_url(f"{console.url}/voyager?steps=2&fields=all")


async def test_the_graph_is_drawn_again_when_the_page_is_opened_again(open_page: OpenPage) -> None:
    """It keeps its drawing in the browser; the page's policy refused to read that."""
    page = await open_page("/voyager")

    for _ in range(2):
        await drawn_types(page)
        await page.goto("/graphql")
        await page.goto("/voyager")

    assert "LineItem" in await drawn_types(page)


async def test_a_small_screen_has_the_relations_as_a_list_to_walk_along(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/voyager", width=390)
    relations = page.get_by_role("list", name="Relations of Invoice")

    await expect(relations.get_by_role("listitem").filter(has_text="lineItems →")).to_contain_text("LineItem")
    await relations.get_by_role("button", name="Order", exact=True).first.click()

    await expect(page.get_by_role("list", name="Relations of Order").get_by_text("invoices →")).to_be_visible()
    await expect(page).to_have_url(f"{console.url}/voyager?type=Order")
    await expect(page.locator("[id='TYPE::Seller']")).to_have_count(0)
    assert "LineItem" in await drawn_types(page, centre="Order")
    await check_accessibility(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_another_type_can_be_chosen_before_the_graph_is_drawn(console: Story, open_page: OpenPage) -> None:
    page = await open_page("/voyager", width=390)

    for shown, chosen in (("Invoice", "Order"), ("Order", "Invoice"), ("Invoice", "Seller")):
        relations = page.get_by_role("list", name=f"Relations of {shown}")
        await relations.get_by_role("button", name=chosen, exact=True).first.click()

    await expect(page.locator("[id='TYPE::Seller']")).to_be_visible()
    await expect(page.get_by_role("list", name="Relations of Seller")).to_be_visible()


async def test_a_refused_key_is_asked_for_in_the_place_of_the_graph(open_page: OpenPage) -> None:
    page = await open_page("/voyager", key="tgk_wrong", expected=("status of 401",))

    await expect(page.get_by_text("The API refuses this key (401)")).to_be_visible()
    await expect(page.locator(".graph")).to_have_count(0)
