"""When an attempt has failed and a newer state of the entity waits, the newer one goes out next.

Publishing supersedes what waits, but not what is in flight at that moment. So this looks again when an attempt ends.
"""

from collections.abc import Collection, Sequence

import orjson
import structlog

from app.db.pool import Connection
from app.webhooks.db import successions
from app.webhooks.db.successions import Succession
from app.webhooks.db.webhook_events import Given, Subject, WebhookEventId, list_given
from workers.publish.deduplication import is_waiting, join_superseded, take_place

_log = structlog.get_logger()


async def supersede_failed(conn: Connection, ids: Collection[WebhookEventId]) -> int:
    """Supersede those of these events that wait for a retry while a newer event of their entity waits.

    In the caller's transaction. What another transaction has locked is left alone: nothing is waited for.
    Returns: how many newer events have taken a place.
    """
    return await _supersede(conn, await successions.list_overtaken(conn, ids)) if ids else 0


async def supersede_recent(conn: Connection) -> int:
    """Do the same for what was published lately, whatever older event it waits for."""
    return await _supersede(conn, await successions.list_recently_overtaken(conn))


async def _supersede(conn: Connection, subjects: Sequence[Subject]) -> int:
    if not subjects:
        return 0
    locked = await successions.lock_unclaimed(conn, subjects)
    # After the lock: a publisher may have added to it, or taken its place, until then.
    given = await list_given(conn, subjects)
    found = [one for before in given.values() if (one := _succession(before, locked))]
    if found:
        await successions.store_successions(conn, found)
    for one in found:
        _log.info("delivery.superseded", webhook_event_id=one.newer, supersedes=list(one.older))
    return len(found)


def _succession(given: Sequence[Given], locked: set[WebhookEventId]) -> Succession | None:
    """Return what becomes of the newest event that waits; None when it has nothing to take the place of.

    Args: given — all that is open of an entity, and what was delivered last; newest first.
    """
    waiting = [one for one in given if is_waiting(one)]
    # One that was attempted keeps its bytes.
    if len(waiting) < 2 or waiting[0].attempt_count or not locked.issuperset(one.id for one in waiting):
        return None
    newest, older = waiting[0], waiting[1:]
    verdict = take_place(newest.event_name, [one for one in given if one.id != newest.id], older)
    return Succession(
        newer=newest.id,
        older=verdict.supersedes,
        state=verdict.state,
        reason=verdict.reason,
        event_name=verdict.event_name,
        may_be_known=verdict.may_be_known,
        changed=orjson.dumps(join_superseded(given, verdict, orjson.loads(newest.changed))),
    )
