"""`webhookExplain`: the outcome of an entity's last changes for one webhook, with reasons."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from app.auth.viewers import Scope, Viewer
from app.capture.entity_changes import list_entity_changes, list_entity_events
from app.docs.links import event_page
from app.errors import InvalidInput
from app.webhooks.db.webhook_events import WEBHOOK_EVENTS
from app.webhooks.db.webhooks import WEBHOOKS
from app.webhooks.db.webhooks import Webhook as WebhookRow
from schema.engine.context import Context, Info
from schema.engine.statements import visible_ids
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES
from schema.enums.webhooks import (
    WebhookChangeVerdictEnum,
    WebhookEventEnum,
)
from schema.stored.changed import describe_changes
from schema.stored.explain import ChangeExplanation, explain_changes
from schema.stored.triggers import watched_by
from schema.stored.validate import stored_query
from schema.types.webhooks.webhook_event import WebhookEvent

MAX_FIRST = 100
#: Changes that are read in addition to `first`: the oldest may have been published together with earlier ones.
_BESIDE = 50


@strawberry.type(description="One recorded change of an entity, and its outcome for one webhook.")
class WebhookChangeExplanation:
    source: strawberry.Private[ChangeExplanation]
    entity_type: strawberry.Private[str]

    @strawberry.field(description="The time at which the change was recorded.")
    def recorded_at(self) -> datetime:
        return self.source.change.recorded_at

    @strawberry.field(description="What happened to the entity.")
    def operation(self) -> WebhookEventEnum:
        return self.source.change.operation

    @strawberry.field(description="The changed paths, in the form of `changed` of the body: added, updated, removed.")
    def changed(self, info: Info) -> JSON:
        change = self.source.change
        described: Any = describe_changes(
            info.schema._schema, info.context.viewer, self.entity_type, change.changes, is_cut=change.is_cut
        )
        return described  # type: ignore[no-any-return]  # the scalar takes any JSON

    @strawberry.field(description="The outcome for the webhook.")
    def verdict(self) -> WebhookChangeVerdictEnum:
        return self.source.verdict

    @strawberry.field(description="The outcome in a sentence, with advice.")
    def reason(self) -> str:
        return self.source.reason

    @strawberry.field(description="The page of this server that explains the verdict, with its cure.")
    def docs(self) -> str:
        return event_page(self.source.verdict)

    @strawberry.field(description="The webhook event that reports it; null if none is kept.")
    async def webhook_event(self, info: Info) -> WebhookEvent | None:
        event_id = self.source.event_id
        found: Any = None if event_id is None else await info.context.loaders.by_id(WEBHOOK_EVENTS, event_id)
        return found  # type: ignore[no-any-return]  # its fields' source is the row


@strawberry.type(description="The reasons why a webhook was sent an entity's changes, or was not.")
class WebhookExplanation:
    changes: list[WebhookChangeExplanation] = strawberry.field(
        description=(
            "The entity's last recorded changes, newest first. Empty if none is kept, or if the key does not"
            " see the entity."
        )
    )


async def webhook_explain(
    info: Info,
    webhook_id: Annotated[strawberry.ID, strawberry.argument(description="The webhook's global id.")],
    entity_id: Annotated[
        strawberry.ID, strawberry.argument(description="Global id of an entity of the webhook's type, deleted or not.")
    ],
    first: Annotated[int, strawberry.argument(description=f"Number of changes to return, at most {MAX_FIRST}.")] = 20,
) -> WebhookExplanation | None:
    context = info.context
    context.viewer.require(Scope.WEBHOOKS)
    if not 1 <= first <= MAX_FIRST:
        raise InvalidInput.at("first", f"must be from 1 to {MAX_FIRST}")
    await context.turn()
    key = global_ids.key_of(webhook_id, "Webhook", field="webhookId")
    webhook: WebhookRow | None = await context.loaders.by_id(WEBHOOKS, key)
    if webhook is None:
        return None
    entity_type = webhook.type.entity_type
    entity_key = global_ids.key_of(entity_id, entity_type, field="entityId")
    explained = await _explain(info, webhook, entity_key, first + _BESIDE)
    return WebhookExplanation(
        changes=[WebhookChangeExplanation(source=one, entity_type=entity_type) for one in explained[:first]]
    )


async def _explain(info: Info, webhook: WebhookRow, entity_id: int, limit: int) -> list[ChangeExplanation]:
    """Explain those of the entity's changes that the viewer may know."""
    context, entity_type = info.context, webhook.type.entity_type
    is_seen = await _is_seen(context, Viewer(webhook.seller_id), entity_type, entity_id)
    changes = await list_entity_changes(context.reader, entity_type, entity_id, limit=limit)
    if not changes:
        return []
    events = await list_entity_events(context.reader, webhook.id, entity_type, entity_id, since=changes[-1].recorded_at)
    explained = explain_changes(webhook, _watched_columns(info, webhook), changes, events, is_seen=is_seen)
    if context.viewer.is_operator:
        return explained
    return [one for one in explained if one.is_owned]


async def _is_seen(context: Context, owner: Viewer, entity_type: str, entity_id: int) -> bool:
    asked = visible_ids(ENTITIES[entity_type].table, owner)
    return bool(await context.reader.fetch(asked.sql, [entity_id], *asked.args))


def _watched_columns(info: Info, webhook: WebhookRow) -> frozenset[str] | None:
    schema = info.schema._schema
    try:
        query = stored_query(schema, webhook.query_string, webhook.type)
    except InvalidInput:
        return None
    return watched_by(schema, query, webhook.triggers)
