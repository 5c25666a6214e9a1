"""webhookEventReplay, webhookEventsReplay, webhookReplayCancel, webhookEventCancel, webhookTest."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import orjson
import strawberry
from databases import Database

from app.auth.viewers import Scope, Viewer
from app.db.keyset import BY_ID, Slice
from app.db.pool import connection
from app.errors import InvalidInput
from app.webhooks.db.payloads import Payload
from app.webhooks.db.runs.webhook_replays import WebhookReplayId
from app.webhooks.db.webhooks import Webhook as WebhookRow
from app.webhooks.db.webhooks import lock_webhook
from app.webhooks.services import webhook_events
from schema.engine.context import Context, Info
from schema.engine.reader import Reader
from schema.engine.statements import listed_rows, visible_ids
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES, ListQuery
from schema.enums.webhooks import (
    WebhookEventStateEnum,
)
from schema.errors import response_of
from schema.filters.conditions import value_or_none
from schema.mutations.inputs import optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.mutations.webhooks.webhook_inputs import moment, webhook_event_id_of, webhook_id_of
from schema.stored.validate import stored_query
from schema.types.webhooks.webhook_event import WebhookEvent
from schema.types.webhooks.webhook_run import WebhookReplay


@strawberry.input(description="Input of webhookEventReplay.")
class WebhookEventReplayMutationInput:
    webhook_event_id: strawberry.ID = required("The event to send again.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookEventsReplay.")
class WebhookEventsReplayMutationInput:
    webhook_id: strawberry.ID = required("The webhook whose events are sent again.")
    created_since: datetime | None = optional("Only those published to it at this time or later.")
    created_until: datetime | None = optional("Only those published to it before this time.")
    states: list[WebhookEventStateEnum] | None = optional(
        "Only those in one of these states: DELIVERED, FAILED, CANCELLED, SUPERSEDED, RENDER_FAILED."
        " FAILED by default.",
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookReplayCancel.")
class WebhookReplayCancelMutationInput:
    webhook_replay_id: strawberry.ID = required("The replay to end.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookEventCancel.")
class WebhookEventCancelMutationInput:
    webhook_event_id: strawberry.ID = required("The event to cancel.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookTest.")
class WebhookTestMutationInput:
    webhook_id: strawberry.ID = required("The webhook to send a test to.")
    entity_id: strawberry.ID | None = optional(
        "The entity to show, of the webhook's type; absent: the newest one that the webhook's owner sees."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of webhookEventReplay.")
class WebhookEventReplayMutationPayload(MutationPayload):
    webhook_event: WebhookEvent | None = strawberry.field(
        default=None, description="The event, which waits again; null on errors."
    )


@strawberry.type(description="Answer of webhookEventsReplay.")
class WebhookEventsReplayMutationPayload(MutationPayload):
    webhook_replay: WebhookReplay | None = strawberry.field(
        default=None, description="The replay, to ask for its progress; null on errors."
    )


@strawberry.type(description="Answer of webhookReplayCancel.")
class WebhookReplayCancelMutationPayload(MutationPayload):
    webhook_replay: WebhookReplay | None = strawberry.field(
        default=None, description="The replay, which is cancelled; null on errors."
    )


@strawberry.type(description="Answer of webhookEventCancel.")
class WebhookEventCancelMutationPayload(MutationPayload):
    webhook_event: WebhookEvent | None = strawberry.field(
        default=None, description="The event, which is cancelled; null on errors."
    )


@strawberry.type(description="Answer of webhookTest.")
class WebhookTestMutationPayload(MutationPayload):
    webhook_event: WebhookEvent | None = strawberry.field(
        default=None, description="The test event with its attempt; null on errors."
    )


@strawberry.type
class WebhookEventMutations:
    @strawberry.field(
        description=(
            "Send an event again: same id, same bytes, same sequence, and new retries. A RETRYING event is"
            " sent now instead of at its `dueAt`, unless a newer state replaces it. For an event that could not be"
            " rendered, the query runs again, and the result is sent as a new event, its `supersededBy`."
        )
    )
    async def webhook_event_replay(
        self,
        info: Info,
        input: Annotated[WebhookEventReplayMutationInput, strawberry.argument(description="The event to replay.")],
    ) -> WebhookEventReplayMutationPayload | None:
        async def replay(database: Database, viewer: Viewer) -> Mapping[str, object]:
            event_id = webhook_event_id_of(input.webhook_event_id)
            return {"webhook_event": await webhook_events.replay_event(database, viewer, event_id=event_id)}

        return await run_mutation(info, WebhookEventReplayMutationPayload, input, replay, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description=(
            "Send many events of a webhook again, oldest first. Workers queue them in batches. A webhook has"
            " one running replay at a time. `Webhook.replays` shows its progress, `webhookReplayCancel` ends it. Events"
            " that wait for a retry are none of these: `webhookResume` sends them now."
        )
    )
    async def webhook_events_replay(
        self,
        info: Info,
        input: Annotated[WebhookEventsReplayMutationInput, strawberry.argument(description="The events to replay.")],
    ) -> WebhookEventsReplayMutationPayload | None:
        async def replay(database: Database, viewer: Viewer) -> Mapping[str, object]:
            started = await webhook_events.replay_events(
                database,
                viewer,
                webhook_id=webhook_id_of(input.webhook_id),
                states=value_or_none(input.states),
                created_since=moment(input.created_since, field="createdSince"),
                created_until=moment(input.created_until, field="createdUntil"),
            )
            return {"webhook_replay": started}

        return await run_mutation(info, WebhookEventsReplayMutationPayload, input, replay, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description="End a replay of many events. Events that it has queued are sent. Cancelling it again changes"
        " nothing. If it has finished, `status` is 409."
    )
    async def webhook_replay_cancel(
        self,
        info: Info,
        input: Annotated[WebhookReplayCancelMutationInput, strawberry.argument(description="The replay to end.")],
    ) -> WebhookReplayCancelMutationPayload | None:
        async def cancel(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = global_ids.key_of(input.webhook_replay_id, "WebhookReplay", field="webhookReplayId")
            ended = await webhook_events.cancel_replay(database, viewer, replay_id=WebhookReplayId(key))
            return {"webhook_replay": ended}

        return await run_mutation(info, WebhookReplayCancelMutationPayload, input, cancel, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description="Cancel an event that is PENDING, RETRYING or HELD. While an attempt is in flight, `status` is 409."
    )
    async def webhook_event_cancel(
        self,
        info: Info,
        input: Annotated[WebhookEventCancelMutationInput, strawberry.argument(description="The event to cancel.")],
    ) -> WebhookEventCancelMutationPayload | None:
        async def cancel(database: Database, viewer: Viewer) -> Mapping[str, object]:
            event_id = webhook_event_id_of(input.webhook_event_id)
            return {"webhook_event": await webhook_events.cancel_event(database, viewer, event_id=event_id)}

        return await run_mutation(info, WebhookEventCancelMutationPayload, input, cancel, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description=(
            "Send a webhook one sample now, of the type `<type>.test`. It is rendered from `entityId`, or from the"
            " newest entity that its owner sees; without one, `node` is null. Allowed once in 10 seconds, else `status`"
            " is 429."
        )
    )
    async def webhook_test(
        self,
        info: Info,
        input: Annotated[WebhookTestMutationInput, strawberry.argument(description="The webhook to test.")],
    ) -> WebhookTestMutationPayload | None:
        async def test(database: Database, viewer: Viewer) -> Mapping[str, object]:
            webhook_id = webhook_id_of(input.webhook_id)
            async with connection(database) as conn:
                webhook = await lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
            entity_id, payload = await _sample(info, webhook, value_or_none(input.entity_id))
            event = await webhook_events.send_test(
                database, viewer, webhook_id=webhook_id, entity_id=entity_id, payload=payload
            )
            return {"webhook_event": event}

        return await run_mutation(info, WebhookTestMutationPayload, input, test, scope=Scope.WEBHOOKS)


async def _sample(info: Info, webhook: WebhookRow, wanted: str | None) -> tuple[int, Payload]:
    """Return the id of an entity that the webhook's owner sees, and its payload.

    Args:
        wanted: The entity's global id; None: the newest one, and 0 if there is none.

    Raises:
        InvalidInput: The owner does not see the entity, or the query no longer fits the schema.
    """
    query = stored_query(info.schema._schema, webhook.query_string, webhook.type)
    reader, owner = info.context.reader, Viewer(webhook.seller_id)
    entity_id = await (_newest(reader, webhook, owner) if wanted is None else _seen(reader, webhook, owner, wanted))
    context = Context.for_rendering(reader, owner, info.context.settings)
    variables = {"id": global_ids.encode(query.entity_type, entity_id)}
    result = await info.schema.execute(query.text, variable_values=variables, context_value=context)
    body = orjson.dumps(response_of(result.data, result.errors))
    return entity_id, Payload(digest=hashlib.sha256(body).digest(), body=body)


async def _newest(reader: Reader, webhook: WebhookRow, owner: Viewer) -> int:
    table = ENTITIES[webhook.type.entity_type].table
    newest_first = ListQuery(sort=BY_ID.reversed())
    found = listed_rows(table, owner, newest_first, Slice(size=1, is_backward=False, cursor=None))
    records = await reader.fetch(found.sql, *found.args)
    return int(records[0]["id"]) if records else 0


async def _seen(reader: Reader, webhook: WebhookRow, owner: Viewer, wanted: str) -> int:
    entity_type = webhook.type.entity_type
    key = global_ids.key_of(wanted, entity_type, field="entityId")
    asked = visible_ids(ENTITIES[entity_type].table, owner)
    if not await reader.fetch(asked.sql, [key], *asked.args):
        raise InvalidInput.at("entityId", f"the webhook's owner sees no such {entity_type}")
    return key
