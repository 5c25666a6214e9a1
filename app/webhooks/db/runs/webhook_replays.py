"""Replays of many webhook events of one webhook."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import Table, Through
from app.webhooks.db.runs.run_table import RunTable
from app.webhooks.db.webhooks import WEBHOOKS, WebhookId
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.domain.webhook_run import WebhookRunState

WebhookReplayId = NewType("WebhookReplayId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookReplay:
    """A replay of many events of one webhook.

    Attributes:
        total: The number of events; None until the first batch, as is `last_id`.
        position: The id of the last event that was handled.
    """

    id: WebhookReplayId
    webhook_id: WebhookId
    state: WebhookRunState
    reason: str | None
    created_since: datetime | None
    created_until: datetime | None
    states: tuple[WebhookEventState, ...]
    total: int | None
    last_id: int | None
    position: int
    done: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


WEBHOOK_REPLAYS = Table(
    "webhook_replays",
    WebhookReplay,
    seen_by=Through("webhook_id"),
    keys={"webhook_id": WEBHOOKS},
)
RUNS = RunTable(WEBHOOK_REPLAYS, noun="replay")


async def list_running(conn: Connection) -> list[tuple[WebhookReplayId, WebhookId]]:
    """Return the running replays, oldest first. They are not locked: lock the webhook first."""
    rows = await conn.fetch("select id, webhook_id from webhook_replays where state = 'RUNNING' order by id")
    return [(row["id"], row["webhook_id"]) for row in rows]


async def lock_running(conn: Connection, replay_id: WebhookReplayId) -> WebhookReplay | None:
    """Lock a running replay. Returns None when it has ended meanwhile, or another worker has locked it."""
    row = await conn.fetchrow(
        f"select {WEBHOOK_REPLAYS.select_list('r')} from webhook_replays r where r.id = $1 and r.state = 'RUNNING'"
        " for update skip locked",
        replay_id,
    )
    return None if row is None else WEBHOOK_REPLAYS.from_record(row)


async def advance(conn: Connection, replay_id: WebhookReplayId, *, position: int, done: int, is_last: bool) -> None:
    """Note a batch; the last one ends the replay."""
    await conn.execute(
        "update webhook_replays set position = $2, done = done + $3, state = case when $4 then 'DONE' else state end,"
        " finished_at = case when $4 then clock_timestamp() end where id = $1",
        replay_id,
        position,
        done,
        is_last,
    )
