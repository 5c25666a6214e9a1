"""Reconciles: runs that compare what a webhook was last given with the present state, and send what differs.

`webhooks.in_sync_as_of` is a time T with this meaning: for each entity, the receiver has confirmed the state of some
moment at or after T. It is the `started_at` of the last reconcile of everything that is confirmed:

1. Each entity that the owner saw at T, and each that the webhook was given, was compared after T. So was what had been
   committed by T, because T is the start of the transaction that fixed the ids.
2. Each comparison found that the receiver had confirmed the same result, or that an open event holds it, or it made an
   event. All these events have ids from `first_event_id` to `last_event_id`.
3. The reconcile is confirmed once no event of these ids is open, and each one that was superseded led to an event that
   is closed. If one of them has failed or was cancelled, or if a query could not be run, the reconcile is never
   confirmed, and the next one tells.

A change of the query, the filter, the kinds of events or the URL voids the time and the reconciles before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import Table, Through
from app.webhooks.db import transitions
from app.webhooks.db.runs.run_table import RunTable
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import WEBHOOKS, Webhook, WebhookId
from app.webhooks.domain.webhook_event import OPEN, WebhookEventState
from app.webhooks.domain.webhook_run import WebhookRunState

WebhookReconcileId = NewType("WebhookReconcileId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReconcile:
    """A reconcile of one webhook.

    Attributes:
        reason: Why it failed, or what it waits for.
        entity_ids: The entities that are sent again, rising; None: everything is compared.
        total: The number of entities; None until the first batch, as is `last_id`.
        position: The id of the last entity that was handled.
        sent: The number of events that it has made.
        failed: The number of entities whose query could not be run.
        confirmed_at: When everything had been confirmed by the receiver; None: it has not, or it is not known.
    """

    id: WebhookReconcileId
    webhook_id: WebhookId
    state: WebhookRunState
    reason: str | None
    entity_ids: tuple[int, ...] | None
    is_scheduled: bool
    rate_per_second: int
    total: int | None
    last_id: int | None
    position: int
    done: int
    sent: int
    failed: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    confirmed_at: datetime | None


WEBHOOK_RECONCILES = Table(
    "webhook_reconciles",
    WebhookReconcile,
    seen_by=Through("webhook_id"),
    keys={"webhook_id": WEBHOOKS},
)
RUNS = RunTable(WEBHOOK_RECONCILES, noun="reconcile")
#: The condition of a reconcile that compares everything.
OF_EVERYTHING = "entity_ids is null"
#: Attributes of a webhook by which it is decided what its receiver has, and who that is.
_OF_COPY = ("query_string", "filter", "event_names", "url")


async def advance(
    conn: Connection,
    reconcile_id: WebhookReconcileId,
    *,
    position: int,
    done: int,
    sent: int,
    failed: int,
    awaited: Sequence[WebhookEventId],
    wait_s: float,
    reason: str | None,
) -> None:
    """Note a batch, and when the next one is due: by the rate, and after `wait_s` at least.

    Args:
        awaited: The open events that the receiver has to confirm.
        reason: What the reconcile waits for; None: nothing unusual.
    """
    await conn.execute(
        "update webhook_reconciles set position = $2, done = done + $3, sent = sent + $4, failed = failed + $5,"
        " first_event_id = least(first_event_id, $6), last_event_id = greatest(last_event_id, $7),"
        " due_at = greatest(clock_timestamp() + make_interval(secs => $8),"
        " greatest(due_at, clock_timestamp() - interval '1 s') + make_interval(secs => $3::float8 / rate_per_second)),"
        " reason = $9 where id = $1",
        reconcile_id,
        position,
        done,
        sent,
        failed,
        min(awaited, default=None),
        max(awaited, default=None),
        wait_s,
        reason,
    )


async def count_waiting(conn: Connection, webhook_id: WebhookId, *, limit: int) -> int:
    """Count the webhook's events whose turn has come, up to `limit`."""
    return int(
        await conn.fetchval(
            "select count(*) from (select from webhook_events_open where +webhook_id = $1"
            " and is_pulled = (select w.is_pulled from webhooks w where w.id = $1)"
            f" and state in ({transitions.DUE_STATES}) and due_at <= statement_timestamp() limit $2) e",
            webhook_id,
            limit,
        )
    )


async def start_scheduled(conn: Connection, *, rate_per_second: int) -> list[WebhookId]:
    """Start the reconciles that are due by their webhook's `reconcile_every_hours`. Returns the webhooks.

    None is started while the one before runs, or while the receiver has not confirmed all that it made: comparing does
    not help a receiver that is behind.
    """
    rows = await conn.fetch(
        f"""
        with due as (
          select w.id, w.reconcile_every_hours from webhooks w
          where w.is_enabled and w.reconcile_due_at <= statement_timestamp() and not exists (
            select from webhook_reconciles r where r.webhook_id = w.id and r.{OF_EVERYTHING} and (r.state = 'RUNNING'
              or r.state = 'DONE' and r.confirmed_at is null and not r.is_void))
          order by w.reconcile_due_at limit 100 for no key update skip locked
        ), moved as (
          update webhooks w set reconcile_due_at = clock_timestamp() + make_interval(hours => w.reconcile_every_hours)
          where w.id = any(array(select id from due))
        )
        insert into webhook_reconciles (webhook_id, is_scheduled, rate_per_second) select id, true, $1 from due
        returning webhook_id
        """,
        rate_per_second,
    )
    return [row["webhook_id"] for row in rows]


async def finish(conn: Connection, reconcile: WebhookReconcile) -> None:
    """End a reconcile that has handled everything. It takes the place of earlier ones that are not confirmed yet."""
    await conn.execute(
        "update webhook_reconciles set is_void = true where webhook_id = $1 and id < $2 and state = 'DONE'"
        " and confirmed_at is null and not is_void and (entity_ids is null) = $3",
        reconcile.webhook_id,
        reconcile.id,
        reconcile.entity_ids is None,
    )
    await RUNS.finish(conn, reconcile.id, WebhookRunState.DONE)
    await conn.execute("update webhook_reconciles set is_void = true where id = $1 and failed > 0", reconcile.id)


async def void_changed(conn: Connection, before: Webhook, webhook: Webhook) -> Webhook:
    """Void what is known of the receiver, if the webhook sends something else now, or to another receiver."""
    if all(getattr(webhook, name) == getattr(before, name) for name in _OF_COPY):
        return webhook
    await conn.execute(
        "update webhooks set in_sync_as_of = null where id = $1 and in_sync_as_of is not null", webhook.id
    )
    await conn.execute(
        "update webhook_reconciles set is_void = true where webhook_id = $1 and confirmed_at is null and not is_void",
        webhook.id,
    )
    return replace(webhook, in_sync_as_of=None)


#: Closed without having been confirmed.
_UNCONFIRMED = transitions.sql_states(
    (WebhookEventState.FAILED, WebhookEventState.CANCELLED, WebhookEventState.RENDER_FAILED)
)
_OPEN = transitions.sql_states(OPEN)

#: $1 webhook, $2 and $3 the first and last event. The cheap question comes first: it is asked every few seconds.
_IS_OPEN = """
select exists (select from webhook_events_open where webhook_id = $1 and id between $2 and $3 and event_name <> 'test')
"""
_OUTCOME = f"""
with recursive awaited as (
  select e.state, e.superseded_by from webhook_events_closed e
  where e.webhook_id = $1 and e.id between $2 and $3 and e.event_name <> 'test'
    and (e.state in ({_UNCONFIRMED}) or e.state = 'SUPERSEDED' and e.superseded_by > $3)
  union
  select n.state, n.superseded_by from awaited a join webhook_events n on n.id = a.superseded_by
)
select coalesce(bool_or(state in ({_OPEN})), false) as is_open, coalesce(bool_or(state in ({_UNCONFIRMED})), false)
  as has_failed from awaited
"""


async def confirm_finished(conn: Connection, *, limit: int) -> int:
    """Note which finished reconciles the receiver has confirmed by now. Returns how many.

    A reconcile that others have locked is left for the next time.
    """
    rows = await conn.fetch(
        "select id, webhook_id, first_event_id, last_event_id, started_at, entity_ids is null as is_full"
        " from webhook_reconciles where state = 'DONE' and confirmed_at is null and not is_void"
        " order by id limit $1 for no key update skip locked",
        limit,
    )
    confirmed = 0
    for row in rows:
        span = row["webhook_id"], row["first_event_id"], row["last_event_id"]
        has_failed = False
        if row["first_event_id"] is not None:
            if await conn.fetchval(_IS_OPEN, *span):
                continue
            outcome = await conn.fetchrow(_OUTCOME, *span)
            assert outcome is not None
            has_failed = outcome["has_failed"]
            if outcome["is_open"] and not has_failed:
                continue
        await conn.execute(
            "update webhook_reconciles set is_void = $2, confirmed_at = case when not $2 then clock_timestamp() end"
            " where id = $1",
            row["id"],
            has_failed,
        )
        if row["is_full"] and not has_failed:
            await conn.execute(
                "update webhooks set in_sync_as_of = greatest(in_sync_as_of, $2) where id = $1",
                row["webhook_id"],
                row["started_at"],
            )
        confirmed += not has_failed
    return confirmed
