"""A newer event of an entity takes the place of one whose attempt has failed, in the tables."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

import orjson

from app.db.pool import Connection, retry_if_moved
from app.webhooks.db.webhook_events import Subject, WebhookEventId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState

#: The sweep looks at what was published so lately: anything older was seen when the attempt before it failed.
RECENT_S = 15
#: So many of those at most: more wait in a backlog, where an attempt that fails looks by itself.
MAX_LOOKED_AT = 2_000


class Succession(NamedTuple):
    """One event, what becomes of it, and those whose place it takes."""

    newer: WebhookEventId
    older: Sequence[WebhookEventId]
    state: WebhookEventState
    reason: str | None
    event_name: WebhookEventName
    may_be_known: bool
    changed: bytes


# Of a webhook that is told of every change, nothing gives way; nor does what somebody has asked for.
_OVERTAKEN = """
  cross join lateral (select w.every_change from webhooks w where w.id = e.webhook_id offset 0) w
  cross join lateral (
    select n.id from webhook_events_open n
    where n.webhook_id = e.webhook_id and n.entity_type = e.entity_type and n.entity_id = e.entity_id and n.id > e.id
      and n.state in ('PENDING', 'HELD') and n.attempt_count = 0 and n.replayed_at is null and n.event_name <> 'test'
    limit 1
  ) newer
  where e.state = 'RETRYING' and e.replayed_at is null and e.event_name <> 'test' and not w.every_change
"""


async def list_overtaken(conn: Connection, ids: Collection[WebhookEventId]) -> list[Subject]:
    """Return the webhook and entity of those of these events that wait for a retry while a newer event waits."""
    rows = await conn.fetch(
        f"""
        select distinct e.webhook_id, e.entity_type, e.entity_id from unnest($1::bigint[]) given(id)
        cross join lateral (select e.* from webhook_events_open e where e.id = given.id offset 0) e {_OVERTAKEN}
        """,
        list(ids),
    )
    return [(row["webhook_id"], row["entity_type"], row["entity_id"]) for row in rows]


async def list_recently_overtaken(conn: Connection) -> list[Subject]:
    """Return the same for all events, as far as the newer one was published in the last seconds; of MAX_LOOKED_AT.

    An event that is published while an attempt of an older one is recorded may be seen by neither transaction.
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
          where o.webhook_id = pending.webhook_id and o.entity_type = pending.entity_type
            and o.entity_id = pending.entity_id and o.id < pending.id
          offset 0
        ) e {_OVERTAKEN}
        """,
        RECENT_S,
        MAX_LOOKED_AT,
    )
    return [(row["webhook_id"], row["entity_type"], row["entity_id"]) for row in rows]


async def lock_unclaimed(conn: Connection, subjects: Sequence[Subject]) -> set[WebhookEventId]:
    """Lock what waits for these until the transaction ends, as far as nobody else has locked it. Returns its ids."""
    keys = [list(column) for column in zip(*subjects, strict=True)]
    rows = await retry_if_moved(
        conn,
        lambda: conn.fetch(
            """
            select e.id from unnest($1::bigint[], $2::text[], $3::bigint[]) k(webhook_id, entity_type, entity_id)
            cross join lateral (
              select o.id, o.state from webhook_events_open o
              where o.webhook_id = k.webhook_id and o.entity_type = k.entity_type and o.entity_id = k.entity_id
                and o.state in ('PENDING', 'RETRYING', 'HELD')
              order by o.id for no key update of o skip locked
            ) e
            """,
            *keys,
        ),
    )
    return {row["id"] for row in rows}


async def store_successions(conn: Connection, successions: Sequence[Succession]) -> None:
    """Mark what is superseded, and give each newer event its name and what it says. Its caller has locked them all."""
    newer = {str(old): one.newer for one in successions for old in one.older}
    await conn.execute(
        """
        update webhook_events e set state = 'SUPERSEDED', due_at = null, finished_at = clock_timestamp(),
          superseded_by = ((select $2::text::jsonb) ->> e.id::text)::bigint,
          reason = 'A newer state of the entity goes out in its place.'
        where e.id = any($1::bigint[]) and e.state in ('PENDING', 'RETRYING', 'HELD')
        """,
        [old for one in successions for old in one.older],
        orjson.dumps(newer).decode(),
    )
    await conn.execute(
        f"""
        update webhook_events e set state = case when {_told("state")} = 'SKIPPED' then 'SKIPPED' else e.state end,
          reason = coalesce({_told("reason")}, e.reason), event_name = {_told("event_name")},
          may_be_known = {_told("may_be_known")}::boolean, changed = {_told("changed")}::jsonb,
          due_at = case when {_told("state")} <> 'SKIPPED' then e.due_at end,
          finished_at = case when {_told("state")} = 'SKIPPED' then clock_timestamp() end
        where e.id = any($1::bigint[]) and e.state in ('PENDING', 'HELD')
        """,
        [one.newer for one in successions],
        orjson.dumps({str(one.newer): _as_json(one) for one in successions}).decode(),
    )


def _told(name: str) -> str:
    """What is told of the event `e`, from the JSON object $2.

    By its key and not by a join, which compares each event with each when it was planned for few. In a SELECT, the text
    is read once and not for each event.
    """
    return f"((select $2::text::jsonb) -> e.id::text ->> '{name}')"


def _as_json(one: Succession) -> dict[str, object]:
    return {
        "state": one.state.value,
        "reason": one.reason,
        "event_name": one.event_name.value.lower(),
        "may_be_known": one.may_be_known,
        "changed": one.changed.decode(),
    }
