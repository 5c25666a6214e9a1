"""WebhookMessage: a webhook event that a receiver has taken."""

from collections.abc import Iterable
from datetime import datetime

import strawberry

from app.webhooks.db.webhook_events import WEBHOOK_EVENTS
from schema.engine.context import Info
from schema.engine.execution import texts_alone
from schema.stored.messages import Message, encode_message_id
from schema.types.webhooks.webhook_event import WebhookEvent


@texts_alone
@strawberry.type(description="One header of a message.")
class WebhookMessageHeader:
    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value.")


async def _webhook_event(root: "WebhookMessage", info: Info) -> WebhookEvent | None:
    found: WebhookEvent | None = await info.context.loaders.by_id(WEBHOOK_EVENTS, root.event_id)
    return found


@strawberry.type(
    description="An event of a webhook with the delivery PULL, as a receiver has taken it: what a POST is to an"
    " endpoint. Acknowledge or reject it before the end of its lease."
)
class WebhookMessage:
    id: strawberry.ID = strawberry.field(
        description="Names this handing over; an event that is handed over again has another one. Receivers recognise"
        " an event by `id` in the body, which is also the header `webhook-id`."
    )
    sequence: str = strawberry.field(
        description="Rises with the states of an entity; a whole number, as in the body and `Tellgraph-Sequence`."
    )
    attempt: int = strawberry.field(description="Number of the attempt, from 1, as in `Tellgraph-Attempt`.")
    body: str = strawberry.field(description="What would be POSTed, byte for byte: the signatures are of this text.")
    headers: list[WebhookMessageHeader] = strawberry.field(
        description="The headers that a POST would have, with the signatures."
    )
    lease_until: datetime = strawberry.field(
        description="When the event is handed over again, unless the message is acknowledged, rejected or extended."
    )
    event_id: strawberry.Private[int]
    webhook_event: WebhookEvent | None = strawberry.field(
        resolver=_webhook_event, description="The event; null if it is not kept any more."
    )


def shown_messages(messages: Iterable[Message]) -> list[WebhookMessage]:
    """Return messages as GraphQL shows them. Plain attributes, because a thousand of them are resolved at once."""
    return [
        WebhookMessage(
            id=strawberry.ID(encode_message_id(one.id)),
            sequence=str(one.due.id),
            attempt=one.due.attempt,
            body=one.envelope.body.decode(),
            headers=[WebhookMessageHeader(name=name, value=value) for name, value in one.envelope.headers],
            lease_until=_lease_until(one),
            event_id=one.due.id,
        )
        for one in messages
    ]


def _lease_until(message: Message) -> datetime:
    until = message.due.lease_until
    assert until is not None, "what is claimed has a lease"
    return until
