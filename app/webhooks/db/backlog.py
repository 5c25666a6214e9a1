"""The backlog: for how long work has waited, how many webhooks catch up or do not work, how many events are held."""

from dataclasses import dataclass
from typing import Final

from app.db.pool import Connection
from app.webhooks.db.transitions import DUE_STATES
from app.webhooks.domain.webhook_health import WebhookHealth

#: A count ends here. An alert needs no higher one, and counting goes on all day.
MAX_COUNTED: Final = 100_000
#: The health that is counted.
_UNWELL: Final = tuple(one for one in WebhookHealth if one not in (WebhookHealth.DELETED, WebhookHealth.OK))


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
    """Measure the backlog: a look-up in an index for each shard, one for due events, one for webhooks that catch up."""
    row = await conn.fetchrow(
        f"""
        select coalesce(greatest(extract(epoch from clock_timestamp() - (
            select min(head.recorded_at) from generate_series(0, 63) s(shard) cross join lateral (
              select e.recorded_at from change_events e where e.shard = s.shard and e.published_at is null
              order by e.id limit 1) head)), 0), 0)::float8 as unpublished_s,
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
