"""The backlog: for how long work has waited, and how many webhooks catch up."""

from dataclasses import dataclass

from app.db.pool import Connection
from app.webhooks.db.transitions import DUE_STATES


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
