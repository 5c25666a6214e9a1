"""Backfills: the present state of many entities for one webhook, sent at a chosen rate."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import JsonText, Table, Through
from app.webhooks.db.runs.run_table import RunTable
from app.webhooks.db.webhooks import WEBHOOKS, WebhookId
from app.webhooks.domain.webhook_run import WebhookRunState

WebhookBackfillId = NewType("WebhookBackfillId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookBackfill:
    """A backfill of one webhook.

    Attributes:
        total: The number of entities; None until the first batch, as is `last_id`.
        position: The id of the last entity that was handled.
        filters: Selects entities, as JSON (schema/filters/webhooks/webhook_backfills.py); None: all.
    """

    id: WebhookBackfillId
    webhook_id: WebhookId
    state: WebhookRunState
    reason: str | None
    updated_since: datetime | None
    updated_until: datetime | None
    filters: JsonText | None
    rate_per_second: int
    is_forced: bool
    total: int | None
    last_id: int | None
    position: int
    done: int
    skipped: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


WEBHOOK_BACKFILLS = Table(
    "webhook_backfills",
    WebhookBackfill,
    seen_by=Through("webhook_id"),
    keys={"webhook_id": WEBHOOKS},
)
RUNS = RunTable(WEBHOOK_BACKFILLS, noun="backfill")


async def advance(conn: Connection, backfill_id: WebhookBackfillId, *, position: int, done: int, skipped: int) -> None:
    """Note a batch, and when the next one is due by the rate. After a delay, at most one second is made up for."""
    await conn.execute(
        "update webhook_backfills set position = $2, done = done + $3, skipped = skipped + $4,"
        " due_at = greatest(due_at, clock_timestamp() - interval '1 s')"
        " + make_interval(secs => $3::float8 / rate_per_second) where id = $1",
        backfill_id,
        position,
        done,
        skipped,
    )
