"""For how long work has waited, whoever it waits for, and how many webhooks catch up."""

from dataclasses import dataclass

from app.db.pool import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """In seconds; 0 where nothing waits.

    unpublished_s  age of the oldest change event that is not published.
    overdue_s      since the first webhook event fell due that is not in flight.
    catching_up    number of webhooks that are enabled again and have not been sent all that they missed.
    """

    unpublished_s: float
    overdue_s: float
    catching_up: int


async def read_backlog(conn: Connection) -> Backlog:
    """A look-up in an index for each shard, one for what is due, and one for each webhook that catches up."""
    row = await conn.fetchrow(
        """
        select coalesce(greatest(extract(epoch from clock_timestamp() - (
            select min(head.recorded_at) from generate_series(0, 63) s(shard) cross join lateral (
              select e.recorded_at from change_events e where e.shard = s.shard and e.published_at is null
              order by e.id limit 1) head)), 0), 0)::float8 as unpublished_s,
          coalesce(greatest(extract(epoch from clock_timestamp() - (
            select min(e.due_at) from webhook_events e where e.state in ('PENDING', 'RETRYING'))), 0), 0)::float8
            as overdue_s,
          (select count(*) from webhooks w where w.is_enabled and w.missed_since is not null
            and w.deleted_at is null) as catching_up
        """
    )
    assert row is not None
    return Backlog(unpublished_s=row["unpublished_s"], overdue_s=row["overdue_s"], catching_up=row["catching_up"])
