"""The root of all subscriptions."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry

from app.auth.viewers import Scope
from app.errors import NotFound
from app.webhooks.db.webhooks import WEBHOOKS, WebhookId
from schema.engine.context import Info
from schema.entities import global_ids
from schema.enums.webhooks import WebhookEventStateEnum
from schema.stored.message_stream import MessageStream
from schema.types.webhooks.webhook_event import WebhookEvent
from schema.types.webhooks.webhook_message import WebhookMessage, shown_messages

_WebhookIdArgument = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only events of this webhook; of all when it is absent.")
]
_StatesArgument = Annotated[
    list[WebhookEventStateEnum] | None,
    strawberry.argument(description="Only events that are in one of these states then; all when it is absent."),
]


@strawberry.type(
    description="All subscriptions. Ask for them with `Accept: text/event-stream`, or over a websocket with the"
    " subprotocol `graphql-transport-ws`."
)
class Subscription:
    @strawberry.subscription(
        description="The events of webhooks as they change, with their attempts: a live tail for people. The changes of"
        " an event that follow one another at once may be shown as one, and a flood of changes is not shown in full."
        " Needs the scope webhooks."
    )
    async def webhook_activity(
        self, info: Info, webhook_id: _WebhookIdArgument = None, states: _StatesArgument = None
    ) -> AsyncIterator[WebhookEvent]:
        context = info.context
        context.viewer.require(Scope.WEBHOOKS)
        key = None if webhook_id is None else await _find_webhook(info, webhook_id)
        assert context.hub is not None, "stored queries have no subscriptions"
        watcher: Any = await context.hub.watch(
            seller_id=context.viewer.seller_id, webhook_id=key, states=frozenset(states or ())
        )
        return watcher  # type: ignore[no-any-return]  # rows, which resolve as their GraphQL type

    @strawberry.subscription(
        description="Messages of a webhook whose `delivery` is PULL, as they come: what `webhookMessagesTake` hands"
        " over. Acknowledge or reject each by its mutation before its lease ends. While `inFlight` of them are neither,"
        " no more come. Needs the scope webhooks."
    )
    async def webhook_messages(
        self,
        info: Info,
        webhook_id: Annotated[strawberry.ID, strawberry.argument(description="The webhook.")],
        lease_seconds: Annotated[
            int, strawberry.argument(description="Seconds for which a message is yours, 1 to 3600.")
        ] = 60,
        in_flight: Annotated[
            int, strawberry.argument(description="How many messages may be unsettled at once, 1 to 1000.")
        ] = 100,
    ) -> AsyncIterator[WebhookMessage]:
        context = info.context
        context.viewer.require(Scope.WEBHOOKS)
        assert context.hub is not None, "it is an operation of the API"
        assert context.database is not None, "it is an operation of the API"
        assert context.in_lane is not None, "it is a subscription"
        stream = MessageStream(
            database=context.database,
            viewer=context.viewer,
            settings=context.settings,
            hub=context.hub,
            in_lane=context.in_lane,
            webhook_id=WebhookId(global_ids.key_of(webhook_id, "Webhook", field="webhookId")),
            lease_s=lease_seconds,
            in_flight=in_flight,
        )
        await stream.open()
        return _ShownMessages(stream)


@dataclass(frozen=True, slots=True)
class _ShownMessages:
    """The messages of a stream as GraphQL shows them."""

    stream: MessageStream

    def __aiter__(self) -> AsyncIterator[WebhookMessage]:
        return self

    async def __anext__(self) -> WebhookMessage:
        return shown_messages([await self.stream.next()])[0]

    async def aclose(self) -> None:
        await self.stream.aclose()


async def _find_webhook(info: Info, webhook_id: str) -> WebhookId:
    """Return the key of a webhook that the viewer sees. Raises InvalidInput, NotFound."""
    key = global_ids.key_of(webhook_id, "Webhook", field="webhookId")
    if await info.context.loaders.by_id(WEBHOOKS, key) is None:
        raise NotFound("There is no such webhook, or none for this key.")
    return WebhookId(key)
