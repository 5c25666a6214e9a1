"""After a failed attempt, send the entity's newer state instead of the failed one.

A publisher supersedes the events that wait, but not an event in flight. This looks again when its attempt has ended.
"""

from collections.abc import Collection, Sequence

import orjson
import structlog

from app.db.pool import Connection
from app.webhooks.db.ordering import successions
from app.webhooks.db.ordering.successions import Succession
from app.webhooks.db.webhook_events import PriorEvent, Subject, WebhookEventId, list_given
from app.webhooks.services.deduplication import is_waiting, join_superseded, take_place

_log = structlog.get_logger()

#: A publisher may not have committed the newer state when an older one's failure is stored. So deliverers look again so
#: long later, and a publisher whose step has taken longer looks by itself.
LOOK_AGAIN_S = 0.4


async def supersede_failed(conn: Connection, ids: Collection[WebhookEventId]) -> int:
    """Supersede the given events that wait for a retry while a newer event of their entity waits.

    This runs in the caller's transaction. It skips rows that another transaction has locked, and never waits.

    Returns:
        The number of newer events that have taken an older one's place.
    """
    return await _supersede(conn, await successions.list_overtaken(conn, ids)) if ids else 0


async def supersede_recent(conn: Connection) -> int:
    """Do the same for recently published events that wait behind an older one."""
    return await _supersede(conn, await successions.list_recently_overtaken(conn))


async def _supersede(conn: Connection, subjects: Sequence[Subject]) -> int:
    if not subjects:
        return 0
    locked = await successions.lock_unclaimed(conn, subjects)
    # Read after the lock: until then a publisher may have added events, or superseded some.
    prior = await list_given(conn, subjects)
    found = [one for before in prior.values() if (one := _succession(before, locked))]
    if found:
        await successions.store_successions(conn, found)
    for one in found:
        _log.info("delivery.superseded", webhook_event_id=one.newer, supersedes=list(one.older))
    return len(found)


def _succession(prior: Sequence[PriorEvent], locked: set[WebhookEventId]) -> Succession | None:
    """Return what becomes of the newest waiting event.

    Args:
        prior: The open events of an entity and the one that was delivered last, newest first.
        locked: The events that this transaction has locked.

    Returns:
        None when there is no older event whose place it could take.
    """
    waiting = [one for one in prior if is_waiting(one)]
    # An event that was attempted keeps its bytes.
    if len(waiting) < 2 or waiting[0].attempt_count or not locked.issuperset(one.id for one in waiting):
        return None
    newest, older = waiting[0], waiting[1:]
    verdict = take_place(newest.event_name, [one for one in prior if one.id != newest.id], older)
    return Succession(
        newer=newest.id,
        older=verdict.supersedes,
        state=verdict.state,
        reason=verdict.reason,
        event_name=verdict.event_name,
        may_be_known=verdict.may_be_known,
        changed=orjson.dumps(join_superseded(prior, verdict, orjson.loads(newest.changed))),
    )
