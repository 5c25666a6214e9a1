"""The recorded changes of one entity, and the webhook events of one webhook about it: why nothing came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.capture.change_events import Lane
from app.capture.row_changes import RowChange, decode_row_changes
from app.db.pool import RowReader
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState

#: Index entries that are looked at for one entity. They are found by its number alone, which entities of other types
#: may share: one of those may have changed a million times.
MAX_CHANGES_READ = 1_000
#: The same for webhook events, which an entity has for each of its webhooks.
MAX_EVENTS_READ = 5_000
#: Webhook events that are compared with the changes: each with each, beside everybody else's requests.
_MAX_EVENTS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityChange:
    """One recorded change of an entity. `columns`, `changes`, `is_cut`: as `ChangeEvent` has them.

    seller_id     of a DESTROY: whose the entity was, when it was deleted for good. Of an UPDATE: the seller that it has
                  left. Else None.
    published_at  None while it waits. Changes that were published together have the same time.
    """

    id: int
    txid: int
    operation: WebhookEventName
    columns: frozenset[str]
    changes: Sequence[RowChange]
    is_cut: bool
    seller_id: int | None
    recorded_at: datetime
    published_at: datetime | None
    is_set_aside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityEvent:
    """A webhook event of one webhook and entity. changed_at: when the last change that it tells of was recorded."""

    id: WebhookEventId
    state: WebhookEventState
    reason: str | None
    changed_at: datetime
    created_at: datetime


async def list_entity_changes(conn: RowReader, entity_type: str, entity_id: int, *, limit: int) -> list[EntityChange]:
    """List the last changes of an entity that are still recorded, published or not, newest first."""
    columns = "id, txid, operation, columns, changes, is_cut, seller_id, recorded_at, published_at, lane"
    rows = await conn.fetch(
        f"""
        (select {columns} from change_events_open where entity_type = $1 and entity_id = $2 order by +id desc limit $3)
        union all
        (select {columns} from (
          select {columns}, entity_type from change_events_published where entity_id = $2 order by id desc limit $4
        ) p where entity_type = $1 order by id desc limit $3)
        order by id desc limit $3
        """,
        entity_type,
        entity_id,
        limit,
        MAX_CHANGES_READ,
    )
    return [
        EntityChange(
            id=row["id"],
            txid=row["txid"],
            operation=WebhookEventName(row["operation"]),
            columns=frozenset(row["columns"]),
            changes=decode_row_changes(row["changes"]),
            is_cut=row["is_cut"],
            seller_id=row["seller_id"],
            recorded_at=row["recorded_at"],
            published_at=row["published_at"],
            is_set_aside=row["published_at"] is None and row["lane"] == Lane.SET_ASIDE,
        )
        for row in rows
    ]


async def list_entity_events(
    conn: RowReader, webhook_id: WebhookId, entity_type: str, entity_id: int, *, since: datetime
) -> list[EntityEvent]:
    """List the last webhook events about changes recorded at `since` or later, oldest first, without tests."""
    wanted = "webhook_id = $1 and entity_type = $2 and entity_id = $3 and changed_at >= $4 and event_name <> 'test'"
    rows = await conn.fetch(
        f"""
        select id, state, reason, changed_at, created_at from webhook_events_open where {wanted}
        union all
        select id, state, reason, changed_at, created_at from (
          select * from webhook_events_closed where entity_id = $3 order by id desc limit $5
        ) c where {wanted}
        order by id desc limit $6
        """,
        webhook_id,
        entity_type,
        entity_id,
        since,
        MAX_EVENTS_READ,
        _MAX_EVENTS,
    )
    return [EntityEvent(**{**row, "state": WebhookEventState(row["state"])}) for row in reversed(rows)]
