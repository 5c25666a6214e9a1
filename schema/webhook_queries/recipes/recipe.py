"""WebhookRecipe: the attributes of a webhook for one usual wish."""

import strawberry

from app.webhooks.domain.webhook import WebhookEventName
from schema.enums.webhooks import WebhookEventEnum, WebhookKlassEnum


@strawberry.type(description="The attributes of a webhook for one usual wish. `webhookCreate` takes them as they are.")
class WebhookRecipe:
    name: str = strawberry.field(description="Its name in links, such as `refund-desk`.")
    title: str = strawberry.field(description="What it is for, in a few words.")
    description: str = strawberry.field(description="When it sends, in a sentence or two.")
    type: WebhookKlassEnum = strawberry.field(description="The webhook's `type`.")
    query_string: str = strawberry.field(description="The webhook's stored query.")
    event_names: list[WebhookEventEnum] = strawberry.field(
        description="The webhook's `eventNames`.", default_factory=lambda: list(WebhookEventName)
    )
    triggers: list[str] = strawberry.field(description="The webhook's `triggers`.", default_factory=list)
    filter: str | None = strawberry.field(description="The webhook's `filter`; null if it has none.", default=None)
    allow_skip: bool = strawberry.field(description="The webhook's `allowSkip`.", default=True)
    include_previous: bool = strawberry.field(description="The webhook's `includePrevious`.", default=False)
    is_operators_only: strawberry.Private[bool] = False
