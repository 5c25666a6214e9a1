"""Job `publish`: change events become webhook events, step by step.

A step is one transaction, so a killed worker leaves nothing behind. It takes what fits into its budget; the rest waits.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Final

import asyncpg
import structlog

from app.capture import change_events
from app.capture.change_events import ChangeEvent, Lane
from app.db.pool import CONFLICTS, connection, is_outage, transaction
from app.telemetry.metrics import CHANGE_EVENTS_SET_ASIDE
from workers.deliver.job import Deliverer
from workers.publish.match import entity_of
from workers.publish.step import Step, claim_events, publish_step
from workers.publish.subscribing_sellers import Entity
from workers.resources import Resources

_log = structlog.get_logger()

#: How often a step of a single entity may fail before its change events are set aside.
_MAX_FAILURES: Final = 3
#: The same for failures that ended the connection: most often another cause has ended it, and others with it.
_MAX_LOST_CONNECTIONS: Final = 12
_LOST_CONNECTION: Final = (asyncpg.InterfaceError, asyncpg.PostgresConnectionError)
#: How many conflicts with other transactions in a row are held against nobody.
_MAX_CONFLICTS: Final = 10


async def publish_all(resources: Resources, deliverer: Deliverer | None = None) -> int:
    """Publish until nothing waits but what other publishers hold. Return the number of published change events."""
    total = 0
    async for step in publish_steps(resources, deliverer):
        total += step.published
    return total


async def publish_steps(resources: Resources, deliverer: Deliverer | None = None) -> AsyncGenerator[Step, None]:
    """Publish step by step, lane by lane in turns, until nothing waits but what other publishers hold.

    A failed step is tried again with less, down to a single entity. A change that still fails is set aside.

    Args:
        resources: The resources of the process.
        deliverer: Sends at once what it has places for; None: all webhook events are left to claims.

    Raises:
        DatabaseUnavailable: And other errors of a lost connection.
    """
    lane, pace, most = Lane.ORDINARY, resources.pace, resources.settings.publish_batch_size
    conflicts = 0
    while not resources.stopping.is_set():
        try:
            await _raise_floors(resources)
            step = await publish_step(
                resources,
                limit=pace.limit(most),
                first_lane=lane,
                is_careful=pace.is_careful,
                deliverer=deliverer,
            )
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


async def _raise_floors(resources: Resources) -> None:
    """Look for new floors now and then, beside the steps: what a step costs does not depend on the time."""
    if resources.floors.is_look_due:
        async with connection(resources.database) as conn:
            await resources.floors.look(conn)


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
        events = await claim_events(conn, resources, limit=1, first_lane=lane)
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
