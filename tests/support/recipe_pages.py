"""A recipe as the page of recipes shows it."""

import json

from app.webhooks.domain.webhook import WebhookEventName
from schema.webhook_queries.recipes.recipe import WebhookRecipe


def section_of(recipe: WebhookRecipe) -> str:
    """Return its section of the page, as Markdown."""
    attributes = [
        f"type: {recipe.type.value}",
        *([f"eventNames: [{', '.join(recipe.event_names)}]"] if recipe.event_names != list(WebhookEventName) else []),
        *([f"triggers: {json.dumps(recipe.triggers)}"] if recipe.triggers else []),
        *([] if recipe.allow_skip else ["allowSkip: false"]),
        *(["includePrevious: true"] if recipe.include_previous else []),
    ]
    owner = " For the operator only." if recipe.is_operators_only else ""
    return (
        f"### {recipe.title}\n\n{recipe.description}{owner}\n\n"
        f"{' · '.join(f'`{attribute}`' for attribute in attributes)}\n\n"
        f"```graphql\n{recipe.query_string}```\n" + (f"\n```cel\n{recipe.filter}\n```\n" if recipe.filter else "")
    )
