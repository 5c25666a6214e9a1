"""Recipes: whole webhooks for the usual wishes, to register as they are or to begin from."""

from schema.webhook_queries.recipes.catalogue import CATALOGUE
from schema.webhook_queries.recipes.orders import ORDERS
from schema.webhook_queries.recipes.recipe import WebhookRecipe

#: All recipes, in the order in which they are listed.
RECIPES: tuple[WebhookRecipe, ...] = (*ORDERS, *CATALOGUE)
