"""Run backfills: publish the present state of a webhook's entities in batches, at the requested rate.

A batch and its position are one transaction. If a worker is killed, another one continues from the last position.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, Slice
from app.db.pool import Connection, transaction
from app.db.table import Table
from app.errors import InvalidInput
from app.webhooks.db import webhooks
from app.webhooks.db.runs import webhook_backfills
from app.webhooks.db.runs.webhook_backfills import WebhookBackfill
from app.webhooks.db.webhook_event_changes import lock_entities
from app.webhooks.db.webhooks import Webhook
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.domain.webhook_run import WebhookRunState
from schema import schema
from schema.engine.statements import listed_count, listed_rows
from schema.entities.declarations import ENTITIES, ListQuery
from schema.filters.webhooks import webhook_backfills as backfill_filters
from schema.stored.validate import StoredQuery, stored_query
from workers.publish.match import Change, Match
from workers.publish.publication import Publication, publish_matches
from workers.resources import Resources

_log = structlog.get_logger()

#: Entities of one transaction. Publishers of their shards wait for it.
BATCH_SIZE = 100


async def backfill_all(resources: Resources) -> int:
    """Move on due backfills until none is due. Return the number of entities that were handled."""
    total = 0
    while not resources.stopping.is_set() and (handled := await backfill_batch(resources)) is not None:
        total += handled
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillRun:
    """A backfill with its webhook and query. `wanted` is the list of entities that its filters select."""

    backfill: WebhookBackfill
    webhook: Webhook
    query: StoredQuery
    wanted: ListQuery

    @property
    def table(self) -> Table[object]:
        return ENTITIES[self.webhook.type.entity_type].table

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.webhook.seller_id)


async def backfill_batch(resources: Resources) -> int | None:
    """Move one backfill on by one batch. Return the batch's number of entities; None when no backfill is due."""
    async with transaction(resources.database) as conn:
        backfill = await webhook_backfills.RUNS.claim_due(conn)
        if backfill is None:
            return None
        webhook = await webhooks.find_webhook(conn, backfill.webhook_id)
        assert webhook is not None, "a foreign key says so"
        try:
            run = _run(backfill, webhook)
        except InvalidInput as error:
            await webhook_backfills.RUNS.finish(conn, backfill.id, WebhookRunState.FAILED, error.message)
            return 0
        handled = await _batch(conn, resources, run)
    _log.info("backfill.batch", webhook_backfill_id=backfill.id, webhook_id=webhook.id, entities=handled)
    return handled


def _run(backfill: WebhookBackfill, webhook: Webhook) -> BackfillRun:
    """Compile the query and the filters. Raise InvalidInput if they do not fit the schema any more."""
    try:
        query = stored_query(schema._schema, webhook.query_string, webhook.type)
    except InvalidInput as error:
        raise InvalidInput(f"The stored query does not fit the schema any more. {error.message}") from error
    try:
        filters = None if backfill.filters is None else backfill_filters.from_text(schema, backfill.filters)
        wanted = backfill_filters.ask(Viewer(webhook.seller_id), webhook.type, filters)
    except InvalidInput as error:
        raise InvalidInput(f"The filters do not fit the schema any more. {error.message}") from error
    return BackfillRun(backfill=backfill, webhook=webhook, query=query, wanted=wanted)


async def _batch(conn: Connection, resources: Resources, run: BackfillRun) -> int:
    backfill = run.backfill
    last_id = backfill.last_id
    if last_id is None:
        last_id = await _begin(conn, run)
    size = min(BATCH_SIZE, backfill.rate_per_second)
    rows = await _listed(conn, run, _from(run, last_id), size)
    batch = rows[:size]
    is_last = len(rows) <= size
    if batch:
        publication = await _publish(conn, resources, run, batch)
        if publication.left:
            # The rest did not fit into one step. The next one continues from there.
            first_left = min(match.change.entity_id for match in publication.left)
            batch, is_last = [row for row in batch if row.id < first_left], False
        skipped = sum(event.state is WebhookEventState.SKIPPED for event in publication.made)
        await webhook_backfills.advance(conn, backfill.id, position=batch[-1].id, done=len(batch), skipped=skipped)
    if is_last:
        await webhook_backfills.RUNS.finish(conn, backfill.id, WebhookRunState.DONE)
    return len(batch)


async def _begin(conn: Connection, run: BackfillRun) -> int:
    """Count the entities and fix the last id. Entities created later have their own change events."""
    everything = _from(run, None)
    counted = listed_count(run.table, run.viewer, everything)
    total = (await conn.fetch(counted.sql, *counted.args))[0]["n"]
    rows = await _listed(conn, run, replace(everything, sort=BY_ID.reversed()), 1)
    last_id: int = rows[0].id if rows else 0
    await webhook_backfills.RUNS.begin(conn, run.backfill.id, total=total, last_id=last_id)
    return last_id


async def _listed(conn: Connection, run: BackfillRun, asked: ListQuery, size: int) -> list[Any]:
    """Return up to `size` rows, and one more if there are more."""
    found = listed_rows(run.table, run.viewer, asked, Slice(size=size, is_backward=False, cursor=None))
    return run.table.rows(await conn.fetch(found.sql, *found.args))


def _from(run: BackfillRun, last_id: int | None) -> ListQuery:
    """Return the list of wanted entities, by id, after the backfill's position."""
    backfill, wanted = run.backfill, run.wanted
    position, last, since, until = (f"${len(wanted.args) + place}" for place in range(1, 5))
    return ListQuery(
        where=f"{wanted.where} and t.id > {position} and ({last}::bigint is null or t.id <= {last})"
        f" and ({since}::timestamptz is null or t.updated_at >= {since})"
        f" and ({until}::timestamptz is null or t.updated_at < {until})",
        args=(*wanted.args, backfill.position, last_id, backfill.updated_since, backfill.updated_until),
    )


async def _publish(conn: Connection, resources: Resources, run: BackfillRun, rows: Sequence[Any]) -> Publication:
    """Publish the present state of these rows."""
    entity_type = run.webhook.type.entity_type
    # Lock before rendering: a state that a publisher has just sent must not be sent again as a newer one.
    await lock_entities(conn, entity_type, [row.id for row in rows])
    matches = [
        Match(webhook=run.webhook, query=run.query, change=_change(entity_type, row), is_forced=run.backfill.is_forced)
        for row in rows
    ]
    return await publish_matches(conn, resources, matches)


def _change(entity_type: str, row: Any) -> Change:
    """Return an update of an entity without changed columns."""
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
