"""Backfills: the present state of many entities for one webhook, sent at a chosen rate."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import JsonText, Table, Through
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SellerId
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
_COLUMNS = WEBHOOK_BACKFILLS.select_list("b")


async def insert_backfill(
    conn: Connection,
    webhook_id: WebhookId,
    *,
    updated_since: datetime | None,
    updated_until: datetime | None,
    filters: str | None,
    rate_per_second: int,
    is_forced: bool,
) -> WebhookBackfill:
    row = await conn.fetchrow(
        "insert into webhook_backfills as b"
        " (webhook_id, updated_since, updated_until, filters, rate_per_second, is_forced)"
        f" values ($1, $2, $3, $4, $5, $6) returning {_COLUMNS}",
        webhook_id,
        updated_since,
        updated_until,
        filters,
        rate_per_second,
        is_forced,
    )
    assert row is not None
    return WEBHOOK_BACKFILLS.from_record(row)


async def is_running(conn: Connection, webhook_id: WebhookId) -> bool:
    """Tell whether the webhook has a backfill that has not ended."""
    return bool(
        await conn.fetchval(
            "select exists (select from webhook_backfills where webhook_id = $1 and state = 'RUNNING')", webhook_id
        )
    )


async def lock_backfill(
    conn: Connection, backfill_id: WebhookBackfillId, *, seller_id: SellerId | None
) -> WebhookBackfill:
    """Lock a backfill, after the batch that is under way.

    Raises:
        NotFound: There is none, or it is another seller's.
    """
    row = await conn.fetchrow(
        f"select {_COLUMNS} from webhook_backfills b join webhooks w on w.id = b.webhook_id"
        " where b.id = $1 and ($2::bigint is null or w.seller_id = $2) for update of b",
        backfill_id,
        seller_id,
    )
    if row is None:
        raise NotFound("There is no such backfill.")
    return WEBHOOK_BACKFILLS.from_record(row)


async def claim_due(conn: Connection) -> WebhookBackfill | None:
    """Lock the backfill that has been due for the longest and that nobody else has locked; None when there is none.

    A backfill waits while its webhook is disabled.
    """
    row = await conn.fetchrow(
        f"select {_COLUMNS} from webhook_backfills b join webhooks w on w.id = b.webhook_id and w.is_enabled"
        " where b.state = 'RUNNING' and b.due_at <= statement_timestamp() order by b.due_at limit 1"
        " for update of b skip locked"
    )
    return None if row is None else WEBHOOK_BACKFILLS.from_record(row)


async def begin(conn: Connection, backfill_id: WebhookBackfillId, *, total: int, last_id: int) -> None:
    await conn.execute(
        "update webhook_backfills set total = $2, last_id = $3, started_at = clock_timestamp() where id = $1",
        backfill_id,
        total,
        last_id,
    )


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


async def finish(
    conn: Connection, backfill_id: WebhookBackfillId, state: WebhookRunState, reason: str | None = None
) -> WebhookBackfill:
    row = await conn.fetchrow(
        "update webhook_backfills b set state = $2, reason = $3, finished_at = clock_timestamp()"
        f" where b.id = $1 returning {_COLUMNS}",
        backfill_id,
        state.value,
        reason,
    )
    assert row is not None, "its caller has locked it"
    return WEBHOOK_BACKFILLS.from_record(row)


async def cancel_running(conn: Connection, webhook_id: WebhookId) -> None:
    """Cancel the backfill of a deleted webhook, after the batch that is under way."""
    await conn.execute(
        "update webhook_backfills set state = 'CANCELLED', finished_at = clock_timestamp()"
        " where webhook_id = $1 and state = 'RUNNING'",
        webhook_id,
    )
