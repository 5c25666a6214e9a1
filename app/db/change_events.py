"""The outbox: claim what was recorded, mark it published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from app.db.pool import Connection
from app.domain.webhook import WebhookEventName


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent:
    """One statement's change of one entity.

    columns    `table.column`, or `table.*` for a row added or removed.
    changes    the rows: {"t": table, "id", "p": parents' ids, "op": i, u or d, "c": columns}; at most 50.
               Some with "v", the tables from the entity to the row (`Root.way` in app/db/captured.py).
    seller_id  whose it was, of an entity that was deleted for good; else None.
    """

    id: int
    txid: int
    entity_type: str
    entity_id: int
    operation: WebhookEventName
    columns: frozenset[str]
    changes: Sequence[dict[str, Any]]
    is_cut: bool
    seller_id: int | None
    recorded_at: datetime


async def claim_batch(conn: Connection, *, limit: int) -> list[ChangeEvent]:
    """Lock one shard until the transaction ends and return its oldest unpublished events, oldest first.

    Returns: at most `limit`; empty when nothing waits that another publisher does not have already.
    Source:  0002_change_capture.sql, claim_change_events.
    """
    rows = await conn.fetch("select * from claim_change_events($1)", limit)
    return [
        ChangeEvent(
            id=row["id"],
            txid=row["txid"],
            entity_type=row["entity_type"],
            entity_id=row["entity_id"],
            operation=WebhookEventName(row["operation"]),
            columns=frozenset(row["columns"]),
            changes=orjson.loads(row["changes"]),
            is_cut=row["is_cut"],
            seller_id=row["seller_id"],
            recorded_at=row["recorded_at"],
        )
        for row in rows
    ]


async def mark_published(conn: Connection, ids: Sequence[int]) -> None:
    await conn.execute(
        "update change_events set published_at = clock_timestamp() where id = any($1::bigint[])", list(ids)
    )


async def work_waits(conn: Connection) -> tuple[bool, bool]:
    """Whether there is anything to publish, and anything due to deliver. Two index look-ups."""
    # statement_timestamp(): by the volatile clock_timestamp() no index can be searched, and each look would read
    # all events that wait for their retry.
    row = await conn.fetchrow(
        "select exists (select from change_events where published_at is null) as publish,"
        " exists (select from webhook_events where state in ('PENDING', 'RETRYING')"
        " and due_at <= statement_timestamp()) as deliver"
    )
    assert row is not None
    return row["publish"], row["deliver"]
