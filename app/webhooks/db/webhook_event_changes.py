"""Changes of webhook events that people ask for, and those that a webhook's deletion causes."""

from collections.abc import Sequence
from datetime import datetime

from app.db.pool import Connection, retry_if_moved
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db import transitions
from app.webhooks.db.ordering.blocked_events import release_next
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
    """Return the webhook of an event.

    Raises:
        NotFound: There is no such event, or it is another seller's.
    """
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
    """Return an event that exists.

    A locked event is as the last claim or result has left it. Don't lock its webhook first: storing a result locks the
    event, and the webhook after it.
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
    """Make these events due again, with a fresh allowance of retries; held while their webhook is disabled.

    An event that could not be rendered keeps its state, and a worker runs its query again. An event that waits for a
    retry is only made due: the subscriber has not been given it yet, so that a newer state may still take its place.
    Other open events, skipped ones and tests stay as they are.

    Returns:
        The events that were changed, by id.
    """
    sql = f"with changed as ({transitions.REPLAY}) select {_COLUMNS} from changed e order by e.id"
    rows = await retry_if_moved(conn, lambda: conn.fetch(sql, list(ids), is_enabled, RENDER_AGAIN))
    return WEBHOOK_EVENTS.rows(rows)


async def cancel_webhook_event(conn: Connection, event_id: WebhookEventId, reason: str) -> WebhookEvent:
    """Withdraw an event that waits. Its caller has locked it."""
    row = await conn.fetchrow(f"{transitions.CANCEL} returning {_COLUMNS}, e.blocks_others", event_id, reason)
    assert row is not None, "its caller has locked it"
    await release_next(conn, [row])
    return WEBHOOK_EVENTS.from_record(row)


async def cancel_open(conn: Connection, webhook_id: WebhookId, reason: str) -> None:
    """Withdraw the events that a deleted webhook has not been sent yet, MAX_AT_ONCE of them; the sweeper goes on.

    An attempt that is in flight comes to its own end.
    """
    await retry_if_moved(conn, lambda: conn.execute(transitions.CANCEL_ALL, webhook_id, reason, MAX_AT_ONCE))


async def hold_overlooked(conn: Connection) -> None:
    """Hold the events that were published to a webhook while it was being disabled; withdraw them if it was deleted."""
    rows = await conn.fetch(
        f"""
        with recursive {_walk("waiting", f"not e.is_pulled and e.state in ({transitions.DUE_STATES})")},
          {_walk("offered", f"e.is_pulled and e.state in ({transitions.DUE_STATES})")},
          {_walk("holding", "e.state = 'HELD'")}
        select w.id, w.deleted_at is not null as is_deleted from webhooks w where not w.is_enabled and (
          w.id in (select webhook_id from waiting union all select webhook_id from offered)
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
    """Release the events that were held for a webhook while it was being enabled."""
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
    """Return a recursive CTE of the webhooks with open events that meet a condition of a partial index by webhook.

    It makes one look-up for each such webhook. Otherwise all its events would be read, which may be 300,000.
    """
    first = f"select e.webhook_id from webhook_events_open e where {condition}"
    return (
        f"{name} as (({first} order by +e.webhook_id limit 1) union all"
        f" select next.webhook_id from {name} cross join lateral ({first} and +e.webhook_id > {name}.webhook_id"
        " order by +e.webhook_id limit 1) next)"
    )


async def insert_test(
    conn: Connection, webhook: Webhook, *, entity_id: int, payload: Payload, changed: bytes
) -> WebhookEvent:
    """Insert a test event, due at once."""
    await conn.execute(
        "insert into payloads (digest, body) values ($1, $2) on conflict do nothing", payload.digest, payload.body
    )
    row = await conn.fetchrow(
        f"{transitions.INSERT_TEST} returning {_COLUMNS}",
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
    """Return the ids of events in these states, published in this time, after `after` and up to `last_id`; rising."""
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
    """Return how many there are, and the last one's id; 0 when there is none."""
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
    """Lock and return events whose query somebody wants to be run again, by id.

    They are of one enabled webhook, so that all its entities can be locked at once. Events that are locked elsewhere
    are left out.
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
    """Note that these events could not be rendered this time either; not those that a newer event has superseded."""
    await conn.execute(
        "update webhook_events set due_at = null, finished_at = clock_timestamp(), reason = $2"
        " where id = any($1::bigint[]) and state = 'RENDER_FAILED'",
        list(ids),
        reason,
    )


async def lock_entities(conn: Connection, entity_type: str, ids: Sequence[int]) -> None:
    """Keep publishers from these entities until the transaction ends, so that ids rise with the state rendered.

    Source: app/db/migrations/functions/lock_entities.sql.
    """
    await conn.execute("select lock_entities($1, $2::bigint[])", entity_type, list(ids))
