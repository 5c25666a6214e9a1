"""Replay, resume, cancel and test webhook events, on a person's request."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.errors import Conflict, InvalidInput, NotFound, TooSoon
from app.webhooks.db import webhook_event_changes, webhooks
from app.webhooks.db.payloads import Payload
from app.webhooks.db.runs.webhook_replays import RUNS, WebhookReplay, WebhookReplayId
from app.webhooks.db.webhook_event_changes import get_webhook_event, webhook_of
from app.webhooks.db.webhook_events import (
    WebhookEvent,
    WebhookEventId,
)
from app.webhooks.db.webhook_outages import begin_resumption, step_resumption
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.domain.webhook_event import CANCELLED_BY_HAND, REPLAYABLE, WAITING, WebhookEventState

#: Seconds between two tests of a webhook. Tests are sent outside of the order and limits of other events.
TEST_EVERY_S = 10
TEST = "test"
#: What to do with an event that can't be replayed in its state.
_INSTEAD = {
    WebhookEventState.PENDING: "It is sent when its turn comes: see the webhook's `paused_until` and `rate_limit`.",
    WebhookEventState.SENDING: "An attempt is in flight: wait for its result.",
    WebhookEventState.RETRYING: "It waits for a retry: `webhook_resume` sends all such events of a webhook now.",
    WebhookEventState.HELD: "It goes out when its webhook is enabled (`webhook_update` with `enabled: true`).",
    WebhookEventState.SKIPPED: "It told nothing new: `webhook_backfill` with `force: true` sends the present state.",
    WebhookEventState.RENDER_FAILED: "A worker is about to run its query again: look at it in a moment.",
}
_NOTHING_CHANGED = orjson.dumps({"added": [], "updated": [], "removed": []})


async def replay_event(database: Database, viewer: Viewer, *, event_id: WebhookEventId) -> WebhookEvent:
    """Send an event again, with the same id and bytes and a new allowance of retries. Attempts are counted on.

    An event that waits for a retry becomes due at once, and a newer state may still take its place. For an event that
    could not be rendered, a worker runs the query again and makes a new event.

    Raises:
        NotFound: There is no such event, or it is another seller's.
        Conflict: It is open otherwise, was skipped, or can't be sent.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        webhook_id = await webhook_of(conn, event_id, seller_id=viewer.seller_id)
        webhook = await _lock_live(conn, webhook_id, viewer)
        _check_replayable(await get_webhook_event(conn, event_id, is_locked=False))
        # Nobody takes an event out of a state that can be replayed without the lock of its webhook; but what waits for
        # a retry may have been claimed, superseded or cancelled since.
        replayed = await webhook_event_changes.replay_webhook_events(conn, [event_id], is_enabled=webhook.is_enabled)
        if not replayed:
            _check_replayable(await get_webhook_event(conn, event_id, is_locked=False))
            raise Conflict("This event is being changed by somebody else: ask for it again.")
    return replayed[0]


async def replay_events(
    database: Database,
    viewer: Viewer,
    *,
    webhook_id: WebhookId,
    states: Sequence[WebhookEventState] | None,
    created_since: datetime | None,
    created_until: datetime | None,
) -> WebhookReplay:
    """Have workers replay all events of a webhook that are in one of these states (None: FAILED).

    Raises:
        InvalidInput: A state or time is wrong.
        NotFound: There is no such webhook, or it is another seller's.
        Conflict: Another replay of the webhook's events is running.
    """
    wanted = (WebhookEventState.FAILED,) if states is None else tuple(dict.fromkeys(states))
    wrong = [state for state in wanted if state not in REPLAYABLE]
    if wrong or not wanted:
        allowed = f"name some of {', '.join(state.value for state in REPLAYABLE)}"
        raise InvalidInput.at(
            "states", *(f"{state.value} can't be replayed. {_INSTEAD[state]}" for state in wrong), allowed
        )
    if created_since is not None and created_until is not None and created_since >= created_until:
        raise InvalidInput.at("created_until", "must be later than the time since when")
    async with transaction(database, actor=viewer.actor) as conn:
        await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
        await RUNS.check_few_run(conn, webhook_id)
        return await RUNS.insert(
            conn,
            {
                "webhook_id": webhook_id,
                "states": [state.value for state in wanted],
                "created_since": created_since,
                "created_until": created_until,
            },
        )


async def resume_webhook(database: Database, viewer: Viewer, *, webhook_id: WebhookId) -> Webhook:
    """Make all events due that wait for a retry, and end the pause that the endpoint has asked for.

    The first MAX_AT_ONCE events are due when this returns. The sweep makes the others due.

    Raises:
        NotFound: There is no such webhook, or it is another seller's.
        Conflict: The webhook is disabled.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        webhook = await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
        if not webhook.is_enabled:
            raise Conflict(
                "The webhook is disabled: enable it (`webhook_update` with `enabled: true`), and what is held goes out."
            )
        await step_resumption(conn, await begin_resumption(conn, webhook_id))
        return await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)


async def cancel_replay(database: Database, viewer: Viewer, *, replay_id: WebhookReplayId) -> WebhookReplay:
    """Cancel a replay. Events that it has queued are still sent. A cancelled replay is returned as it is.

    Raises:
        NotFound: There is no such replay, or it is another seller's.
        Conflict: It has ended.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        return await RUNS.cancel(conn, replay_id, seller_id=viewer.seller_id)


async def cancel_event(database: Database, viewer: Viewer, *, event_id: WebhookEventId) -> WebhookEvent:
    """Withdraw a waiting event. Raise NotFound, or Conflict if it is in flight or has ended."""
    async with transaction(database, actor=viewer.actor) as conn:
        await webhook_of(conn, event_id, seller_id=viewer.seller_id)
        event = await get_webhook_event(conn, event_id, is_locked=True)
        if event.state is WebhookEventState.SENDING:
            raise Conflict("An attempt of this event is in flight: cancel it when that has ended.")
        if event.state not in WAITING:
            raise Conflict(f"This event is {event.state.value}: there is nothing to cancel.")
        return await webhook_event_changes.cancel_webhook_event(conn, event_id, CANCELLED_BY_HAND)


async def send_test(
    database: Database, viewer: Viewer, *, webhook_id: WebhookId, entity_id: int, payload: Payload
) -> WebhookEvent:
    """Send one event of the type `<klass>.test`, at once and without retries.

    Args:
        database: The database.
        viewer: The viewer who sends it.
        webhook_id: The webhook.
        entity_id: The entity that the payload is rendered from; 0: there is none.
        payload: The rendered payload.

    Raises:
        NotFound: There is no such webhook, or it is another seller's.
        Conflict: The webhook is disabled.
        TooSoon: The last test was less than 10 s ago.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        webhook = await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
        if not webhook.is_enabled:
            raise Conflict("The webhook is disabled: enable it to test it.")
        if not await webhooks.may_test(conn, webhook_id, every_s=TEST_EVERY_S):
            raise TooSoon(f"A webhook can be tested once in {TEST_EVERY_S} seconds.")
        return await webhook_event_changes.insert_test(
            conn, webhook, entity_id=entity_id, payload=payload, changed=_NOTHING_CHANGED
        )


async def _lock_live(conn: Connection, webhook_id: WebhookId, viewer: Viewer) -> Webhook:
    try:
        return await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
    except NotFound as error:
        raise Conflict("The event's webhook has been deleted.") from error


def _check_replayable(event: WebhookEvent) -> None:
    if event.event_name == TEST:
        raise Conflict("A test is not replayed: send another one with `webhook_test`.")
    if event.state is WebhookEventState.RETRYING:
        return
    if event.state not in REPLAYABLE or (event.state is WebhookEventState.RENDER_FAILED and event.due_at is not None):
        raise Conflict(f"This event is {event.state.value}. {_INSTEAD[event.state]}")
    if event.state is not WebhookEventState.RENDER_FAILED and event.payload_digest is None:
        raise Conflict("What this event told is not kept any more: `webhook_backfill` sends the present state.")
