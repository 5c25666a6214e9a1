"""Cron `sweep`: every 5 s, find work that a killed worker, a lost doorbell or a flushed Redis left behind."""

from typing import Final

import structlog

from app.capture import missed_changes
from app.db.pool import connection, transaction
from app.errors import DatabaseUnavailable, TellgraphError
from app.telemetry.metrics import CATCHING_UP, HELD_EVENTS, OVERDUE_SECONDS, UNPUBLISHED_SECONDS, UNWELL
from app.webhooks.db import deliveries, webhook_event_changes
from app.webhooks.db.backlog import count_unwell, read_backlog
from app.webhooks.db.operational_events import raise_failing
from app.webhooks.db.ordering import blocked_events
from app.webhooks.db.ordering.blocked_events import Place
from app.webhooks.db.webhook_events import MAX_AT_ONCE
from app.webhooks.db.webhook_outages import lock_resumed, step_resumption
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.services.messages import settle_expired
from app.webhooks.services.succession import supersede_failed, supersede_recent
from app.webhooks.services.webhook_deletions import delete_abandoned
from app.webhooks.services.webhook_secrets import drop_expired
from workers.resources import Resources
from workers.upkeep.due_changes import make_due_changes
from workers.upkeep.purges import erase_purged
from workers.upkeep.reconcile import start_due

_log = structlog.get_logger()
#: Seconds between two counts of webhooks and held events, each of which may read 100,000 rows.
COUNT_EVERY_S: Final = 30


async def sweep_all(resources: Resources) -> int:
    """Release events that were claimed or taken and never recorded. Return how many that were.

    The sweep also does the following:

    - It lets newer states take the place of failed ones.
    - It sets blocked events aside, so that no claim looks at them.
    - It holds or releases events that were overlooked when a webhook was disabled or enabled.
    - It brings retries forward after an outage.
    - It reports webhooks that begin to fail.
    - It makes the changes of the marketplace that are due.
    - It erases stored bodies that show data of purged orders.
    - It starts reconciles that are due, and notes which ones receivers have confirmed.
    - It deletes missed changes that no webhook needs, and signing secrets that have expired.
    - It deletes temporary webhooks that nobody asks for messages any more.
    """
    async with transaction(resources.database) as conn:
        expired = await deliveries.release_expired(conn)
        await supersede_failed(conn, expired)
    untaken = await settle_expired(resources.database)
    async with transaction(resources.database) as conn:
        await supersede_recent(conn)
    await _set_aside_blocked(resources)
    async with transaction(resources.database) as conn:
        await webhook_event_changes.hold_overlooked(conn)
        await webhook_event_changes.release_overlooked(conn)
    await _resume_webhooks(resources)
    async with transaction(resources.database) as conn:
        for webhook_id in await raise_failing(conn, after_s=resources.settings.failing_after_s):
            _log.warning("sweep.webhook_failing", webhook_id=webhook_id)
    await start_due(resources)
    await _clear_missed(resources)
    await _drop_secrets(resources)
    async with transaction(resources.database) as conn:
        for webhook_id in await delete_abandoned(conn):
            _log.info("sweep.webhook_abandoned", webhook_id=webhook_id)
    await make_due_changes(resources)
    await erase_purged(resources)
    await _measure_backlog(resources)
    if expired:
        _log.warning("sweep.leases_expired", webhook_events=len(expired))
    return len(expired) + untaken


async def _clear_missed(resources: Resources) -> None:
    """Delete missed changes that no webhook needs, in chunks, so that no publisher waits for long."""
    types = {klass.entity_type: klass.value for klass in WebhookKlass}
    while not resources.stopping.is_set():
        async with transaction(resources.database) as conn:
            if not await missed_changes.clear_missed(conn, types):
                return


async def _set_aside_blocked(resources: Resources) -> None:
    """Set blocked events aside, by steps, from where the last sweep has ended; and make due what was forgotten.

    It ends after one round of all webhooks in which little was found, or after MAX_AT_ONCE events.
    """
    looked_at = in_round = 0
    while looked_at < MAX_AT_ONCE and not resources.stopping.is_set():
        async with transaction(resources.database) as conn:
            step = await blocked_events.set_aside_blocked(conn, resources.blocked_place)
        resources.blocked_place = step.place or Place()
        looked_at += step.looked_at
        in_round += step.set_aside
        if step.place is None:
            if in_round < blocked_events.PER_WEBHOOK:
                break
            in_round = 0
    async with transaction(resources.database) as conn:
        if forgotten := await blocked_events.release_forgotten(conn):
            _log.warning("sweep.blocked_released", webhook_events=forgotten)


async def _resume_webhooks(resources: Resources) -> None:
    """Bring retries forward, one step per webhook in turn, until MAX_AT_ONCE events are due."""
    total = 0
    while total < MAX_AT_ONCE and not resources.stopping.is_set():
        async with transaction(resources.database) as conn:
            resumption = await lock_resumed(conn)
            if resumption is None:
                return
            moved = await step_resumption(conn, resumption)
        total += moved
        _log.info("sweep.webhook_resumed", webhook_id=resumption.webhook_id, webhook_events=moved)


async def _measure_backlog(resources: Resources) -> None:
    if resources.settings.metrics_port is None:
        return
    async with connection(resources.database) as conn:
        backlog = await read_backlog(conn)
        counts = await count_unwell(conn) if resources.is_to_count(every_s=COUNT_EVERY_S) else None
    UNPUBLISHED_SECONDS.set(backlog.unpublished_s)
    OVERDUE_SECONDS.set(backlog.overdue_s)
    CATCHING_UP.set(backlog.catching_up)
    if counts is not None:
        HELD_EVENTS.set(counts.held)
        for health, number in counts.unwell.items():
            UNWELL.labels(health).set(number)


async def _drop_secrets(resources: Resources) -> None:
    try:
        async with transaction(resources.database) as conn:
            if dropped := await drop_expired(conn, resources.settings):
                _log.info("sweep.secrets_dropped", webhooks=dropped)
    except DatabaseUnavailable:
        raise
    except TellgraphError as error:
        # A wrong secret key stops deliveries as well. The rest of the sweep must go on.
        _log.error("sweep.secrets_not_dropped", error=error.message)
