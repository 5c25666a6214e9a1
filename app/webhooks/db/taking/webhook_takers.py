"""When each pull webhook was last asked for messages. A table of its own, so that waiting changes no webhook."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.db.pool import Connection
from app.db.table import Table, Through
from app.webhooks.db.webhooks import WEBHOOKS, Webhook, WebhookId

#: Seconds for which a webhook is not noted again: a record to the minute is enough.
NOTED_EVERY_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookTaker:
    """Whoever takes the messages of a webhook; no row: nobody ever has."""

    webhook_id: WebhookId
    last_taken_at: datetime


WEBHOOK_TAKERS = Table(
    "webhook_takers",
    WebhookTaker,
    seen_by=Through("webhook_id"),
    keys={"webhook_id": WEBHOOKS},
)


async def note_taker(conn: Connection, webhook_ids: Sequence[WebhookId]) -> None:
    """Note that somebody takes the messages of these webhooks or waits for them; at most once a minute for each.

    They are noted in key order: two that note at the same time must not wait for each other.
    """
    await conn.execute(
        """
        insert into webhook_takers as t (webhook_id, last_taken_at)
        select w.id, clock_timestamp() from webhooks w where w.id = any($1::bigint[])
          and not exists (select from webhook_takers s where s.webhook_id = w.id
            and s.last_taken_at > clock_timestamp() - make_interval(secs => $2))
        order by w.id
        on conflict (webhook_id) do update set last_taken_at = excluded.last_taken_at
        """,
        webhook_ids,
        NOTED_EVERY_S,
    )


async def lock_abandoned(conn: Connection, *, after_s: int, limit: int) -> list[Webhook]:
    """Lock and return temporary webhooks that nobody has asked for messages for so long; locked ones are left out."""
    rows = await conn.fetch(
        f"""
        select {WEBHOOKS.select_list("w")} from webhooks w left join webhook_takers t on t.webhook_id = w.id
        where w.is_temporary and w.deleted_at is null
          and greatest(w.created_at, t.last_taken_at) < clock_timestamp() - make_interval(secs => $1)
        order by w.id limit $2 for no key update of w skip locked
        """,
        after_s,
        limit,
    )
    return WEBHOOKS.rows(rows)
