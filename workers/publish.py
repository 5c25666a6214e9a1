"""Job `publish`: change events become webhook events. One transaction per batch: a killed worker leaves nothing."""

from collections.abc import Sequence
from typing import Any

import orjson
import structlog

from app.db import change_events, webhook_events, webhooks
from app.db.change_events import ChangeEvent
from app.db.pool import Connection, transaction
from app.db.webhook_events import NewWebhookEvent, Payload
from app.db.webhooks import Webhook
from app.domain.webhook_event import WebhookEventState
from app.errors import InvalidInput
from app.filtering import FilterBatch
from schema import schema
from schema.stored.changed import describe_changes
from schema.stored.validate import stored_query
from workers.dedup import judge
from workers.filter import filtered
from workers.match import (
    Broken,
    Change,
    Match,
    concerns,
    fold_entities,
    fold_transactions,
    is_wanted,
    klasses_of,
)
from workers.owners import list_owners
from workers.render import Renderer, RenderKey, key_of
from workers.resources import Resources

_log = structlog.get_logger()


async def publish_all(resources: Resources) -> int:
    """Publish until nothing waits that another publisher does not have. Returns the change events published."""
    total = 0
    while not resources.stopping.is_set() and (published := await publish_batch(resources)):
        total += published
    return total


async def publish_batch(resources: Resources) -> int:
    """Publish one batch of one shard. Returns its change events; 0 when nothing waits."""
    async with transaction(resources.database) as conn:
        events = await change_events.claim_batch(conn, limit=resources.settings.publish_batch_size)
        if not events:
            return 0
        made = await _publish(conn, resources, events)
        await change_events.mark_published(conn, [event.id for event in events])
    _log.info("publish.batch", change_events=len(events), webhook_events=made)
    return len(events)


async def _publish(conn: Connection, resources: Resources, events: Sequence[ChangeEvent]) -> int:
    per_entity, per_transaction = fold_entities(events), fold_transactions(events)
    owners = await list_owners(conn, per_transaction)
    subscribed = await webhooks.list_subscribed(conn, klasses_of(per_transaction), owners)
    return len(await publish_matches(conn, resources, *_match(subscribed, per_entity, per_transaction)))


async def publish_matches(
    conn: Connection, resources: Resources, matches: Sequence[Match], broken: Sequence[Broken] = ()
) -> list[NewWebhookEvent]:
    """Render, judge and store, in the caller's transaction, which keeps other publishers from these entities.

    Returns: what was stored; nothing for entities that a webhook's owner doesn't see.
    """
    renderer = Renderer(conn, resources.settings)
    matches = await renderer.visible(matches)
    failed = [_render_failed(one) for one in await renderer.visible(broken)]
    payloads = await renderer.render(matches)
    made = [*failed, *await _judged(conn, matches, payloads, resources.filters.batch())]
    if made:
        await webhook_events.insert_payloads(conn, list(_kept(payloads, made).values()))
        await webhook_events.insert_webhook_events(conn, made)
    return made


def _match(
    subscribed: Sequence[Webhook], per_entity: Sequence[Change], per_transaction: Sequence[Change]
) -> tuple[list[Match], list[Broken]]:
    """Who is to be told of what; and what can't be told, of each query that the schema no longer knows."""
    matches: list[Match] = []
    broken: list[Broken] = []
    for webhook in subscribed:
        changes = per_transaction if webhook.every_change else per_entity
        try:
            query = stored_query(schema._schema, webhook.query_string, webhook.type)
        except InvalidInput as error:
            broken.extend(
                Broken(webhook=webhook, change=change, reason=error.message)
                for change in changes
                if concerns(webhook, change)
            )
            continue
        matches.extend(
            Match(webhook=webhook, query=query, change=change)
            for change in changes
            if is_wanted(webhook, query, change)
        )
    return matches, broken


async def _judged(
    conn: Connection, matches: Sequence[Match], payloads: dict[RenderKey, Payload], filters: FilterBatch
) -> list[NewWebhookEvent]:
    subjects = [(match.webhook.id, match.change.entity_type, match.change.entity_id) for match in matches]
    given = await webhook_events.list_given(conn, list(dict.fromkeys(subjects))) if subjects else {}
    made = []
    for match, subject in zip(matches, subjects, strict=True):
        payload, changed = payloads[key_of(match)], _changed(match.change)
        verdict = judge(match.webhook, match.change.operation, payload.digest, given.get(subject, ()))
        verdict = await filtered(filters, match, verdict, response=payload.body, changed=changed)
        made.append(
            NewWebhookEvent(
                webhook_id=match.webhook.id,
                entity_type=match.change.entity_type,
                entity_id=match.change.entity_id,
                event_name=verdict.event_name,
                state=_state(match.webhook, verdict.state),
                reason=verdict.reason,
                payload_digest=payload.digest if verdict.state is WebhookEventState.PENDING else None,
                changed=orjson.dumps(changed),
                changed_at=match.change.changed_at,
                supersedes=(*verdict.supersedes, *match.replaces),
                may_be_known=verdict.may_be_known,
            )
        )
    return made


def _state(webhook: Webhook, judged: WebhookEventState) -> WebhookEventState:
    """What a disabled webhook would be sent is held: it goes out when the webhook is enabled again."""
    is_held = judged is WebhookEventState.PENDING and not webhook.is_enabled
    return WebhookEventState.HELD if is_held else judged


def _changed(change: Change) -> dict[str, Any]:
    return describe_changes(schema._schema, change.entity_type, change.changes, is_cut=change.is_cut)


def _render_failed(broken: Broken) -> NewWebhookEvent:
    change = broken.change
    return NewWebhookEvent(
        webhook_id=broken.webhook.id,
        entity_type=change.entity_type,
        entity_id=change.entity_id,
        event_name=change.operation,
        state=WebhookEventState.RENDER_FAILED,
        reason=f"The stored query does not fit the schema any more. {broken.reason}",
        payload_digest=None,
        changed=orjson.dumps(_changed(change)),
        changed_at=change.changed_at,
    )


def _kept(payloads: dict[RenderKey, Payload], made: Sequence[NewWebhookEvent]) -> dict[bytes, Payload]:
    """The payloads that something refers to, each once."""
    wanted = {event.payload_digest for event in made}
    return {payload.digest: payload for payload in payloads.values() if payload.digest in wanted}
