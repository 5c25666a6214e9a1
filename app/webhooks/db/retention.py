"""The partitions of the history are made ahead and dropped when they are old; other tables that grow are cut back."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from app.db.pool import Connection
from app.webhooks.db.operational_events import OPERATIONAL_EVENTS

#: Tables of partitions by time, and the column of it. Webhook events before the payloads that they refer to.
HISTORIES = {
    "change_events_published": "recorded_at",
    "delivery_attempts": "started_at",
    "webhook_events_closed": "created_at",
    "payloads": "day",
    "audit_entries": "recorded_at",
}
#: Partitions reach so many days ahead. Later than that, rows go into the default partitions.
AHEAD_DAYS = 7
#: For a lock on a whole table, behind which everybody else queues.
_LOCK_MS = 500
_CHUNK = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A partition of a table.

    Attributes:
        since: Midnight in UTC; the first time that it holds.
        until: Midnight in UTC; the first time after it.
        rows: PostgreSQL's estimate; -1 while it has none.
    """

    table: str
    name: str
    since: date
    until: date
    rows: int


def partition_days(retention_days: int) -> int:
    """Return the days of one partition: about ten of them hold the history. More would make planning expensive."""
    return max(1, retention_days // 10) if retention_days else 30


async def today(conn: Connection) -> date:
    """Return the day in UTC, by PostgreSQL's clock."""
    found: date = await conn.fetchval("select (now() at time zone 'UTC')::date")
    return found


async def try_lock(conn: Connection) -> bool:
    """Try to become the only worker that does this until the transaction ends. Waits for locks are short from now on.

    Returns:
        False when another worker is doing it.
    """
    # The last one lets it delete audit entries, which nobody else may.
    await conn.execute(
        f"set local lock_timeout = {_LOCK_MS}; set local timezone = 'UTC'; set local tellgraph.retention = 'on'"
    )
    return bool(await conn.fetchval("select pg_try_advisory_xact_lock(7203, 0)"))


async def list_partitions(conn: Connection) -> list[Partition]:
    """Return all partitions but the default ones: table by table in the order of HISTORIES, oldest first."""
    rows = await conn.fetch(
        r"""
        select h.name as table, c.relname as name, b.since, b.until, c.reltuples::bigint as rows
        from unnest($1::text[]) with ordinality h(name, place)
        join pg_inherits i on i.inhparent = h.name::regclass join pg_class c on c.oid = i.inhrelid
        cross join lateral regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(.+)''\) TO \(''(.+)''\)') bound
        -- A date says itself; a time is shown in the session's time zone.
        cross join lateral (
          select min(day) as since, max(day) as until from unnest(bound) edge cross join lateral (select
            case when h.name = 'payloads' then edge::date else (edge::timestamptz at time zone 'UTC')::date end) d(day)
        ) b
        where bound is not null order by h.place, b.since
        """,
        list(HISTORIES),
    )
    return [Partition(**row) for row in rows]


async def make_partitions(conn: Connection, *, retention_days: int, today: date) -> list[str]:
    """Make partitions of all tables, with the same bounds, from where they end to `AHEAD_DAYS` ahead.

    When none was made in time, rows of today are in the default partitions: then the new ones begin tomorrow.

    Returns:
        The names of the new partitions of one table.
    """
    made = []
    ends = [partition.until for partition in await list_partitions(conn)]
    since = max([*ends, today])
    if since == today and await _in_default(conn, today):
        since = today + timedelta(days=1)
    while since < today + timedelta(days=AHEAD_DAYS):
        until = since + timedelta(days=partition_days(retention_days))
        for table in HISTORIES:
            await conn.execute("select add_partition($1, $2, $3)", table, since, until)
        made.append(f"webhook_events_closed_{since:%Y%m%d}")
        since = until
    return made


async def _in_default(conn: Connection, since: date) -> bool:
    found = [
        await conn.fetchval(f"select exists (select from {table}_default where {column} >= $1)", _time(column, since))
        for table, column in HISTORIES.items()
    ]
    return any(found)


async def drop_partition(conn: Connection, partition: Partition) -> bool:
    """Drop a partition, unless an event may still show its payloads, or one of its events is to be rendered again.

    Once the events of a time have been dropped, no new event is of that time: those left are still open, or were open
    when their partition was dropped.

    Returns:
        Whether it was dropped.

    Raises:
        LockNotAvailableError: It is in use.
    """
    if partition.table == "payloads" and await _has_events(conn, partition.since, partition.until):
        return False
    if partition.table == "webhook_events_closed" and await _waits_to_be_rendered(conn, partition):
        return False
    await conn.execute(f'drop table "{partition.name}"')
    return True


async def _has_events(conn: Connection, since: date, until: date) -> bool:
    return bool(
        await conn.fetchval(
            "select exists (select from webhook_events where created_at >= $1 and created_at < $2)",
            _time("created_at", since),
            _time("created_at", until),
        )
    )


async def _waits_to_be_rendered(conn: Connection, partition: Partition) -> bool:
    # The locks of a drop, in their order: otherwise somebody could ask for a rendering between this look and the end.
    for table in (partition.table, partition.name):
        await conn.execute(f'lock table only "{table}" in access exclusive mode')
    return bool(
        await conn.fetchval(
            f"""
            select exists (select from "{partition.name}" e join webhooks w on w.id = e.webhook_id
              where e.state = 'RENDER_FAILED' and e.due_at is not null and w.deleted_at is null)
            """
        )
    )


async def delete_leftovers(conn: Connection, table: str, *, before: date) -> int:
    """Delete some of the old rows in the default partitions.

    An event that was open for longer than history is kept stays for as long again.

    Returns:
        The number of deleted rows; 0 when none is left.
    """
    if table == "payloads":
        days = await conn.fetch("select distinct day from payloads_default where day < $1", before)
        free = [row["day"] for row in days if not await _has_events(conn, row["day"], row["day"] + timedelta(days=1))]
        return await _delete(conn, "payloads_default", "t.day = any($1::date[])", free)
    column = HISTORIES[table]
    where = f"t.{column} < $1"
    if table == "webhook_events_closed":
        where += " and coalesce(t.finished_at, t.created_at) < $1 and t.due_at is null"
    return await _delete(conn, f"{table}_default", where, _time(column, before))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnneededRows:
    """The rows `t` of a table that nothing needs any more.

    Attributes:
        where: A condition in which $1 is the time before which history is not kept.
    """

    table: str
    where: str


#: Rows that are deleted together with the history: their tables would grow for ever.
OLD = (
    UnneededRows(table="webhook_replays", where="t.state <> 'RUNNING' and t.finished_at < $1"),
    UnneededRows(table="webhook_backfills", where="t.state <> 'RUNNING' and t.finished_at < $1"),
    UnneededRows(table="webhook_reconciles", where="t.state <> 'RUNNING' and t.finished_at < $1"),
    UnneededRows(table="operational_events", where="t.occurred_at < $1"),
    # No later event depends on the destroy of an entity, or on an operational event. But while events are kept, an
    # older one may be replayed.
    UnneededRows(
        table="webhook_given",
        where=f"(t.event_name = 'destroy' or t.entity_type = '{OPERATIONAL_EVENTS.type_name}')"
        " and $1::timestamptz is not null"
        " and t.webhook_event_id < coalesce((select min(id) from webhook_events), t.webhook_event_id + 1)",
    ),
)
_OF_DELETED = "t.webhook_id in (select id from webhooks where deleted_at < $1)"
#: Rows that nobody needs after a day, for however long history is kept.
EXPIRED = (
    UnneededRows(table="idempotency_keys", where="t.created_at < $1"),
    UnneededRows(table="delivery_minutes", where="t.minute < $1"),
    UnneededRows(table="webhook_given", where=_OF_DELETED),
    UnneededRows(table="webhook_skips", where=_OF_DELETED),
    UnneededRows(table="webhook_tokens", where=_OF_DELETED),
    UnneededRows(table="webhook_takers", where=_OF_DELETED),
)


async def delete_unneeded(conn: Connection, rows: UnneededRows, *, before: date) -> int:
    """Delete some of these rows. Returns how many; 0 when none is left."""
    return await _delete(conn, rows.table, rows.where, _time("", before))


async def _delete(conn: Connection, table: str, where: str, argument: object) -> int:
    status = await conn.execute(
        f"delete from {table} where ctid = any(array(select t.ctid from {table} t where {where} limit {_CHUNK}"
        " for update skip locked))",
        argument,
    )
    return int(status.removeprefix("DELETE "))


def _time(column: str, day: date) -> date | datetime:
    """Return the beginning of a day, in the column's type."""
    return day if column == "day" else datetime(day.year, day.month, day.day, tzinfo=UTC)
