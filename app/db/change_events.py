"""The outbox: claim what was recorded, mark it published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from app.db.pool import Connection
from app.domain.webhook import WebhookEventName


class ChangeEvent(NamedTuple):
    """One statement's change of one entity.

    columns    `table.column`, or `table.*` for a row added or removed; `adverts/table.column` of one beside it.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What a published event is to be an update of, too.

    sql       a SELECT of the entities' ids from `{id}`, that of the event's own entity.
    excepted  one that is not meant; None when all are.
    """

    event: ChangeEvent
    below: str
    sql: str
    excepted: int | None
    columns: frozenset[str]
    changes: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Whether anything waits to be published; is due to be delivered; is a run over many rows that can move on."""

    publish: bool
    deliver: bool
    advance: bool


async def claim_batch(conn: Connection, *, limit: int) -> list[ChangeEvent]:
    """Lock shards until the transaction ends and return their oldest unpublished events.

    Returns: at most `limit`, shard by shard, each oldest first; empty when nothing waits that another publisher
             does not have already.
    Source:  migrations/functions/claim_change_events.sql.
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
        "update change_events set published_at = clock_timestamp()"
        " where published_at is null and id = any($1::bigint[])",
        list(ids),
    )


async def insert_passed(conn: Connection, passed: Passed) -> None:
    """Record it, to be published, as a change of the event's own transaction and time."""
    await conn.execute(
        f"""
        insert into change_events (txid, entity_type, entity_id, operation, columns, changes, is_cut, actor,
          recorded_at)
        select e.txid, $2, d.id, 'UPDATE', $3, $4::text::jsonb, e.is_cut, e.actor, e.recorded_at
        from change_events_open e cross join lateral ({passed.sql.format(id="e.entity_id")}) d(id)
        where e.id = $1 and d.id is distinct from $5
        """,
        passed.event.id,
        passed.below,
        sorted(passed.columns),
        orjson.dumps(list(passed.changes)).decode(),
        passed.excepted,
    )


async def may_prepare_transactions(conn: Connection) -> bool:
    """Whether the server lets writers prepare transactions; then no commit notifies anybody (tellgraph_ring.sql)."""
    return bool(await conn.fetchval("select current_setting('max_prepared_transactions') <> '0'"))


async def work_waits(conn: Connection) -> Waiting:
    """What there is to do for workers. A look-up in an index each."""
    # statement_timestamp(): by the volatile clock_timestamp() no index can be searched, and each look would read
    # all events that wait for their retry.
    row = await conn.fetchrow(
        """
        select exists (select from change_events_open) as publish,
          exists (select from webhook_events_open where state in ('PENDING', 'RETRYING')
            and due_at <= statement_timestamp()) as deliver,
          exists (select from webhook_replays where state = 'RUNNING')
            or exists (select from webhook_backfills b join webhooks w on w.id = b.webhook_id and w.is_enabled
              where b.state = 'RUNNING' and b.due_at <= statement_timestamp())
            or exists (select from webhook_events e join webhooks w on w.id = e.webhook_id and w.is_enabled
              where e.state = 'RENDER_FAILED' and e.due_at is not null) as advance
        """
    )
    assert row is not None
    return Waiting(publish=row["publish"], deliver=row["deliver"], advance=row["advance"])
