"""What people do to webhook events by hand: replay, cancel, test; and what follows from a webhook's deletion."""

from collections.abc import Sequence
from datetime import datetime

from app.db.pool import Connection, retry_if_moved
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.payloads import Payload
from app.webhooks.db.webhook_events import (
    MAX_AT_ONCE,
    WEBHOOK_EVENTS,
    WebhookEvent,
    WebhookEventId,
    hold_open,
    release_held,
)
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.domain.webhook_event import WEBHOOK_DELETED, WebhookEventState

_COLUMNS = WEBHOOK_EVENTS.select_list("e")

RENDER_AGAIN = "Its query is to be run again."


async def webhook_of(conn: Connection, event_id: WebhookEventId, *, seller_id: SellerId | None) -> WebhookId:
    """The webhook of an event. Raises NotFound, also when it is another seller's."""
    webhook_id = await conn.fetchval(
        "select e.webhook_id from webhook_events e join webhooks w on w.id = e.webhook_id"
        " where e.id = $1 and ($2::bigint is null or w.seller_id = $2)",
        event_id,
        seller_id,
    )
    if webhook_id is None:
        raise NotFound("There is no such webhook event.")
    return WebhookId(webhook_id)


async def get_webhook_event(conn: Connection, event_id: WebhookEventId, *, is_locked: bool) -> WebhookEvent:
    """An event that is there.

    Locked, it is as the last claim or result has left it. Who has locked its webhook must not lock it, too: storing
    a result locks the event first, and the webhook only then.
    """
    sql = f"select {_COLUMNS} from webhook_events e where e.id = $1"
    if is_locked:
        row = await retry_if_moved(conn, lambda: conn.fetchrow(f"{sql} for no key update", event_id))
    else:
        row = await conn.fetchrow(sql, event_id)
    assert row is not None, "its caller has found it"
    return WEBHOOK_EVENTS.from_record(row)


async def replay_webhook_events(
    conn: Connection, ids: Sequence[WebhookEventId], *, is_enabled: bool
) -> list[WebhookEvent]:
    """Make these due again, with a fresh allowance of retries; held while their webhook is disabled.

    What could not be rendered keeps its state, and a worker runs its query again. What waits for a retry is only made
    due: nobody was given it yet, so that a newer state may still take its place. Other open events, skipped ones and
    tests stay as they are.
    Returns: those that were changed, by id.
    """
    rows = await retry_if_moved(
        conn,
        lambda: conn.fetch(
            f"""
            with changed as (
              update webhook_events e set
                state = case when e.state = 'RENDER_FAILED' then e.state when not $2 then 'HELD'
                  when e.state = 'RETRYING' then e.state else 'PENDING' end,
                reason = case e.state when 'RENDER_FAILED' then $3 when 'RETRYING' then e.reason end,
                due_at = case when e.state = 'RENDER_FAILED' or $2 then clock_timestamp() end,
                superseded_by = null, finished_at = null, first_attempted_at = null,
                attempts_before = e.attempt_count,
                replayed_at = case when e.state = 'RETRYING' then e.replayed_at else clock_timestamp() end
              where e.id = any($1::bigint[]) and e.event_name <> 'test' and (
                e.state in ('DELIVERED', 'FAILED', 'CANCELLED', 'SUPERSEDED') and e.payload_digest is not null
                or e.state = 'RETRYING' or e.state = 'RENDER_FAILED' and e.due_at is null)
              returning e.*
            ) select {_COLUMNS} from changed e order by e.id
            """,
            list(ids),
            is_enabled,
            RENDER_AGAIN,
        ),
    )
    return WEBHOOK_EVENTS.rows(rows)


async def cancel_webhook_event(conn: Connection, event_id: WebhookEventId, reason: str) -> WebhookEvent:
    row = await conn.fetchrow(
        "update webhook_events e set state = 'CANCELLED', due_at = null, finished_at = clock_timestamp(), reason = $2"
        f" where e.id = $1 and e.state in ('PENDING', 'RETRYING', 'HELD') returning {_COLUMNS}",
        event_id,
        reason,
    )
    assert row is not None, "its caller has locked it"
    return WEBHOOK_EVENTS.from_record(row)


async def cancel_open(conn: Connection, webhook_id: WebhookId, reason: str) -> None:
    """Withdraw what a webhook has not been given yet, MAX_AT_ONCE of it; the sweeper goes on, once it is deleted.

    What is in flight comes to its own end.
    """
    await retry_if_moved(
        conn,
        lambda: conn.execute(
            "update webhook_events set state = 'CANCELLED', due_at = null, finished_at = clock_timestamp(), reason = $2"
            " where id in (select id from webhook_events_open where webhook_id = $1"
            " and state in ('PENDING', 'RETRYING', 'HELD') limit $3) and state in ('PENDING', 'RETRYING', 'HELD')",
            webhook_id,
            reason,
            MAX_AT_ONCE,
        ),
    )


async def hold_overlooked(conn: Connection) -> None:
    """Hold back what was published to a webhook while it was being disabled; withdraw it, if it was deleted."""
    rows = await conn.fetch(
        f"""
        with recursive {_walk("waiting", "e.state in ('PENDING', 'RETRYING')")}, {_walk("holding", "e.state = 'HELD'")}
        select w.id, w.deleted_at is not null as is_deleted from webhooks w where not w.is_enabled and (
          w.id in (select webhook_id from waiting)
          or w.deleted_at is not null and w.id in (select webhook_id from holding))
        order by w.id for no key update
        """
    )
    for row in rows:
        if row["is_deleted"]:
            await cancel_open(conn, row["id"], WEBHOOK_DELETED)
        else:
            await hold_open(conn, row["id"])


async def release_overlooked(conn: Connection) -> None:
    """Let go out what was held for a webhook while it was being enabled."""
    rows = await conn.fetch(
        f"""
        with recursive {_walk("holding", "e.state = 'HELD'")}
        select w.id from webhooks w where w.is_enabled and w.id in (select webhook_id from holding)
        order by w.id for no key update
        """
    )
    for row in rows:
        await release_held(conn, row["id"])


def _walk(name: str, condition: str) -> str:
    """A recursive CTE of the webhooks with open events that meet a condition of a partial index by webhook.

    One look-up for each such webhook: all its events would be read otherwise, which may be 300,000.
    """
    first = f"select e.webhook_id from webhook_events_open e where {condition}"
    return (
        f"{name} as (({first} order by e.webhook_id limit 1) union all"
        f" select next.webhook_id from {name} cross join lateral ({first} and e.webhook_id > {name}.webhook_id"
        " order by e.webhook_id limit 1) next)"
    )


async def insert_test(
    conn: Connection, webhook: Webhook, *, entity_id: int, payload: Payload, changed: bytes
) -> WebhookEvent:
    """A test event, due at once."""
    await conn.execute(
        "insert into payloads (digest, body) values ($1, $2) on conflict do nothing", payload.digest, payload.body
    )
    row = await conn.fetchrow(
        f"""
        insert into webhook_events as e (webhook_id, entity_type, entity_id, event_name, state, payload_digest, changed,
          changed_at, due_at)
        values ($1, $2, $3, 'test', 'PENDING', $4, $5::text::jsonb, clock_timestamp(), clock_timestamp())
        returning {_COLUMNS}
        """,
        webhook.id,
        webhook.type.entity_type,
        entity_id,
        payload.digest,
        changed.decode(),
    )
    assert row is not None
    return WEBHOOK_EVENTS.from_record(row)


async def list_replayable(
    conn: Connection,
    webhook_id: WebhookId,
    *,
    states: Sequence[WebhookEventState],
    created_since: datetime | None,
    created_until: datetime | None,
    after: int,
    last_id: int,
    limit: int,
) -> list[WebhookEventId]:
    """Ids of events of these states, published in this time, from after `after` to `last_id`; rising."""
    rows = await conn.fetch(
        f"select id from webhook_events where {_REPLAYABLE} and id > $5 and id <= $6 order by id limit $7",
        webhook_id,
        [state.value for state in states],
        created_since,
        created_until,
        after,
        last_id,
        limit,
    )
    return [row["id"] for row in rows]


async def count_replayable(
    conn: Connection,
    webhook_id: WebhookId,
    *,
    states: Sequence[WebhookEventState],
    created_since: datetime | None,
    created_until: datetime | None,
) -> tuple[int, int]:
    """How many there are, and the last one's id; 0 when there is none."""
    row = await conn.fetchrow(
        f"select count(*) as total, coalesce(max(id), 0) as last_id from webhook_events where {_REPLAYABLE}",
        webhook_id,
        [state.value for state in states],
        created_since,
        created_until,
    )
    assert row is not None
    return row["total"], row["last_id"]


_REPLAYABLE = (
    "webhook_id = $1 and state = any($2::text[]) and event_name <> 'test'"
    " and ($3::timestamptz is null or created_at >= $3) and ($4::timestamptz is null or created_at < $4)"
)


async def lock_to_render(conn: Connection, *, limit: int) -> list[WebhookEvent]:
    """Events of one enabled webhook whose query somebody wants to be run again, by id.

    Those that are locked elsewhere are passed over. Of one webhook, so that all its entities can be locked at once.
    """
    rows = await conn.fetch(
        f"""
        with first as (
          select e.webhook_id from webhook_events e join webhooks w on w.id = e.webhook_id and w.is_enabled
          where e.state = 'RENDER_FAILED' and e.due_at is not null order by e.id limit 1
        )
        select {_COLUMNS} from webhook_events e where e.webhook_id = (select webhook_id from first)
          and e.state = 'RENDER_FAILED' and e.due_at is not null
        order by e.id limit $1 for no key update skip locked
        """,
        limit,
    )
    return WEBHOOK_EVENTS.rows(rows)


async def give_up_rendering(conn: Connection, ids: Sequence[WebhookEventId], reason: str) -> None:
    """What could not be rendered this time either; not what a newer event stands for by now."""
    await conn.execute(
        "update webhook_events set due_at = null, finished_at = clock_timestamp(), reason = $2"
        " where id = any($1::bigint[]) and state = 'RENDER_FAILED'",
        list(ids),
        reason,
    )


async def lock_entities(conn: Connection, entity_type: str, ids: Sequence[int]) -> None:
    """Keep publishers from these entities until the transaction ends, so that ids rise with the state rendered.

    Source: migrations/functions/lock_entities.sql.
    """
    await conn.execute("select lock_entities($1, $2::bigint[])", entity_type, list(ids))
