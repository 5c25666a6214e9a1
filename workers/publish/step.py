"""One step of publishing: one transaction, which takes what fits into its budget and leaves the rest over."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

from app.capture import change_events
from app.capture.change_events import ChangeEvent, Lane, Leftover
from app.db.pool import Connection, transaction
from app.telemetry.metrics import CHANGE_EVENTS_PUBLISHED
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.services.succession import LOOK_AGAIN_S, supersede_recent
from workers.deliver.handover import Handover
from workers.deliver.job import Deliverer
from workers.publish.budget import Budget
from workers.publish.match import Match, entity_of
from workers.publish.missed import record_missed_by
from workers.publish.publication import Publication, publish_matches
from workers.publish.render import HEAVY_BYTES, mean_bytes
from workers.publish.selection import Selection, concerns, select
from workers.publish.sibling_changes import record_follow_ups
from workers.publish.subscribing_sellers import Entity, concerns_sellers, has_left, list_owners
from workers.publish.subscriptions import Subscriptions
from workers.resources import Resources

_log = structlog.get_logger()


class Step(NamedTuple):
    """The result of a step.

    Attributes:
        published: The number of published change events.
        made: The number of webhook events that were made of them.
        left_over: The number of change events that wait for another step.
        lane: The lane that it worked in.
        is_full: Whether it took as much as a step may take.
        is_more: Whether more waited when it ended. Other publishers may have claimed that.
        is_due: Whether it made webhook events that a claim has to find.
    """

    published: int
    made: int
    left_over: int
    lane: Lane
    is_full: bool
    is_more: bool
    is_due: bool


async def publish_step(
    resources: Resources,
    *,
    limit: int,
    first_lane: Lane = Lane.ORDINARY,
    is_careful: bool = False,
    budget: Budget | None = None,
    deliverer: Deliverer | None = None,
) -> Step | None:
    """Publish the change events that fit into one step.

    After a slow step, newer states take the places of those whose attempts have failed meanwhile.

    Args:
        resources: The resources of the process.
        limit: Change events that are claimed, at most.
        first_lane: The lane that is looked into first.
        is_careful: Whether failures are isolated by savepoints.
        budget: The bounds of the step; None: the usual ones.
        deliverer: Sends at once what it has places for; None: all webhook events are left to claims.

    Returns:
        None when nothing waits but what other publishers hold.
    """
    begun_at = time.monotonic()
    with contextlib.nullcontext() if deliverer is None else deliverer.handing_over() as handover:
        async with transaction(resources.database) as conn:
            events = await claim_events(conn, resources, limit=limit, first_lane=first_lane)
            if not events:
                return None
            step = await _publish(
                conn, resources, events, limit=limit, is_careful=is_careful, budget=budget, handover=handover
            )
        if handover is not None:
            handover.send()
    if time.monotonic() - begun_at > LOOK_AGAIN_S:
        async with transaction(resources.database) as conn:
            await supersede_recent(conn)
    if step.left_over:
        resources.floors.has_left_over = True
    CHANGE_EVENTS_PUBLISHED.inc(step.published)
    _log.info("publish.step", change_events=step.published, webhook_events=step.made, left_over=step.left_over)
    return step


async def claim_events(conn: Connection, resources: Resources, *, limit: int, first_lane: Lane) -> list[ChangeEvent]:
    """Claim change events for the caller's transaction: see `change_events.claim_batch`."""
    return await change_events.claim_batch(
        conn,
        limit=limit,
        first_lane=first_lane,
        floors=resources.floors.turns,
        webhooks_known=resources.subscriptions.horizon,
    )


async def _publish(
    conn: Connection,
    resources: Resources,
    events: Sequence[ChangeEvent],
    *,
    limit: int,
    is_careful: bool,
    budget: Budget | None,
    handover: Handover | None,
) -> Step:
    """Publish claimed change events in the transaction of their claim."""
    subscriptions = resources.subscriptions
    # Usually none has changed, which saves each step a round trip.
    if not subscriptions.horizon.xid or any(event.has_new_webhooks for event in events):
        await subscriptions.refresh(conn)
    owners = await list_owners(conn, subscriptions, events)
    torn = await _list_torn(conn, subscriptions, events, owners)
    selection = await select(subscriptions, [event for event in events if event not in torn], owners)
    await record_missed_by(conn, selection)
    is_mixed = len(selection.taken) + len(selection.heavy) > 1 and events[0].claimed_lane is not Lane.HEAVY
    publication = await publish_matches(
        conn,
        resources,
        selection.matches,
        selection.unrendered,
        budget=budget,
        is_careful=is_careful,
        leaves_heavy=is_mixed,
        handover=handover,
    )
    published, leftovers = await _sort_out(conn, selection, publication)
    # Not in the lane of ordinary changes, whose claim would give the destroy first, for ever.
    leftovers += [Leftover(event.id, max(event.lane, Lane.BULK), event.webhook_ids) for event in torn]
    done = {*published, *(one.id for one in leftovers if one.webhook_ids is not None)}
    # Only once: an event that has waited for some webhooks had its follow-ups recorded the first time.
    new = [event for event in events if event.id in done and event.webhook_ids is None]
    await record_follow_ups(conn, subscriptions, new, owners)
    is_more = await change_events.mark_published(conn, published, floor=resources.floors.lowest)
    if leftovers:
        await change_events.leave_over(conn, leftovers)
    lane = events[0].claimed_lane
    pending = sum(event.state is WebhookEventState.PENDING for event in publication.made)
    return Step(
        published=len(published),
        made=len(publication.made),
        left_over=len(leftovers),
        lane=lane,
        is_full=len(events) >= limit or len(published) < len(events) or lane is Lane.HEAVY,
        is_more=is_more or bool(leftovers),
        is_due=pending > (0 if handover is None else handover.taken),
    )


async def _sort_out(
    conn: Connection, selection: Selection, publication: Publication
) -> tuple[list[int], list[Leftover]]:
    """Return the change events that are published now, and how the others wait."""
    published: list[int] = []
    leftovers = [
        Leftover(event.id, Lane.HEAVY, event.webhook_ids) for events in selection.heavy.values() for event in events
    ]
    left = _webhooks_of(publication.left)
    absent = await _awaiting_destroy(conn, selection, publication.absent)
    heavy = {_entity(match) for match in publication.left if (mean_bytes(match.query) or 0) > HEAVY_BYTES}
    for entity, events in selection.taken.items():
        webhooks = left.get(entity, set()) | absent.get(entity, set())
        for event in events:
            if remaining := frozenset(one for one in webhooks if concerns(event, one)):
                lane = max(event.lane, Lane.HEAVY if entity in heavy else Lane.BULK)
                leftovers.append(Leftover(event.id, lane, remaining))
            else:
                published.append(event.id)
    return published, leftovers


async def _list_torn(
    conn: Connection,
    subscriptions: Subscriptions,
    events: Sequence[ChangeEvent],
    owners: Mapping[Entity, Sequence[int]],
) -> list[ChangeEvent]:
    """Return the changes of entities that have come to a seller, and were deleted before that seller was looked up.

    They were created, or have left another seller. They wait for the destroy, which names the seller: it would be told
    of the end alone.
    """
    come = {entity_of(event) for event in events if _comes_to_seller(subscriptions, event)} - owners.keys()
    if not come:
        return []
    # Events of one entity come oldest first.
    last = {entity_of(event): event.id for event in events if entity_of(event) in come}
    waiting = await change_events.list_destroyed_since(conn, last)
    return [event for event in events if entity_of(event) in waiting]


def _comes_to_seller(subscriptions: Subscriptions, event: ChangeEvent) -> bool:
    is_created = event.operation is WebhookEventName.CREATE and concerns_sellers(subscriptions, event.entity_type)
    return is_created or has_left(event)


async def _awaiting_destroy(
    conn: Connection, selection: Selection, absent: Sequence[Match]
) -> dict[Entity, set[WebhookId]]:
    """Return the webhooks of each entity that was deleted before it was rendered and whose destroy already waits.

    Their changes wait for that destroy: an entity that was created and destroyed is not reported at all.
    """
    webhooks = _webhooks_of(absent)
    if not webhooks:
        return {}
    last = {entity: max(event.id for event in selection.taken[entity]) for entity in webhooks}
    waiting = await change_events.list_destroyed_since(conn, last)
    return {entity: of_entity for entity, of_entity in webhooks.items() if entity in waiting}


def _webhooks_of(matches: Sequence[Match]) -> dict[Entity, set[WebhookId]]:
    found: dict[Entity, set[WebhookId]] = {}
    for match in matches:
        found.setdefault(_entity(match), set()).add(match.webhook.id)
    return found


def _entity(match: Match) -> Entity:
    return match.change.entity_type, match.change.entity_id
