"""Insert what years of use leave behind, in bulk: many webhooks and many delivered events."""

from datetime import timedelta

from app.auth.secrets import secret_box
from app.db.pool import Connection
from app.webhooks.db import retention
from app.webhooks.db.webhooks import next_webhook_id
from app.webhooks.services.webhook_secrets import SECRETS
from workers.bench.environment.marketplace import create_sellers

_SIGNING_SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
_BODIES = 1000
_DAYS = 30
_PARTITION_DAYS = retention.partition_days(_DAYS)

_PAYLOADS = """
insert into payloads (digest, day, body) select sha256(b.body), $1::date - d, b.body
from generate_series(1, $2::int) d cross join generate_series(0, $3::int - 1) n
cross join lateral (select convert_to('{"data":' || repeat(n::text, 200) || '}', 'UTF8') as body) b
"""
#: Time of the n-th of $3 rows, evenly spread over the $2 days before $1.
_AT = "($1::date::timestamp - (1 - (n - 1)::float8 / $3) * $2 * interval '1 d') at time zone 'UTC'"
_CHANGE_EVENTS = f"""
insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut, recorded_at, published_at)
select 'Invoice', n % $4::int + 1, 'UPDATE', '{{invoices.total_cents}}', '[]', false, at, at
from generate_series(1, $3::int) n cross join lateral (select {_AT} as at) t
"""
_WEBHOOK_EVENTS = f"""
with bodies as (select array_agg(distinct digest) as digests from payloads)
insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, payload_digest, changed,
  changed_at, attempt_count, last_status, first_attempted_at, attempted_at, created_at, finished_at)
select (select min(id) from webhooks), 'Invoice', n % $4::int + 1, 'update', 'DELIVERED', digests[n % $5::int + 1],
  '{{}}', at, 1, 200, at, at, at, at
from bodies cross join generate_series(1, $3::int) n cross join lateral (select {_AT} as at) t order by n
"""
_GIVEN = """
insert into webhook_given (webhook_id, entity_type, entity_id, webhook_event_id, event_name, payload_digest)
select distinct on (entity_id) webhook_id, entity_type, entity_id, id, event_name, payload_digest
from webhook_events order by entity_id, id desc
"""


async def create_webhooks(
    conn: Connection, secret_key: str, url: str, query: str, *, count: int = 1, are_distinct: bool = False
) -> None:
    """Create the operator's webhooks about invoices. With `are_distinct`, each has a query text and plan of its own."""
    ids = [await next_webhook_id(conn) for _ in range(count)]
    box = secret_box(secret_key)
    await conn.execute(
        """
        insert into webhooks (id, type, event_names, url, query_string, secrets, timeout_s) overriding system value
        select n.id, 'INVOICE', '{CREATE,UPDATE,DESTROY}', $1,
          case when $5 then replace($2, '{ ... on', '{ n' || n.id || ': __typename ... on') else $2 end, n.secrets, 30
        from unnest($3::bigint[], $4::bytea[]) n(id, secrets)
        """,
        url,
        query,
        ids,
        [box.seal([_SIGNING_SECRET], purpose=SECRETS, row=one) for one in ids],
        are_distinct,
    )


async def create_others_webhooks(conn: Connection, *, count: int) -> None:
    """Create copies of the first webhook for as many sellers, whose invoices nobody changes."""
    await create_sellers(conn, 100 + count)
    await conn.execute(
        """
        insert into webhooks (seller_id, type, event_names, url, query_string, secrets, timeout_s)
        select 100 + n, w.type, w.event_names, w.url,
          'query($id: ID!) { node(id: $id) { ... on Invoice { totalCents } } }', w.secrets, w.timeout_s
        from generate_series(1, $1::int) n cross join (select * from webhooks order by id limit 1) w
        """,
        count,
    )
    await conn.execute("analyze webhooks")


async def create_history(conn: Connection, *, events: int, invoices: int) -> None:
    """Insert delivered events of the first webhook, each with its change event and attempt.

    They are spread over the last thirty days, in the partitions that would have been made then.
    """
    today = await retention.today(conn)
    for day in range(_DAYS, 0, -_PARTITION_DAYS):
        since = today - timedelta(days=day)
        for table in retention.HISTORIES:
            await conn.execute(
                "select add_partition($1, $2, $3)", table, since, since + timedelta(days=_PARTITION_DAYS)
            )
    await conn.execute(_PAYLOADS, today, _DAYS, _BODIES)
    await conn.execute(_CHANGE_EVENTS, today, _DAYS, events, invoices)
    await conn.execute(_WEBHOOK_EVENTS, today, _DAYS, events, invoices, _BODIES)
    await conn.execute(_GIVEN)
    await conn.execute(
        "insert into delivery_attempts (webhook_id, webhook_event_id, number, started_at, finished_at, status,"
        " duration_ms) select webhook_id, id, 1, created_at, created_at, 200, 5 from webhook_events"
    )
    await conn.execute("vacuum analyze")
