"""Replays of many webhook events of one webhook."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import Table, Through
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SellerId
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
_COLUMNS = WEBHOOK_REPLAYS.select_list("r")


async def insert_replay(
    conn: Connection,
    webhook_id: WebhookId,
    *,
    states: Sequence[WebhookEventState],
    created_since: datetime | None,
    created_until: datetime | None,
) -> WebhookReplay:
    row = await conn.fetchrow(
        "insert into webhook_replays as r (webhook_id, states, created_since, created_until)"
        f" values ($1, $2, $3, $4) returning {_COLUMNS}",
        webhook_id,
        [state.value for state in states],
        created_since,
        created_until,
    )
    assert row is not None
    return WEBHOOK_REPLAYS.from_record(row)


async def is_running(conn: Connection, webhook_id: WebhookId) -> bool:
    """Tell whether the webhook has a replay that has not ended."""
    return bool(
        await conn.fetchval(
            "select exists (select from webhook_replays where webhook_id = $1 and state = 'RUNNING')", webhook_id
        )
    )


async def lock_replay(conn: Connection, replay_id: WebhookReplayId, *, seller_id: SellerId | None) -> WebhookReplay:
    """Lock a replay, after the batch that is under way.

    Raises:
        NotFound: There is none, or it is another seller's.
    """
    row = await conn.fetchrow(
        f"select {_COLUMNS} from webhook_replays r join webhooks w on w.id = r.webhook_id"
        " where r.id = $1 and ($2::bigint is null or w.seller_id = $2) for update of r",
        replay_id,
        seller_id,
    )
    if row is None:
        raise NotFound("There is no such replay.")
    return WEBHOOK_REPLAYS.from_record(row)


async def list_running(conn: Connection) -> list[tuple[WebhookReplayId, WebhookId]]:
    """Return the running replays, oldest first. They are not locked: lock the webhook first."""
    rows = await conn.fetch("select id, webhook_id from webhook_replays where state = 'RUNNING' order by id")
    return [(row["id"], row["webhook_id"]) for row in rows]


async def lock_running(conn: Connection, replay_id: WebhookReplayId) -> WebhookReplay | None:
    """Lock a running replay. Returns None when it has ended meanwhile, or another worker has locked it."""
    row = await conn.fetchrow(
        f"select {_COLUMNS} from webhook_replays r where r.id = $1 and r.state = 'RUNNING' for update skip locked",
        replay_id,
    )
    return None if row is None else WEBHOOK_REPLAYS.from_record(row)


async def begin(conn: Connection, replay_id: WebhookReplayId, *, total: int, last_id: int) -> None:
    await conn.execute(
        "update webhook_replays set total = $2, last_id = $3, started_at = clock_timestamp() where id = $1",
        replay_id,
        total,
        last_id,
    )


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


async def cancel(conn: Connection, replay_id: WebhookReplayId) -> WebhookReplay:
    row = await conn.fetchrow(
        "update webhook_replays r set state = 'CANCELLED', finished_at = clock_timestamp()"
        f" where r.id = $1 returning {_COLUMNS}",
        replay_id,
    )
    assert row is not None, "its caller has locked it"
    return WEBHOOK_REPLAYS.from_record(row)


async def cancel_running(conn: Connection, webhook_id: WebhookId) -> None:
    """Cancel the replay of a deleted webhook."""
    await conn.execute(
        "update webhook_replays set state = 'CANCELLED', finished_at = clock_timestamp()"
        " where webhook_id = $1 and state = 'RUNNING'",
        webhook_id,
    )
