"""The number of changes that each webhook was not told of, by reason. No row is written for a single change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.db.pool import Connection
from app.db.table import Table, Through
from app.webhooks.db.webhooks import WEBHOOKS, WebhookId


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSkip:
    """A count of one webhook and reason: `skipped` changes, over all workers, since `first_at`."""

    id: int
    webhook_id: WebhookId
    reason: str
    skipped: int
    first_at: datetime
    last_at: datetime


WEBHOOK_SKIPS = Table(
    "webhook_skips",
    WebhookSkip,
    seen_by=Through("webhook_id"),
    keys={"webhook_id": WEBHOOKS},
)


async def add_skips(conn: Connection, skips: Sequence[tuple[WebhookId, str, int]]) -> None:
    """Add counts of pairs of webhook and reason; several of the same pair add up. Deleted webhooks are left out.

    They are added in key order: two workers that add at the same time must not wait for each other.
    """
    if not skips:
        return
    webhook_ids, reasons, counts = zip(*skips, strict=True)
    await conn.execute(
        """
        insert into webhook_skips as s (webhook_id, reason, skipped)
        select k.webhook_id, k.reason, sum(k.skipped)
        from unnest($1::bigint[], $2::text[], $3::bigint[]) k(webhook_id, reason, skipped)
        join webhooks w on w.id = k.webhook_id and w.deleted_at is null
        group by 1, 2 order by 1, 2
        on conflict (webhook_id, reason) do update set skipped = s.skipped + excluded.skipped,
          last_at = excluded.last_at
        """,
        webhook_ids,
        reasons,
        counts,
    )
