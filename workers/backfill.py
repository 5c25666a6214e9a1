"""Backfills: the present state of a webhook's entities, published in batches at the rate that was asked for.

A batch is one transaction with its position: a killed worker leaves nothing, and another goes on from there.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import structlog

from app.auth import Viewer
from app.db import webhook_backfills, webhooks
from app.db.keyset import BY_ID, Slice
from app.db.pool import Connection, transaction
from app.db.table import Table
from app.db.webhook_backfills import WebhookBackfill
from app.db.webhook_event_changes import lock_entities
from app.db.webhooks import Webhook
from app.domain.webhook import WebhookEventName
from app.domain.webhook_event import WebhookEventState
from app.domain.webhook_run import WebhookRunState
from app.errors import InvalidInput
from schema import schema
from schema.declarations import ENTITIES, Asked
from schema.statements import listed_count, listed_rows
from schema.stored.validate import StoredQuery, stored_query
from workers.match import Change, Match
from workers.publish import publish_matches
from workers.resources import Resources

_log = structlog.get_logger()

#: Entities of one transaction: publishers of their shards wait for it.
BATCH_SIZE = 100


async def backfill_all(resources: Resources) -> int:
    """Move on every backfill that is due, until none is. Returns how many entities were handled."""
    total = 0
    while not resources.stopping.is_set() and (handled := await backfill_batch(resources)) is not None:
        total += handled
    return total


async def backfill_batch(resources: Resources) -> int | None:
    """Move one backfill on by one batch. Returns its number of entities; None when no backfill is due."""
    async with transaction(resources.database) as conn:
        backfill = await webhook_backfills.claim_due(conn)
        if backfill is None:
            return None
        webhook = await webhooks.find_webhook(conn, backfill.webhook_id)
        assert webhook is not None, "a foreign key says so"
        try:
            query = stored_query(schema._schema, webhook.query_string, webhook.type)
        except InvalidInput as error:
            reason = f"The stored query does not fit the schema any more. {error.message}"
            await webhook_backfills.finish(conn, backfill.id, WebhookRunState.FAILED, reason)
            return 0
        handled = await _batch(conn, resources, backfill, webhook, query)
    _log.info("backfill.batch", webhook_backfill_id=backfill.id, webhook_id=webhook.id, entities=handled)
    return handled


async def _batch(
    conn: Connection, resources: Resources, backfill: WebhookBackfill, webhook: Webhook, query: StoredQuery
) -> int:
    table, viewer = ENTITIES[webhook.type.entity_type].table, Viewer(webhook.seller_id)
    last_id = backfill.last_id
    if last_id is None:
        last_id = await _begin(conn, backfill, table, viewer)
    size = min(BATCH_SIZE, backfill.rate_per_second)
    found = listed_rows(table, viewer, _asked(backfill, last_id), Slice(size=size, is_backward=False, cursor=None))
    rows = table.rows(await conn.fetch(found.sql, *found.args))
    batch = rows[:size]
    if batch:
        skipped = await _publish(conn, resources, backfill, webhook, query, batch)
        await webhook_backfills.advance(conn, backfill.id, position=batch[-1].id, done=len(batch), skipped=skipped)
    if len(rows) <= size:
        await webhook_backfills.finish(conn, backfill.id, WebhookRunState.DONE)
    return len(batch)


async def _begin(conn: Connection, backfill: WebhookBackfill, table: Table[Any], viewer: Viewer) -> int:
    """Count, and fix the end: what is created later is told by its own change. Returns the last id."""
    everything = _asked(backfill, None)
    counted = listed_count(table, viewer, everything)
    total = (await conn.fetch(counted.sql, *counted.args))[0]["n"]
    newest_first = replace(everything, sort=BY_ID.reversed())
    found = listed_rows(table, viewer, newest_first, Slice(size=1, is_backward=False, cursor=None))
    rows = table.rows(await conn.fetch(found.sql, *found.args))
    last_id: int = rows[0].id if rows else 0
    await webhook_backfills.begin(conn, backfill.id, total=total, last_id=last_id)
    return last_id


def _asked(backfill: WebhookBackfill, last_id: int | None) -> Asked:
    return Asked(
        where="t.id > $1 and ($2::bigint is null or t.id <= $2)"
        " and ($3::timestamptz is null or t.updated_at >= $3) and ($4::timestamptz is null or t.updated_at < $4)",
        args=(backfill.position, last_id, backfill.updated_since, backfill.updated_until),
    )


async def _publish(
    conn: Connection,
    resources: Resources,
    backfill: WebhookBackfill,
    webhook: Webhook,
    query: StoredQuery,
    rows: Sequence[Any],
) -> int:
    """Publish the present state of these rows. Returns how many were skipped."""
    entity_type = webhook.type.entity_type
    # Before anything is rendered: what a publisher has just told must not be told again as something newer.
    await lock_entities(conn, entity_type, [row.id for row in rows])
    judged_as = replace(webhook, allow_skip=False) if backfill.is_forced else webhook
    matches = [Match(webhook=judged_as, query=query, change=_change(entity_type, row)) for row in rows]
    made = await publish_matches(conn, resources, matches)
    return sum(event.state is WebhookEventState.SKIPPED for event in made)


def _change(entity_type: str, row: Any) -> Change:
    """Nothing in particular has changed."""
    return Change(
        entity_type=entity_type,
        entity_id=row.id,
        operation=WebhookEventName.UPDATE,
        columns=frozenset(),
        changes=(),
        is_cut=False,
        seller_id=None,
        changed_at=row.updated_at,
    )
