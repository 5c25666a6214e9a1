"""A long past: closed webhook events of many webhooks, with their attempts, payloads and change events, by day."""

from datetime import date, timedelta

from app.db.pool import Connection
from app.webhooks.db import retention

#: As retention makes them by default.
DAYS = 3
WEBHOOKS = 200
SELLERS = 20

_WEBHOOKS = """
insert into sellers (business_name, email_address) select 's' || n, 'e' from generate_series(1, $1::int) n;
insert into webhooks (seller_id, type, event_names, url, query_string, secrets)
  select nullif(n % ($1 + 1), 0), 'INVOICE', '{UPDATE}', 'http://127.0.0.1:9/', '', '' from generate_series(1, $2) n
"""
_BODIES = """
insert into payloads (digest, day, body)
select sha256(n::text::bytea), $1::date + n % 3, convert_to('{"data":"' || repeat(n::text, 60) || '"}', 'UTF8')
from generate_series(0, $2::int - 1) n
"""
# A quarter of the events are of the first webhook; one in a thousand has failed, nearly all were delivered.
_EVENTS = """
insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, payload_digest, changed, changed_at,
  attempt_count, last_status, created_at, finished_at)
select case when n % 4 = 0 then 1 else 2 + n % ($4 - 1) end, 'Invoice', n % 50000 + 1,
  case when n % 50 = 0 then 'destroy' else 'update' end,
  case when n % 1000 = 0 then 'FAILED' when n % 5003 = 0 then 'CANCELLED' when n % 20 = 0 then 'SKIPPED'
    when n % 11 = 0 then 'SUPERSEDED' else 'DELIVERED' end,
  sha256((n % $3)::text::bytea), '{"added": [], "updated": ["totalCents"], "removed": []}', at, 1, 200, at, at
from generate_series(1, $2::int) n
cross join lateral (select ($1::date + (n - 1)::float8 / $2 * interval '3 d') at time zone 'UTC' as at) times
order by at
"""
_ATTEMPTS = """
insert into delivery_attempts (webhook_id, webhook_event_id, number, started_at, finished_at, status, duration_ms)
select webhook_id, id, 1, created_at, created_at, case when state = 'FAILED' then 500 else 200 end, 5
from webhook_events
where created_at >= $1::date::timestamptz and created_at < ($1::date + 3)::timestamptz and state <> 'SKIPPED'
"""
_CHANGES = """
insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut, recorded_at, published_at)
select 'Invoice', n % 50000 + 1, 'UPDATE', '{invoices.total_cents}', '[]', false, at, at
from generate_series(1, $2::int) n
cross join lateral (select ($1::date + (n - 1)::float8 / $2 * interval '3 d') at time zone 'UTC' as at) times
"""
_GIVEN = """
insert into webhook_given (webhook_id, entity_type, entity_id, webhook_event_id, event_name, payload_digest)
select distinct on (webhook_id, entity_id) webhook_id, entity_type, entity_id, id, event_name, payload_digest
from webhook_events where state = 'DELIVERED' order by webhook_id, entity_id, id desc
"""


async def create_history(conn: Connection, *, partitions: int, rows: int) -> None:
    """Fill so many past partitions with so many events each, for `WEBHOOKS` of `SELLERS` and the operator."""
    await conn.execute("set timezone = 'UTC'")
    for statement in _WEBHOOKS.split(";"):
        await conn.execute(statement.replace("$1", str(SELLERS)).replace("$2", str(WEBHOOKS)))
    first = await retention.today(conn) - timedelta(days=DAYS * partitions)
    for number in range(partitions):
        await _fill(conn, first + timedelta(days=DAYS * number), rows)
    await conn.execute(_GIVEN)
    for table in ("webhook_events", "delivery_attempts", "payloads", "change_events", "webhook_given", "webhooks"):
        await conn.execute(f"vacuum analyze {table}")


async def _fill(conn: Connection, since: date, rows: int) -> None:
    for table in retention.HISTORIES:
        await conn.execute("select add_partition($1, $2, $3)", table, since, since + timedelta(days=DAYS))
    bodies = max(rows // 20, 1) * 3
    await conn.execute(_BODIES, since, bodies)
    await conn.execute(_EVENTS, since, rows, bodies, WEBHOOKS)
    await conn.execute(_ATTEMPTS, since)
    await conn.execute(_CHANGES, since, rows)
