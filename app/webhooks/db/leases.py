"""Leases that have expired: a worker claimed a webhook event, and never recorded what came of it."""

from app.db.pool import Connection, retry_if_moved
from app.webhooks.db.deliveries import lock_webhooks
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.domain.webhook_event import WEBHOOK_DELETED


async def release_expired(conn: Connection) -> list[WebhookEventId]:
    """Make due again what a worker had claimed and never recorded; its attempt's outcome stays unknown.

    Returns: the ids.
    """
    expired = await conn.fetch(
        "select distinct webhook_id from webhook_events_open"
        " where state = 'SENDING' and lease_until < statement_timestamp()"
    )
    await lock_webhooks(conn, [row["webhook_id"] for row in expired])
    return await retry_if_moved(conn, lambda: _release_expired(conn))


async def _release_expired(conn: Connection) -> list[WebhookEventId]:
    rows = await conn.fetch(
        """
        with expired as (
          update webhook_events e set
            state = case when w.is_enabled then 'RETRYING' when w.deleted_at is null then 'HELD' else 'CANCELLED' end,
            reason = case when w.deleted_at is not null then $1 end, lease_until = null,
            due_at = case when w.is_enabled then clock_timestamp() end,
            finished_at = case when w.deleted_at is not null then clock_timestamp() end
          from webhooks w where w.id = e.webhook_id and e.state = 'SENDING' and e.lease_until < statement_timestamp()
          returning e.id, e.attempt_count, e.attempted_at, e.webhook_id, e.entity_type, e.entity_id, e.event_name,
            e.state
        ), given as (
          -- It may have arrived. One of an entity is in flight at most, and tests don't count.
          insert into webhook_given as g (webhook_id, entity_type, entity_id, webhook_event_id, event_name)
          select webhook_id, entity_type, entity_id, id, event_name from expired
          where event_name <> 'test' and state <> 'CANCELLED'
          on conflict (webhook_id, entity_type, entity_id) do update set webhook_event_id = excluded.webhook_event_id,
            event_name = excluded.event_name, payload_digest = null
            where g.webhook_event_id < excluded.webhook_event_id
        )
        update delivery_attempts a set finished_at = clock_timestamp(), error_kind = 'UNKNOWN_OUTCOME',
          error = 'No outcome was recorded before the lease was over.'
        from expired x where a.webhook_event_id = x.id and a.number = x.attempt_count and a.started_at = x.attempted_at
          and a.finished_at is null
        returning a.webhook_event_id
        """,
        WEBHOOK_DELETED,
    )
    return [row["webhook_event_id"] for row in rows]
