"""Job `publish`: change events become webhook events. One transaction per batch: a killed worker leaves nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import structlog

from app.db import change_events, webhook_events, webhooks
from app.db.change_events import ChangeEvent
from app.db.pool import Connection, transaction
from app.db.webhook_events import Given, NewWebhookEvent, Payload, Subject
from app.db.webhooks import Webhook
from app.domain.webhook import WebhookEventName
from app.domain.webhook_event import WebhookEventState
from app.errors import InvalidInput
from app.filtering import FilterBatch
from app.metrics import CHANGE_EVENTS_PUBLISHED, WEBHOOK_EVENTS_MADE, count
from schema import schema
from schema.stored.changed import describe_changes
from schema.stored.validate import stored_query
from schema.stored.watched import is_across
from workers.across import is_hidden, klasses_beside, pass_across
from workers.dedup import awaits_creation, join_superseded, judge, returns_to
from workers.filter import filtered
from workers.gone import without_gone
from workers.match import (
    Change,
    Match,
    Unrendered,
    fold_entities,
    fold_transactions,
    klasses_of,
    skip_reason,
    told_of,
)
from workers.owners import list_owners
from workers.render import Renderer, RenderKey, key_of
from workers.resources import Resources

_log = structlog.get_logger()

_DESTROY = WebhookEventName.DESTROY
#: By whether the webhook asks for every change.
_FOLDS = {False: fold_entities, True: fold_transactions}


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
    CHANGE_EVENTS_PUBLISHED.inc(len(events))
    _log.info("publish.batch", change_events=len(events), webhook_events=made)
    return len(events)


async def _publish(conn: Connection, resources: Resources, events: Sequence[ChangeEvent]) -> int:
    owners = await list_owners(conn, events)
    klasses = {*klasses_of(events), *klasses_beside(events)}
    subscribed = await webhooks.list_subscribed(conn, sorted(klasses), owners)
    await pass_across(conn, subscribed, events)
    return len(await publish_matches(conn, resources, *_match(subscribed, events)))


async def publish_matches(
    conn: Connection, resources: Resources, matches: Sequence[Match], unrendered: Sequence[Unrendered] = ()
) -> list[NewWebhookEvent]:
    """Render, judge and store, in the caller's transaction, which keeps other publishers from these entities.

    Returns: what was stored; nothing for entities that a webhook's owner doesn't see.
    """
    renderer = Renderer(conn, resources.settings)
    matches, gone = await without_gone(conn, await renderer.visible(matches))
    seen = [_as_it_is(one) for one in [*await renderer.visible(unrendered), *gone]]
    payloads = await renderer.render(matches)
    made = [*seen, *await _judged(conn, matches, payloads, resources.filters.batch())]
    if kept := _kept(payloads, made):
        await webhook_events.insert_payloads(conn, list(kept.values()))
    if made:
        await webhook_events.insert_webhook_events(conn, made)
        count(WEBHOOK_EVENTS_MADE, (event.state for event in made))
    return made


def _match(subscribed: Sequence[Webhook], events: Sequence[ChangeEvent]) -> tuple[list[Match], list[Unrendered]]:
    """Who is to be told of what; and what they are not told of, though it concerns them."""
    types = {webhook.type.entity_type for webhook in subscribed}
    told = [event for event in events if event.entity_type in types]
    seen = {True: told, False: [event for event in told if not is_hidden(event)]}
    folded = {
        (every, is_operators): _FOLDS[every](seen[is_operators])
        for every, is_operators in {(one.every_change, one.seller_id is None) for one in subscribed}
    }
    matches: list[Match] = []
    unrendered: list[Unrendered] = []
    for webhook in subscribed:
        changes = [
            one
            for change in folded[webhook.every_change, webhook.seller_id is None]
            if (one := told_of(webhook, change))
        ]
        for found in _matched(webhook, changes):
            if isinstance(found, Match):
                matches.append(found)
            else:
                unrendered.append(found)
    return matches, unrendered


def _matched(webhook: Webhook, changes: Sequence[Change]) -> Iterator[Match | Unrendered]:
    skipped, failed = WebhookEventState.SKIPPED, WebhookEventState.RENDER_FAILED
    try:
        query = stored_query(schema._schema, webhook.query_string, webhook.type)
    except InvalidInput as error:
        reason = f"The stored query does not fit the schema any more. {error.message}"
        yield from (Unrendered(webhook=webhook, change=change, state=failed, reason=reason) for change in changes)
        return
    for change in changes:
        unwatched = skip_reason(webhook, query, change)
        if unwatched and is_across(change.columns):
            # Passed on for another webhook's sake.
            continue
        if unwatched:
            yield Unrendered(webhook=webhook, change=change, state=skipped, reason=unwatched)
        else:
            yield Match(webhook=webhook, query=query, change=change)


async def _judged(
    conn: Connection, matches: Sequence[Match], payloads: dict[RenderKey, Payload], filters: FilterBatch
) -> list[NewWebhookEvent]:
    subjects = [(match.webhook.id, match.change.entity_type, match.change.entity_id) for match in matches]
    given = await webhook_events.list_given(conn, list(dict.fromkeys(subjects))) if subjects else {}
    if unsure := _depending_on_what_waits(matches, subjects, payloads, given):
        # A creation that leaves after its destroy was judged to be news to nobody would stay without one; after an
        # update was judged to go out in its place, it would be followed by another creation; and what leaves after
        # it was judged to be withdrawn would be the last word.
        await webhook_events.lock_waiting(conn, unsure)
        again = await webhook_events.list_given(conn, unsure)
        given |= {subject: again.get(subject, []) for subject in unsure}
    # Once, however many webhooks are told of a change.
    changes = {id(match.change): match.change for match in matches}
    described = {key: _changed(change) for key, change in changes.items()}
    made = []
    for match, subject in zip(matches, subjects, strict=True):
        payload, before = payloads[key_of(match)], given.get(subject, ())
        verdict = judge(match.webhook, match.change.operation, payload.digest, before)
        changed = join_superseded(before, verdict, described[id(match.change)])
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


def _depending_on_what_waits(
    matches: Sequence[Match],
    subjects: Sequence[Subject],
    payloads: dict[RenderKey, Payload],
    given: Mapping[Subject, Sequence[Given]],
) -> list[Subject]:
    """Those of which more is to be judged than whether a new state takes the place of an older one."""
    found: dict[Subject, None] = {}
    for match, subject in zip(matches, subjects, strict=True):
        before, digest = given.get(subject, ()), payloads[key_of(match)].digest
        if before and (
            match.change.operation is _DESTROY
            or awaits_creation(before)
            or (len(before) > 1 and returns_to(before, digest))
        ):
            found[subject] = None
    return list(found)


def _state(webhook: Webhook, judged: WebhookEventState) -> WebhookEventState:
    """What a disabled webhook would be sent is held: it goes out when the webhook is enabled again."""
    is_held = judged is WebhookEventState.PENDING and not webhook.is_enabled
    return WebhookEventState.HELD if is_held else judged


def _changed(change: Change) -> dict[str, Any]:
    return describe_changes(schema._schema, change.entity_type, change.changes, is_cut=change.is_cut)


def _as_it_is(one: Unrendered) -> NewWebhookEvent:
    change = one.change
    return NewWebhookEvent(
        webhook_id=one.webhook.id,
        entity_type=change.entity_type,
        entity_id=change.entity_id,
        event_name=change.operation,
        state=one.state,
        reason=one.reason,
        payload_digest=None,
        changed=orjson.dumps(_changed(change)),
        changed_at=change.changed_at,
    )


def _kept(payloads: dict[RenderKey, Payload], made: Sequence[NewWebhookEvent]) -> dict[bytes, Payload]:
    """The payloads that something refers to, each once."""
    wanted = {event.payload_digest for event in made}
    return {payload.digest: payload for payload in payloads.values() if payload.digest in wanted}
