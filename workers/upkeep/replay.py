"""Replay many events in bounded batches, and render events again that could not be rendered."""

from collections.abc import Sequence
from itertools import groupby

import structlog

from app.db.pool import Connection, transaction
from app.errors import InvalidInput, NotFound
from app.webhooks.db import webhook_event_changes, webhooks
from app.webhooks.db.runs import webhook_replays
from app.webhooks.db.runs.webhook_replays import WebhookReplay, WebhookReplayId
from app.webhooks.db.webhook_event_changes import give_up_rendering, lock_entities, lock_to_render
from app.webhooks.db.webhook_events import WebhookEvent
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.domain.webhook import WebhookEventName, fold_operations
from schema import schema
from schema.stored.validate import StoredQuery, stored_query
from workers.publish.match import Change, Match
from workers.publish.publication import publish_matches
from workers.publish.render import Renderer
from workers.resources import Resources

_log = structlog.get_logger()

#: Events of one transaction. Their webhook is locked meanwhile.
BATCH_SIZE = 500
RENDER_BATCH_SIZE = 100
NOT_VISIBLE = "The entity is not there any more, or not for the webhook's owner."


async def replay_all(resources: Resources) -> int:
    """Finish every running replay. Return the number of events that were replayed."""
    total = 0
    async with transaction(resources.database) as conn:
        running = await webhook_replays.list_running(conn)
    for replay_id, webhook_id in running:
        while not resources.stopping.is_set():
            replayed = await replay_batch(resources, replay_id, webhook_id)
            if replayed is None:
                break
            total += replayed
    return total


async def replay_batch(resources: Resources, replay_id: WebhookReplayId, webhook_id: WebhookId) -> int | None:
    """Replay one batch. Return its number of events; None when there is no work, or another worker does it."""
    async with transaction(resources.database) as conn:
        # The webhook is locked first, as everywhere: it must not be disabled or deleted meanwhile.
        try:
            webhook = await webhooks.lock_webhook(conn, webhook_id, seller_id=None)
        except NotFound:
            return None
        replay = await webhook_replays.lock_running(conn, replay_id)
        if replay is None:
            return None
        return await _replay(conn, replay, webhook)


async def _replay(conn: Connection, replay: WebhookReplay, webhook: Webhook) -> int:
    last_id = replay.last_id
    if last_id is None:
        total, last_id = await webhook_event_changes.count_replayable(
            conn,
            webhook.id,
            states=replay.states,
            created_since=replay.created_since,
            created_until=replay.created_until,
        )
        await webhook_replays.RUNS.begin(conn, replay.id, total=total, last_id=last_id)
    ids = await webhook_event_changes.list_replayable(
        conn,
        webhook.id,
        states=replay.states,
        created_since=replay.created_since,
        created_until=replay.created_until,
        after=replay.position,
        last_id=last_id,
        limit=BATCH_SIZE,
    )
    changed = await webhook_event_changes.replay_webhook_events(conn, ids, is_enabled=webhook.is_enabled)
    await webhook_replays.advance(
        conn,
        replay.id,
        position=ids[-1] if ids else last_id,
        done=len(changed),
        is_last=len(ids) < BATCH_SIZE,
    )
    _log.info("replay.batch", webhook_replay_id=replay.id, webhook_id=webhook.id, webhook_events=len(changed))
    return len(changed)


async def render_again(resources: Resources) -> int:
    """Run the queries of events that could not be rendered and that somebody has replayed.

    If an event can be rendered now, a new event supersedes it. With its old id it would carry a newer state than events
    with higher ids.

    Returns:
        The number of events that were handled.
    """
    total = 0
    while not resources.stopping.is_set():
        async with transaction(resources.database) as conn:
            events = await lock_to_render(conn, limit=RENDER_BATCH_SIZE)
            if events:
                await _render(conn, resources, events)
        if not events:
            return total
        total += len(events)
    return total


async def _render(conn: Connection, resources: Resources, events: Sequence[WebhookEvent]) -> None:
    webhook = await webhooks.find_webhook(conn, events[0].webhook_id)
    assert webhook is not None, "a foreign key says so"
    ids = [event.id for event in events]
    try:
        query = stored_query(schema._schema, webhook.query_string, webhook.type)
    except InvalidInput as error:
        reason = f"The stored query does not fit the schema any more. {error.message}"
        await give_up_rendering(conn, ids, reason)
        return
    await lock_entities(conn, webhook.type.entity_type, sorted({event.entity_id for event in events}))
    publication = await publish_matches(conn, resources, await _visible(conn, resources, webhook, query, events))
    left = {id for match in publication.left for id in match.replaces}
    await give_up_rendering(conn, [id for id in ids if id not in left], NOT_VISIBLE)


async def _visible(
    conn: Connection, resources: Resources, webhook: Webhook, query: StoredQuery, events: Sequence[WebhookEvent]
) -> list[Match]:
    """Return the matches to render again whose entity the webhook's owner sees."""
    return await Renderer(conn, resources.settings).visible(_matches(webhook, query, events))


def _matches(webhook: Webhook, query: StoredQuery, events: Sequence[WebhookEvent]) -> list[Match]:
    """Return one match for each entity, which takes the place of all its events."""
    ordered = sorted(events, key=lambda event: (event.entity_id, event.id))
    return [_match(webhook, query, list(group)) for _, group in groupby(ordered, key=lambda event: event.entity_id)]


def _match(webhook: Webhook, query: StoredQuery, events: Sequence[WebhookEvent]) -> Match:
    names = [WebhookEventName(event.event_name.upper()) for event in events]
    change = Change(
        entity_type=events[0].entity_type,
        entity_id=events[0].entity_id,
        # Create and destroy cancel out only if neither was sent.
        operation=fold_operations(names) or names[-1],
        columns=frozenset(),
        changes=(),
        is_cut=False,
        seller_id=None,
        changed_at=max(event.changed_at for event in events),
    )
    return Match(webhook=webhook, query=query, change=change, replaces=tuple(event.id for event in events))
