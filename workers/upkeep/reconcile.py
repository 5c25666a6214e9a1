"""Run reconciles: compare what a webhook was given with the present state, and send what differs.

A batch is compared without locks, which costs ordinary events nothing. What differs is then locked against publishers,
compared once more, and published like any other change. A batch and its position are one transaction; if a worker is
killed, another one continues from the last position.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from app.db.pool import Connection, transaction
from app.errors import InvalidInput
from app.webhooks.cel.filters import TOO_SLOW
from app.webhooks.db import webhooks
from app.webhooks.db.runs import webhook_reconciles
from app.webhooks.db.runs.webhook_reconciles import WebhookReconcile
from app.webhooks.db.webhook_event_changes import lock_entities
from app.webhooks.db.webhooks import Webhook
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import OPEN, WebhookEventState
from app.webhooks.domain.webhook_run import MAX_RATE_PER_S, WebhookRunState
from schema import schema
from schema.engine.statements import listed_values
from schema.entities.declarations import ListQuery
from schema.stored.validate import stored_query
from workers.publish.match import Change, Match
from workers.publish.publication import publish_matches
from workers.resources import Resources
from workers.upkeep.comparison import Comparer, Comparison, Difference

_log = structlog.get_logger()

#: Entities of one transaction.
BATCH_SIZE = 100
#: Events of the webhook that may wait to be sent, beside its own limits. A later change waits behind them.
MAX_WAITING = 100
#: Seconds until a reconcile looks again whether its events have been sent, or whether its filter can be run.
_FULL_S, _FILTER_S = 0.2, 10.0
#: Seconds after which a job ends, so that other work has its turn. The doorbell asks for the next job.
_JOB_S = 5.0
_SENT = (WebhookEventState.PENDING, WebhookEventState.HELD)


async def reconcile_all(resources: Resources) -> int:
    """Move on due reconciles until none is due. Return the number of entities that were handled."""
    total, ends_at = 0, time.monotonic() + _JOB_S
    while not resources.stopping.is_set() and time.monotonic() < ends_at:
        handled = await reconcile_batch(resources)
        if handled is None:
            break
        total += handled
    return total


async def start_due(resources: Resources) -> None:
    """Start the reconciles that are due, and note which finished ones have been confirmed."""
    async with transaction(resources.database) as conn:
        await webhook_reconciles.confirm_finished(conn, limit=BATCH_SIZE)
    async with transaction(resources.database) as conn:
        for webhook_id in await webhook_reconciles.start_scheduled(conn, rate_per_second=MAX_RATE_PER_S):
            _log.info("reconcile.started", webhook_id=webhook_id)


async def reconcile_batch(resources: Resources) -> int | None:
    """Move one reconcile on by one batch. Return the batch's number of entities; None when no reconcile is due."""
    async with transaction(resources.database) as conn:
        reconcile = await webhook_reconciles.RUNS.claim_due(conn)
        if reconcile is None:
            return None
        webhook = await webhooks.find_webhook(conn, reconcile.webhook_id)
        assert webhook is not None, "a foreign key says so"
        try:
            query = stored_query(schema._schema, webhook.query_string, webhook.type)
        except InvalidInput as error:
            reason = f"The stored query does not fit the schema any more. {error.message}"
            await webhook_reconciles.RUNS.finish(conn, reconcile.id, WebhookRunState.FAILED, reason)
            return 0
        is_forced = reconcile.entity_ids is not None
        comparer = Comparer(conn=conn, resources=resources, webhook=webhook, query=query, is_forced=is_forced)
        handled = await _Batch(reconcile=reconcile, comparer=comparer).run()
    _log.info("reconcile.batch", webhook_reconcile_id=reconcile.id, webhook_id=webhook.id, entities=handled)
    return handled


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """One batch of a reconcile, in the transaction that has locked it."""

    reconcile: WebhookReconcile
    comparer: Comparer

    @property
    def _conn(self) -> Connection:
        return self.comparer.conn

    @property
    def _webhook(self) -> Webhook:
        return self.comparer.webhook

    async def run(self) -> int:
        room = await self._count_room()
        if not room:
            await self._advance(_Sending(done=[], wait_s=_FULL_S))
            return 0
        last_id = self.reconcile.last_id
        if last_id is None:
            last_id = await self._begin()
        # No more than may be of use: if all of them differ, most would be rendered in vain.
        size = min(BATCH_SIZE, self.reconcile.rate_per_second, 10 * room)
        ids = await self._list_next(last_id, size)
        comparison = await self.comparer.compare(ids)
        sending = await self._send(comparison, room)
        if sending.filter_error == TOO_SLOW:
            reason = f"The filter could not be evaluated: {TOO_SLOW}."
            await webhook_reconciles.RUNS.finish(self._conn, self.reconcile.id, WebhookRunState.FAILED, reason)
            return 0
        await self._advance(sending)
        if len(ids) < size and len(sending.done) == len(ids):
            await webhook_reconciles.finish(self._conn, self.reconcile)
        return len(sending.done)

    async def _count_room(self) -> int:
        """Return how many events may be made, so that later changes do not wait for long behind them."""
        webhook = self._webhook
        most = min(MAX_WAITING, webhook.concurrent_send_limit, webhook.rate_limit or MAX_WAITING)
        return most - await webhook_reconciles.count_waiting(self._conn, webhook.id, limit=most)

    async def _begin(self) -> int:
        """Count the entities and fix the last id. Entities created later have their own change events."""
        if self.reconcile.entity_ids is not None:
            total, last_id = len(self.reconcile.entity_ids), self.reconcile.entity_ids[-1]
        else:
            sql, args = self._candidates(0, None)
            row = await self._conn.fetchrow(f"select count(*), coalesce(max(id), 0) from ({sql}) ids", *args)
            assert row is not None
            total, last_id = row
        await webhook_reconciles.RUNS.begin(self._conn, self.reconcile.id, total=total, last_id=last_id)
        return last_id

    async def _list_next(self, last_id: int, size: int) -> list[int]:
        """Return the ids of the next entities, rising."""
        position, named = self.reconcile.position, self.reconcile.entity_ids
        if named is not None:
            return [entity_id for entity_id in named if entity_id > position][:size]
        sql, args = self._candidates(position, last_id, size)
        return [row["id"] for row in await self._conn.fetch(f"{sql} order by id limit {size}", *args)]

    def _candidates(self, position: int, last_id: int | None, size: int | None = None) -> tuple[str, Sequence[object]]:
        """Return a statement for the ids that the owner sees, and of those that the webhook was given.

        Args:
            position: The ids after this one.
            last_id: The ids up to this one; None: all.
            size: How many ids are read of each; None: all.
        """
        between = "{id} > $1 and ($2::bigint is null or {id} <= $2)"
        wanted = ListQuery(where=between.format(id="t.id"), args=(position, last_id))
        seen = listed_values(self.comparer.table, self.comparer.viewer, wanted, "id")
        first, second = (f"${len(seen.args) + place}" for place in (1, 2))
        part = "" if size is None else "order by {id} limit " + str(size)
        sql = (
            f"(({seen.sql} {part.format(id='t.id')}) union (select g.entity_id from webhook_given g"
            f" where g.webhook_id = {first} and g.entity_type = {second} and {between.format(id='g.entity_id')}"
            f" and (g.event_name <> 'destroy' or g.payload_digest is null) {part.format(id='g.entity_id')}))"
        )
        return sql, (*seen.args, self._webhook.id, self.comparer.entity_type)

    async def _send(self, comparison: Comparison, room: int) -> "_Sending":
        """Publish as many differences as there is room for."""
        found, cut = comparison.differences[:room], comparison.differences[room:]
        left = {one.entity_id for one in cut}
        sent, failed, filter_error = 0, set(comparison.failed), comparison.filter_error
        if found:
            ids = [one.entity_id for one in found]
            # Lock before comparing again: what a publisher has told meanwhile must not be told again, or undone.
            await lock_entities(self._conn, self.comparer.entity_type, ids)
            again = await self.comparer.compare(ids)
            publication = await publish_matches(
                self._conn, self.comparer.resources, [self._match(one) for one in again.differences], is_careful=True
            )
            left |= {match.change.entity_id for match in publication.left} | {*ids} - {*again.compared}
            sent = sum(event.state in _SENT for event in publication.made)
            failed |= again.failed
            failed |= {event.entity_id for event in publication.made if event.state is WebhookEventState.RENDER_FAILED}
            filter_error = filter_error or again.filter_error
        end = min(left, default=None)
        done = [entity_id for entity_id in comparison.compared if end is None or entity_id < end]
        return _Sending(
            done=done,
            sent=sent,
            failed=len(failed.intersection(done)),
            filter_error=filter_error,
            wait_s=0.0 if filter_error is None else _FILTER_S,
        )

    def _match(self, difference: Difference) -> Match:
        webhook = self._webhook
        is_named = self.comparer.is_forced and self.comparer.judges_changes
        if difference.operation is WebhookEventName.DESTROY or is_named:
            # The comparison has judged: the filter must not keep an end from the receiver.
            webhook = replace(webhook, filter=None)
        change = Change(
            entity_type=self.comparer.entity_type,
            entity_id=difference.entity_id,
            operation=difference.operation,
            columns=frozenset(),
            changes=(),
            is_cut=False,
            seller_id=None,
            changed_at=difference.changed_at,
        )
        return Match(webhook=webhook, query=self.comparer.query, change=change, is_forced=self.comparer.is_forced)

    async def _advance(self, sending: "_Sending") -> None:
        done = sending.done
        prior = await self.comparer.list_prior(done) if done else {}
        error = sending.filter_error
        await webhook_reconciles.advance(
            self._conn,
            self.reconcile.id,
            position=done[-1] if done else self.reconcile.position,
            done=len(done),
            sent=sending.sent,
            failed=sending.failed,
            awaited=[one.id for events in prior.values() for one in events if one.state in OPEN],
            wait_s=sending.wait_s,
            reason=None if error is None else f"It waits for its filter: {error}.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sending:
    """The outcome of a batch.

    Attributes:
        done: The ids that are done, rising.
        sent: The number of events that were made.
        failed: The number of those done whose query could not be run.
        filter_error: Why the filter could not be evaluated for the next entity; None: it could.
        wait_s: Seconds until the next batch at least.
    """

    done: Sequence[int]
    sent: int = 0
    failed: int = 0
    filter_error: str | None = None
    wait_s: float = 0.0
