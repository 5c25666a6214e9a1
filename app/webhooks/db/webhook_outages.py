"""Outages of endpoints: webhooks that fail for days are disabled, and resumption brings retries forward.

All retries of a webhook when somebody asks for it, and by steps after an outage.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from app.db.pool import Connection, retry_if_moved
from app.webhooks.db.webhook_events import MAX_AT_ONCE, hold_open
from app.webhooks.db.webhooks import WebhookId

#: Events of the first step after an outage; each step has twice as many as the one before, up to MAX_AT_ONCE.
FIRST_STEP: Final = 100
#: Seconds from one step of a webhook to the next, whoever sweeps.
STEP_S: Final = 4.5


class Resumption(NamedTuple):
    """The resumption of one webhook.

    Attributes:
        resumed_at: Events that were attempted before this time are brought forward.
        size: The number of events of the next step; None: MAX_AT_ONCE.
    """

    webhook_id: WebhookId
    resumed_at: datetime
    size: int | None


async def begin_resumption(conn: Connection, webhook_id: WebhookId) -> Resumption:
    """Begin to make all retries of a webhook due, and end its pause. Its caller has locked the webhook."""
    resumed_at = await conn.fetchval(
        "update webhooks set resumed_at = clock_timestamp(), resume_size = null, resume_stepped_at = null,"
        " paused_until = null where id = $1 returning resumed_at",
        webhook_id,
    )
    return Resumption(webhook_id, resumed_at, None)


async def lock_resumed(conn: Connection) -> Resumption | None:
    """Lock the webhook whose next step has been due for longest, unless it is locked. Returns None when there is none.

    Disabled and paused webhooks wait. So does one that fails again, unless somebody has asked for its resumption.
    """
    row = await conn.fetchrow(
        """
        select id, resumed_at, resume_size from webhooks
        where resumed_at is not null and is_enabled and (resume_size is null or not is_failing)
          and (paused_until is null or paused_until <= statement_timestamp())
          and (resume_stepped_at is null or resume_stepped_at <= statement_timestamp() - make_interval(secs => $1))
        order by resume_stepped_at nulls first, id limit 1 for no key update skip locked
        """,
        STEP_S,
    )
    return None if row is None else Resumption(row["id"], row["resumed_at"], row["resume_size"])


async def step_resumption(conn: Connection, resumption: Resumption) -> int:
    """Make the events of the next step due, those first that would be soonest, and end the resumption after the last.

    Each gets one attempt more: it must not use up its attempts sooner when the endpoint comes and goes.

    Returns:
        The number of events that were made due.
    """
    limit = min(resumption.size or MAX_AT_ONCE, MAX_AT_ONCE)
    status = await retry_if_moved(
        conn,
        lambda: conn.execute(
            # By id, in a form that no other index serves: see transitions.RECORD.
            "update webhook_events_open e set due_at = clock_timestamp(), attempts_before = e.attempts_before + 1"
            " where 0 + e.id = any(array(select o.id from webhook_events_open o where +o.webhook_id = $1"
            " and o.is_pulled = (select w.is_pulled from webhooks w where w.id = $1)"
            " and o.state = 'RETRYING' and o.due_at > statement_timestamp() and o.attempted_at < $2"
            " order by o.due_at limit $3 for no key update skip locked)) and e.state || '' = 'RETRYING'",
            resumption.webhook_id,
            resumption.resumed_at,
            limit,
        ),
    )
    moved = int(status.removeprefix("UPDATE "))
    if moved < limit:
        await conn.execute(
            "update webhooks set resumed_at = null, resume_size = null, resume_stepped_at = null where id = $1",
            resumption.webhook_id,
        )
    else:
        await conn.execute(
            "update webhooks set resume_size = $2, resume_stepped_at = clock_timestamp() where id = $1",
            resumption.webhook_id,
            None if resumption.size is None else min(2 * resumption.size, MAX_AT_ONCE),
        )
    return moved


async def disable_webhook(conn: Connection, webhook_id: WebhookId, reason: str) -> bool:
    """Disable a webhook, with the reason that its owner reads, and hold the events that it has not been sent yet.

    Returns:
        False when it was disabled already.
    """
    status = await conn.execute(
        "update webhooks set is_enabled = false, disabled_reason = $2, updated_at = now(),"
        " outage_reported_at = coalesce(outage_reported_at, clock_timestamp()) where id = $1 and is_enabled",
        webhook_id,
        reason,
    )
    await hold_open(conn, webhook_id)
    return bool(status == "UPDATE 1")


async def list_failing(conn: Connection, ids: Collection[WebhookId], *, days: int) -> list[WebhookId]:
    """Return those of these locked webhooks that are enabled and have had no success for so many days; by id."""
    rows = await conn.fetch(
        "select id from webhooks where id = any($1::bigint[]) and is_enabled"
        " and failing_since <= clock_timestamp() - make_interval(days => $2) order by id",
        list(ids),
        days,
    )
    return [row["id"] for row in rows]
