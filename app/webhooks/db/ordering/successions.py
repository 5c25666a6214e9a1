"""Succession, in the tables: a newer event of an entity takes the place of one whose attempt has failed."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import orjson

from app.db.pool import Connection, retry_if_moved
from app.webhooks.db import transitions
from app.webhooks.db.ordering.blocked_events import release_next
from app.webhooks.db.webhook_events import Subject, WebhookEventId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import NewState, WebhookEventState

#: The sweep looks at events that are not older: older ones were seen when the attempt before them failed.
RECENT_S = 15
#: How many of those the sweep looks at. More wait only in a backlog, where each failed attempt looks by itself.
MAX_LOOKED_AT = 2_000


class Succession(NamedTuple):
    """An event that takes the place of older ones, and its new state and content."""

    newer: WebhookEventId
    older: Sequence[WebhookEventId]
    state: NewState
    reason: str | None
    event_name: WebhookEventName
    may_be_known: bool
    changed: bytes


# A webhook that is told of every change gets them all, and a replay is sent whatever is newer.
_OVERTAKEN = """
  cross join lateral (select w.every_change from webhooks w where w.id = e.webhook_id offset 0) w
  cross join lateral (
    select n.id from webhook_events_open n
    where +n.entity_id = e.entity_id and n.entity_type = e.entity_type and 0 + n.webhook_id = e.webhook_id
      and +n.id > e.id
      and n.state in ('PENDING', 'HELD') and n.attempt_count = 0 and n.replayed_at is null and n.event_name <> 'test'
    limit 1
  ) newer
  where e.state = 'RETRYING' and e.replayed_at is null and e.event_name <> 'test' and not w.every_change
"""


async def list_overtaken(conn: Connection, ids: Collection[WebhookEventId]) -> list[Subject]:
    """Return the subjects of these events, as far as they wait for a retry while a newer event of the subject waits."""
    rows = await conn.fetch(
        f"""
        select distinct e.webhook_id, e.entity_type, e.entity_id from unnest($1::bigint[]) given(id)
        cross join lateral (select e.* from webhook_events_open e where 0 + e.id = given.id offset 0) e {_OVERTAKEN}
        """,
        list(ids),
    )
    return [(row["webhook_id"], row["entity_type"], row["entity_id"]) for row in rows]


async def list_recently_overtaken(conn: Connection) -> list[Subject]:
    """Return the same for all events whose newer one was published in the last RECENT_S seconds.

    At most MAX_LOOKED_AT newer events are looked at. When an event is published while the attempt of an older one is
    recorded, neither transaction may see the other's.
    """
    rows = await conn.fetch(
        f"""
        select distinct e.webhook_id, e.entity_type, e.entity_id from (
          select p.webhook_id, p.entity_type, p.entity_id, p.id from webhook_events_open p
          where p.state = 'PENDING' and p.due_at > statement_timestamp() - make_interval(secs => $1)
            and p.due_at <= statement_timestamp() order by p.due_at limit $2
        ) pending
        cross join lateral (
          select o.* from webhook_events_open o
          where +o.entity_id = pending.entity_id and o.entity_type = pending.entity_type
            and 0 + o.webhook_id = pending.webhook_id and +o.id < pending.id
          offset 0
        ) e {_OVERTAKEN}
        """,
        RECENT_S,
        MAX_LOOKED_AT,
    )
    return [(row["webhook_id"], row["entity_type"], row["entity_id"]) for row in rows]


async def lock_unclaimed(conn: Connection, subjects: Sequence[Subject]) -> set[WebhookEventId]:
    """Lock the events that wait for these subjects until the transaction ends, and return their ids.

    Events that somebody else has locked are left out.
    """
    keys = [list(column) for column in zip(*subjects, strict=True)]
    rows = await retry_if_moved(
        conn,
        lambda: conn.fetch(
            f"""
            select e.id from unnest($1::bigint[], $2::text[], $3::bigint[]) k(webhook_id, entity_type, entity_id)
            cross join lateral (
              select o.id, o.state from webhook_events_open o
              where +o.entity_id = k.entity_id and o.entity_type = k.entity_type and 0 + o.webhook_id = k.webhook_id
                and o.state in ({transitions.WAITING_STATES})
              order by +o.id for no key update of o skip locked
            ) e
            """,
            *keys,
        ),
    )
    return {row["id"] for row in rows}


async def store_successions(conn: Connection, successions: Sequence[Succession]) -> None:
    """Mark the older events as superseded, and give each newer one its name and content. Its caller has locked all."""
    newer = {str(old): one.newer for one in successions for old in one.older}
    older = [old for one in successions for old in one.older]
    ended = await conn.fetch(transitions.SUPERSEDE, older, orjson.dumps(newer).decode())
    restated = orjson.dumps({str(one.newer): _as_json(one) for one in successions}).decode()
    changed = await conn.fetch(transitions.RESTATE, [one.newer for one in successions], restated)
    await release_next(conn, [*ended, *(one for one in changed if one["state"] == WebhookEventState.SKIPPED)])


def _as_json(one: Succession) -> dict[str, object]:
    return {
        "state": one.state.value,
        "reason": one.reason,
        "event_name": one.event_name.value.lower(),
        "may_be_known": one.may_be_known,
        "changed": one.changed.decode(),
    }
