"""`webhookRecipes`: webhooks for the usual wishes."""

from typing import Annotated

import strawberry

from schema.engine.context import Info
from schema.enums.webhooks import WebhookKlassEnum
from schema.webhook_queries.recipes import RECIPES
from schema.webhook_queries.recipes.recipe import WebhookRecipe


async def webhook_recipes(
    info: Info,
    type: Annotated[
        WebhookKlassEnum | None, strawberry.argument(description="Only recipes for webhooks of this type.")
    ] = None,
) -> list[WebhookRecipe]:
    return [
        recipe
        for recipe in RECIPES
        if (type is None or recipe.type == type) and (info.context.viewer.is_operator or not recipe.is_operators_only)
    ]
