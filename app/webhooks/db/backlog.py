"""The backlog: for how long work has waited, how many webhooks do not work, how many events are still to be sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.db.pool import Connection, RowReader
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.transitions import DUE_STATES
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.domain.webhook_health import WebhookHealth

#: A count ends here. An alert needs no higher one, and counting goes on all day.
MAX_COUNTED: Final = 100_000
#: The health that is counted.
_UNWELL: Final = tuple(one for one in WebhookHealth if one not in (WebhookHealth.DELETED, WebhookHealth.OK))


#: Of the first in the primary key. By shards, PostgreSQL would read all that waits in one for each of the others.
_UNPUBLISHED_S: Final = """
coalesce(greatest(extract(epoch from clock_timestamp() - (
  select e.recorded_at from change_events_open e order by e.id limit 1)), 0), 0)::float8
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The time that work has waited, in seconds; 0 when nothing waits.

    Attributes:
        unpublished_s: The age of the oldest change event that is not published.
        overdue_s: Since the first webhook event fell due that is not in flight.
        catching_up: The number of webhooks that are enabled again and have not been sent all that they missed.
    """

    unpublished_s: float
    overdue_s: float
    catching_up: int


async def read_backlog(conn: Connection) -> Backlog:
    """Measure the backlog by look-ups in indexes: for changes, for due events, for webhooks that catch up."""
    row = await conn.fetchrow(
        f"""
        select {_UNPUBLISHED_S} as unpublished_s,
          coalesce(greatest(extract(epoch from clock_timestamp() - (
            select min(e.due_at) from webhook_events e where e.state in ({DUE_STATES}))), 0), 0)::float8
            as overdue_s,
          (select count(*) from webhooks w where w.is_enabled and w.missed_since is not null
            and w.deleted_at is null) as catching_up
        """
    )
    assert row is not None
    return Backlog(unpublished_s=row["unpublished_s"], overdue_s=row["overdue_s"], catching_up=row["catching_up"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Numbers of webhooks and of events, each at most MAX_COUNTED.

    Attributes:
        unwell: The webhooks of each health but OK and DELETED, also of one that none has.
        held: The events that are kept for disabled webhooks.
    """

    unwell: dict[WebhookHealth, int]
    held: int


async def count_unwell(conn: Connection) -> Counts:
    """Count the webhooks that do not work, and the events that are held. At most MAX_COUNTED rows are read of each."""
    listed = ", ".join(f"('{health}')" for health in _UNWELL)
    rows = await conn.fetch(
        f"""
        select h.health, (select count(*) from (
          select from webhooks w where w.health = h.health
            and (w.health <> 'PAUSED' or w.paused_until > statement_timestamp()) limit {MAX_COUNTED}) found) as number
        from (values {listed}) h(health)
        union all
        select null, count(*) from (select from webhook_events_open where state = 'HELD' limit {MAX_COUNTED}) found
        """
    )
    numbers = {row["health"]: row["number"] for row in rows}
    held = numbers.pop(None)
    return Counts(unwell={WebhookHealth(health): number for health, number in numbers.items()}, held=held)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEvents:
    """The events that are still to be sent, of one owner or of all. Each number is at most MAX_SHOWN.

    Attributes:
        waiting: Those that wait for an attempt, or for a taker.
        sending: Those in flight, or taken and not settled.
        held: Those that are kept for disabled webhooks.
        oldest_due_at: The earliest time at which one that is POSTed is or was due; None: none waits.
        unpublished_s: The age of the oldest change event that is not published; None of one seller's.
    """

    waiting: int
    sending: int
    held: int
    oldest_due_at: datetime | None
    unpublished_s: float | None


#: A page shows no higher number.
MAX_SHOWN: Final = 10_000
_SENDING: Final = f"'{WebhookEventState.SENDING}'"
_HELD: Final = f"'{WebhookEventState.HELD}'"
#: The order of the index that has just these events, so that a count reads no others.
_IN_ORDER: Final = {
    DUE_STATES: "e.is_pulled, +e.webhook_id, e.due_at, +e.id",
    _SENDING: "+e.webhook_id, e.lease_until",
    _HELD: "+e.webhook_id, +e.id",
}


async def count_open_events(conn: RowReader, seller_id: SellerId | None) -> OpenEvents:
    """Count the events that are still to be sent: of one seller's webhooks, or (None) of all.

    Of a seller, each webhook's are looked up, because no index has an event's owner.
    """
    count = _count_of_all if seller_id is None else _count_of_seller
    due_at = _ALL_DUE_AT if seller_id is None else _SELLERS_DUE_AT
    (row,) = await conn.fetch(
        f"""
        select {count(DUE_STATES)} as waiting, {count(_SENDING)} as sending, {count(_HELD)} as held,
          {due_at} as oldest_due_at, {_UNPUBLISHED_S if seller_id is None else "null::float8"} as unpublished_s
        """,
        *(() if seller_id is None else (seller_id,)),
    )
    return OpenEvents(**row)


def _count_of_all(states: str) -> str:
    return f"""(select count(*) from (select from webhook_events_open e where e.state in ({states})
      order by {_IN_ORDER[states]} limit {MAX_SHOWN}) open)"""


def _count_of_seller(states: str) -> str:
    return f"""(select count(*) from (select from webhooks w cross join lateral (
      select from webhook_events_open e where +e.webhook_id = w.id and e.is_pulled = w.is_pulled
        and e.state in ({states}) order by {_IN_ORDER[states]} limit {MAX_SHOWN}) open
      where w.seller_id = $1 and w.deleted_at is null limit {MAX_SHOWN}) open)"""


_ALL_DUE_AT: Final = f"""
(select min(e.due_at) from webhook_events_open e where e.state in ({DUE_STATES}) and not e.is_pulled)
"""
_SELLERS_DUE_AT: Final = f"""
(select min(first.due_at) from webhooks w cross join lateral (
  select e.due_at from webhook_events_open e where +e.webhook_id = w.id and e.is_pulled = w.is_pulled
    and e.state in ({DUE_STATES}) order by e.due_at limit 1) first
 where w.seller_id = $1 and w.deleted_at is null and not w.is_pulled)
"""
