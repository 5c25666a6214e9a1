"""Job `publish`: change events become webhook events, step by step.

A step is one transaction, so a killed worker leaves nothing behind. It takes what fits into its budget; the rest waits.
"""

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final, NamedTuple

import asyncpg
import structlog

from app.capture import change_events
from app.capture.change_events import ChangeEvent, Lane, Leftover
from app.db.pool import CONFLICTS, Connection, is_outage, transaction
from app.telemetry.metrics import CHANGE_EVENTS_PUBLISHED, CHANGE_EVENTS_SET_ASIDE
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.services.succession import LOOK_AGAIN_S, supersede_recent
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

#: How often a step of a single entity may fail before its change events are set aside.
_MAX_FAILURES: Final = 3
#: The same for failures that ended the connection: most often another cause has ended it, and others with it.
_MAX_LOST_CONNECTIONS: Final = 12
_LOST_CONNECTION: Final = (asyncpg.InterfaceError, asyncpg.PostgresConnectionError)
#: How many conflicts with other transactions in a row are held against nobody.
_MAX_CONFLICTS: Final = 10


class Step(NamedTuple):
    """The result of a step.

    Attributes:
        published: The number of published change events.
        lane: The lane that it worked in.
        is_full: Whether it took as much as a step may take.
        is_more: Whether more waited when it ended. Other publishers may have claimed that.
    """

    published: int
    lane: Lane
    is_full: bool
    is_more: bool


async def publish_all(resources: Resources) -> int:
    """Publish until nothing waits but what other publishers hold. Return the number of published change events."""
    total = 0
    async for step in publish_steps(resources):
        total += step.published
    return total


async def publish_steps(resources: Resources) -> AsyncGenerator[Step, None]:
    """Publish step by step, lane by lane in turns, until nothing waits but what other publishers hold.

    A failed step is tried again with less, down to a single entity. A change that still fails is set aside.

    Raises:
        DatabaseUnavailable: And other errors of a lost connection.
    """
    lane, pace, most = Lane.ORDINARY, resources.pace, resources.settings.publish_batch_size
    conflicts = 0
    while not resources.stopping.is_set():
        try:
            step = await publish_step(resources, limit=pace.limit(most), first_lane=lane, is_careful=pace.is_careful)
        except CONFLICTS as error:
            conflicts += 1
            if conflicts > _MAX_CONFLICTS:
                # This is no accident any more: a trigger may raise the same error each time.
                await _recover(resources, lane, error)
            else:
                _log.warning("publish.repeated", error=repr(error))
                resources.subscriptions.read_all_next()
            continue
        except Exception as error:
            if is_outage(error):
                # It says nothing about what was published.
                raise
            await _recover(resources, lane, error)
            continue
        if step is None:
            return
        pace.succeed()
        conflicts = 0
        lane = Lane((step.lane + 1) % Lane.SET_ASIDE)
        yield step
        if not step.is_more:
            return


async def publish_batch(resources: Resources) -> int:
    """Publish one step. Return the number of published change events; 0 also if it only left some over."""
    step = await publish_step(resources, limit=resources.settings.publish_batch_size)
    return 0 if step is None else step.published


async def publish_step(
    resources: Resources,
    *,
    limit: int,
    first_lane: Lane = Lane.ORDINARY,
    is_careful: bool = False,
    budget: Budget | None = None,
) -> Step | None:
    """Publish the change events that fit into one step.

    After a slow step, newer states take the places of those whose attempts have failed meanwhile.

    Args:
        resources: The resources of the process.
        limit: Change events that are claimed, at most.
        first_lane: The lane that is looked into first.
        is_careful: Whether failures are isolated by savepoints.
        budget: The bounds of the step; None: the usual ones.

    Returns:
        None when nothing waits but what other publishers hold.
    """
    begun_at = time.monotonic()
    async with transaction(resources.database) as conn:
        events = await change_events.claim_batch(conn, limit=limit, first_lane=first_lane)
        if not events:
            return None
        subscriptions = resources.subscriptions
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
        )
        published, leftovers = await _sort_out(conn, selection, publication)
        # Not in the lane of ordinary changes, whose claim would give the destroy first, for ever.
        leftovers += [Leftover(event.id, max(event.lane, Lane.BULK), event.webhook_ids) for event in torn]
        done = {*published, *(one.id for one in leftovers if one.webhook_ids is not None)}
        # Only once: an event that has waited for some webhooks had its follow-ups recorded the first time.
        new = [event for event in events if event.id in done and event.webhook_ids is None]
        await record_follow_ups(conn, subscriptions, new, owners)
        is_more = await change_events.mark_published(conn, published)
        if leftovers:
            await change_events.leave_over(conn, leftovers)
    if time.monotonic() - begun_at > LOOK_AGAIN_S:
        async with transaction(resources.database) as conn:
            await supersede_recent(conn)
    CHANGE_EVENTS_PUBLISHED.inc(len(published))
    _log.info(
        "publish.step", change_events=len(published), webhook_events=len(publication.made), left_over=len(leftovers)
    )
    lane = events[0].claimed_lane
    is_full = len(events) >= limit or len(published) < len(events) or lane is Lane.HEAVY
    return Step(len(published), lane, is_full, is_more)


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


async def _recover(resources: Resources, lane: Lane, error: Exception) -> None:
    """Handle a failed step: make the next one smaller, or set aside a change that fails alone.

    Raises:
        Exception: The error itself, if it ended the connection; then the job starts again.
    """
    pace, most = resources.pace, resources.settings.publish_batch_size
    _log.exception("publish.failed", limit=pace.limit(most), error=repr(error))
    resources.subscriptions.read_all_next()
    pace.fail(most)
    has_lost_connection = isinstance(error, _LOST_CONNECTION)
    if pace.failures >= (_MAX_LOST_CONNECTIONS if has_lost_connection else _MAX_FAILURES):
        await _set_aside(resources, lane, error)
        pace.failures = 0
    elif has_lost_connection:
        raise error


async def _set_aside(resources: Resources, lane: Lane, error: Exception) -> None:
    async with transaction(resources.database) as conn:
        events = await change_events.claim_batch(conn, limit=1, first_lane=lane)
        if not events:
            return
        await change_events.set_aside(conn, [event.id for event in events], _failure(events, error))
    CHANGE_EVENTS_SET_ASIDE.inc(len(events))
    _log.error("publish.set_aside", change_events=[event.id for event in events], error=repr(error))


def _failure(events: Sequence[ChangeEvent], error: Exception) -> str:
    entities: Mapping[Entity, None] = dict.fromkeys(entity_of(event) for event in events)
    named = ", ".join(f"{entity_type} {entity_id}" for entity_type, entity_id in entities)
    return (
        f"A change of {named} could not be published ({type(error).__name__}), and no webhook is told of it."
        " Once the cause is mended, changeEventsRetry has it published."
    )
