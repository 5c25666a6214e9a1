"""Blocked events: those that wait behind an older open event of their entity, and may not be sent before it.

A claim looks at everything that is due, and leaves out what is blocked. That is the cheapest way for an event which is
blocked for a moment. Behind an endpoint that fails, though, a hundred thousand may be blocked for hours, and each claim
would look at all of them. So the sweep sets them aside: a blocked event gets no due time, and the entity's first open
event is marked (`blocks_others`). Whoever ends a marked event makes the next one due.

Both are locked while an event is set aside. So the first one can't end unmarked, and what is set aside has an older
open event that is marked. A process that dies between the end of an event and `release_next` breaks that; the sweep
finds what it has left (`release_forgotten`). Tests stand outside of the order.
"""

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from app.db.pool import Connection, Record, retry_if_moved
from app.webhooks.db.transitions import DUE_STATES, OPEN_STATES
from app.webhooks.db.webhooks import WebhookId

#: An event that has been due for less is left alone: most blocked ones are free again, or superseded, by then.
BLOCKED_S: Final = 5.0
#: How many due events of a webhook one step looks at. A claim reads no further when it finds enough among these.
PER_WEBHOOK: Final = 500
#: How many events of all webhooks one step looks at. What it sets aside is locked until it ends, and so are those that
#: go first.
MAX_LOOKED_AT: Final = 2_000
_CHECKED: Final = 1_000


class Place(NamedTuple):
    """The webhook at which a step ended, in the order of the index of due events. The next step goes on behind it."""

    is_pulled: bool = False
    webhook_id: WebhookId = WebhookId(0)


class Step(NamedTuple):
    """The result of a step.

    Attributes:
        looked_at: The number of due events that it looked at.
        set_aside: The number of those that it set aside.
        place: The last webhook that it looked at; None: there is none behind it.
    """

    looked_at: int
    set_aside: int
    place: Place | None


_FIND: Final = f"""
with recursive walk as (
  (select e.is_pulled, e.webhook_id, e.due_at from webhook_events_open e
   where e.state in ({DUE_STATES}) and (e.is_pulled, +e.webhook_id) > ($1::boolean, $2::bigint)
   order by e.is_pulled, +e.webhook_id, e.due_at limit 1)
  union all
  select next.is_pulled, next.webhook_id, next.due_at from walk cross join lateral (
    select e.is_pulled, e.webhook_id, e.due_at from webhook_events_open e
    where e.state in ({DUE_STATES}) and (e.is_pulled, +e.webhook_id) > (walk.is_pulled, walk.webhook_id)
    order by e.is_pulled, +e.webhook_id, e.due_at limit 1) next
), claimable as (
  select walk.is_pulled, walk.webhook_id from walk
  cross join lateral (select w.is_enabled, w.paused_until from webhooks w where w.id = walk.webhook_id offset 0) w
  where walk.due_at <= statement_timestamp() - make_interval(secs => $3)
    and w.is_enabled and (w.paused_until is null or w.paused_until <= statement_timestamp())
), due as materialized (
  select e.* from claimable c cross join lateral (
    select e.id, e.is_pulled, e.webhook_id, e.entity_type, e.entity_id, e.event_name from webhook_events_open e
    where e.is_pulled = c.is_pulled and +e.webhook_id = c.webhook_id and e.state in ({DUE_STATES})
      and e.due_at <= statement_timestamp() - make_interval(secs => $3)
    order by e.due_at, +e.id limit $4
  ) e limit $5
)
select e.is_pulled, e.webhook_id, count(*) as looked_at,
  array_agg(e.id) filter (where first.id is not null) as blocked,
  array_agg(first.id) filter (where first.id is not null) as first
from due e left join lateral (
  select o.id from webhook_events_open o
  where e.event_name <> 'test' and +o.entity_id = e.entity_id and o.entity_type = e.entity_type
    and 0 + o.webhook_id = e.webhook_id and +o.id < e.id and o.event_name <> 'test'
  order by +o.id limit 1
) first on true group by 1, 2 order by 1, 2
"""

_LOCK: Final = f"""
select id from webhook_events_open where 0 + id = any($1::bigint[]) and state in ({OPEN_STATES})
order by id for no key update skip locked
"""

#: $1 the blocked events, $2 the first ones of their entities. A first one may itself have got no due time before: then
#: an older event of its entity was sent again. It keeps what it has.
_SET_ASIDE: Final = f"""
update webhook_events_open set
  due_at = case when id = any($1::bigint[]) and state in ({DUE_STATES}) then null else due_at end,
  blocks_others = blocks_others or id = any($2::bigint[])
where 0 + id = any($1::bigint[] || $2::bigint[])
"""


async def set_aside_blocked(conn: Connection, place: Place, *, blocked_s: float = BLOCKED_S) -> Step:
    """Set aside some of the events that have been due for so long, and are blocked; of the webhooks behind `place`.

    Events that are locked elsewhere are left for the next time. Call it in a transaction of its own.
    """
    found = await conn.fetch(_FIND, *place, blocked_s, PER_WEBHOOK, MAX_LOOKED_AT)
    if not found:
        return Step(looked_at=0, set_aside=0, place=None)
    pairs = [pair for row in found if row["blocked"] for pair in zip(row["blocked"], row["first"], strict=True)]
    wanted = list({one for pair in pairs for one in pair})
    rows = await retry_if_moved(conn, lambda: conn.fetch(_LOCK, wanted)) if wanted else []
    locked = {row["id"] for row in rows}
    held = [pair for pair in pairs if locked.issuperset(pair)]
    if held:
        blocked, first = ([*column] for column in zip(*held, strict=True))
        await conn.execute(_SET_ASIDE, blocked, list(set(first)))
    return Step(
        looked_at=sum(row["looked_at"] for row in found),
        set_aside=len(held),
        place=Place(found[-1]["is_pulled"], found[-1]["webhook_id"]),
    )


#: $1 to $3: webhooks, entity types, entities. The first open event of each is due, and marked if others are set aside.
_RELEASE_NEXT: Final = f"""
update webhook_events_open e set blocks_others = true,
  due_at = case when e.due_at is null and e.state in ({DUE_STATES}) then clock_timestamp() else e.due_at end
where 0 + e.id = any(array(
  select first.id from unnest($1::bigint[], $2::text[], $3::bigint[]) k(webhook_id, entity_type, entity_id)
  cross join lateral (
    select o.id, o.state, o.due_at from webhook_events_open o
    where +o.entity_id = k.entity_id and o.entity_type = k.entity_type and 0 + o.webhook_id = k.webhook_id
      and o.event_name <> 'test'
    order by +o.id limit 1
  ) first where first.due_at is null and first.state in ({DUE_STATES}) or exists (
    select from webhook_events_open o
    where +o.entity_id = k.entity_id and o.entity_type = k.entity_type and 0 + o.webhook_id = k.webhook_id
      and +o.id > first.id and o.event_name <> 'test' and o.due_at is null and o.state || '' in ({DUE_STATES}))
)) and e.state in ({OPEN_STATES})
"""


async def release_next(conn: Connection, ended: Sequence[Record]) -> None:
    """Make the next event of each entity due whose marked event has ended.

    Args:
        ended: The events that have ended, with the columns of `transitions.ENDED`.
    """
    subjects = {(row["webhook_id"], row["entity_type"], row["entity_id"]) for row in ended if row["blocks_others"]}
    if subjects:
        columns = [list(column) for column in zip(*sorted(subjects), strict=True)]
        await retry_if_moved(conn, lambda: conn.execute(_RELEASE_NEXT, *columns))


_RELEASE_FORGOTTEN: Final = f"""
update webhook_events_open e set due_at = clock_timestamp() where 0 + e.id = any(array(
  select aside.id from (
    select a.id, a.webhook_id, a.entity_type, a.entity_id from webhook_events_open a
    where a.state in ({DUE_STATES}) and a.due_at is null and a.id >= $1 order by a.id limit $2
  ) aside where not exists (
    select from webhook_events_open o
    where +o.entity_id = aside.entity_id and o.entity_type = aside.entity_type and 0 + o.webhook_id = aside.webhook_id
      and +o.id < aside.id and o.event_name <> 'test' and o.blocks_others)
)) and e.state || '' in ({DUE_STATES}) and e.due_at is null
"""


async def release_forgotten(conn: Connection) -> int:
    """Make events due that were set aside, and that no marked event blocks any more. Return their number.

    It looks at the oldest ones and at others by chance. A process has died after it ended an event, or somebody has
    changed the table by hand.
    """
    bounds = await conn.fetchrow(
        "select min(id) as low, max(id) as high from webhook_events_open"
        f" where state in ({DUE_STATES}) and due_at is null"
    )
    if bounds is None or bounds["low"] is None:
        return 0
    starts = (bounds["low"], random.randint(bounds["low"], bounds["high"]))
    return sum([await _release_from(conn, start) for start in starts])


async def _release_from(conn: Connection, start: int) -> int:
    status = await retry_if_moved(conn, lambda: conn.execute(_RELEASE_FORGOTTEN, start, _CHECKED))
    return int(status.removeprefix("UPDATE "))
