"""Rows of the queue for the cases of tests/support/plan_histories.py: so many, of which so many are taken."""

from collections.abc import Awaitable, Callable
from functools import partial

from app.webhooks.db.webhook_events import Subject, WebhookEventId
from app.webhooks.db.webhooks import WebhookId
from tests.support.plan_histories import Case, Conn

#: The first one has what a case takes, the others the rest.
WEBHOOKS = 100
FIRST = WebhookId(1)


async def create_webhooks(conn: Conn) -> None:
    """Webhooks of the operator, each with an own query; and one seller."""
    await conn.execute("insert into sellers (business_name, email_address) values ('s', 'e')")
    await conn.execute(
        "insert into webhooks (type, event_names, url, query_string, secrets)"
        " select 'INVOICE', '{UPDATE}', 'http://127.0.0.1:9/', n::text, '' from generate_series(1, $1::int) n",
        WEBHOOKS,
    )


#: A case about the queue.
case = partial(Case, world=create_webhooks)


def events(
    state: str, *, payload: bool = False, lease: str = "null"
) -> Callable[[Conn, int, int], Awaitable[list[WebhookEventId]]]:
    """Webhook events in a state: those taken of the first webhook, the others of all others, interleaved."""

    async def given(conn: Conn, present: int, taken: int) -> list[WebhookEventId]:
        rows = await conn.fetch(
            f"""
            with made as (
              insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, payload_digest,
                changed, changed_at, attempt_count, due_at, lease_until, attempted_at, finished_at)
              select case when n <= $2 then 1 else 2 + n % {WEBHOOKS - 1} end, 'Invoice', n, 'update', $3,
                case when $4 then sha256('{{}}') end, '{{}}', now(), case when $3 = 'SENDING' then 1 else 0 end,
                case when $3 in ('PENDING', 'RETRYING') then now() end,
                case when n <= $2 then {lease} else now() + interval '1 h' end,
                -- As claims make it: see claim_webhook_events.sql.
                now() + (hashint8(n) & 1023) * interval '1 microsecond',
                case when $3 not in ('PENDING', 'RETRYING', 'SENDING', 'HELD') then now() end
              from generate_series(1, $1::int) n returning id, entity_id, webhook_id, attempted_at, attempt_count
            ), attempts as (
              insert into delivery_attempts (webhook_id, webhook_event_id, number, started_at)
              select webhook_id, id, 1, attempted_at from made where attempt_count = 1
            ) select id from made order by entity_id limit $2
            """,
            present,
            taken,
            state,
            payload,
        )
        if payload:
            await conn.execute("insert into payloads (digest, body) values (sha256('{}'), '{}') on conflict do nothing")
        return [WebhookEventId(row["id"]) for row in rows]

    return given


async def changes(conn: Conn, present: int, taken: int) -> int:
    await conn.execute(
        "insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut)"
        " select 'Invoice', n, 'UPDATE', '{invoices.total_cents}', '[]', false from generate_series(1, $1::int) n",
        present,
    )
    return taken


async def change_ids(conn: Conn, present: int, taken: int) -> list[int]:
    await changes(conn, present, taken)
    return [row["id"] for row in await conn.fetch("select id from change_events_open order by id limit $1", taken)]


async def subjects(conn: Conn, present: int, taken: int) -> list[Subject]:
    """Each with an open event, and with one that was delivered."""
    await events("PENDING")(conn, present, taken)
    await conn.execute(
        "insert into webhook_given (webhook_id, entity_type, entity_id, webhook_event_id, event_name)"
        " select webhook_id, entity_type, entity_id, id, event_name from webhook_events"
    )
    return [(FIRST, "Invoice", number) for number in range(1, taken + 1)]
