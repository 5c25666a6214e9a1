"""webhookRecipes lists webhooks that can be registered as they are, and its page shows the same."""

from app.webhooks.domain.webhook import WebhookKlass
from schema.webhook_queries.recipes import RECIPES
from tests.builders.sellers import create_seller
from tests.support.pages import page
from tests.support.platform import Platform
from tests.support.recipe_pages import section_of


async def names(api: Platform, arguments: str = "", key: str | None = None) -> list[str]:
    recipes = (await api.data(f"{{ webhookRecipes{arguments} {{ name }} }}", key=key))["webhookRecipes"]
    return [recipe["name"] for recipe in recipes]


async def test_lists_all_in_their_order_and_those_of_a_type(api: Platform) -> None:
    assert await names(api) == [recipe.name for recipe in RECIPES]
    assert await names(api, "(type: SHIPMENT)") == ["shipping-notices"]


async def test_a_seller_is_offered_what_a_seller_can_register(api: Platform) -> None:
    key = await api.seller_key((await create_seller(api.conn)).id)

    offered = await names(api, key=key)

    assert set(names_of_all := [recipe.name for recipe in RECIPES]) - set(offered) == {
        "commissions",
        "invoices-for-an-erp",
        "order-status",
    }
    assert offered == [name for name in names_of_all if name in offered]
    assert await names(api, "(type: ORDER)", key) == []


def test_there_is_one_for_every_type_and_none_twice() -> None:
    assert {recipe.type for recipe in RECIPES} == set(WebhookKlass)
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES)


def test_page_shows_every_recipe_and_no_other() -> None:
    shown = page("app/docs/recipes.md").section("Whole webhooks")

    sections = [f"### {part.rstrip()}\n" for part in shown.split("\n### ")[1:]]
    assert sections == [section_of(recipe) for recipe in RECIPES]
