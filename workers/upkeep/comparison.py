"""Compare the present state of entities with what a webhook was last given. This writes and locks nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.auth.viewers import Viewer
from app.db.pool import CONFLICTS, Connection
from app.db.table import Table
from app.kernel import clock
from app.webhooks.cel.filters import OVERSPENT, TOO_SLOW, FilterBatch
from app.webhooks.db import webhook_events
from app.webhooks.db.webhook_events import PriorEvent, Subject
from app.webhooks.db.webhooks import Webhook
from app.webhooks.domain.payload_bound import describe_excess
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_filter import event_of, reads_event
from app.webhooks.services.deduplication import awaits_creation, is_destroyed, may_know
from schema.engine.statements import listed_values
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES, ListQuery
from schema.stored.execute import RenderFailure
from schema.stored.validate import StoredQuery
from workers.publish.render import Renderer, Rendering, RenderKey, chunk_size
from workers.resources import Resources

_CREATE, _UPDATE, _DESTROY = WebhookEventName
#: Bytes of the bodies that one comparison renders; a chunk of them is in memory at a time.
_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """An entity that the receiver has not got, or has got differently, and the event that tells it."""

    entity_id: int
    operation: WebhookEventName
    changed_at: datetime


@dataclass(slots=True, kw_only=True)
class Comparison:
    """The result of comparing entities.

    Attributes:
        compared: The ids that were compared, from the first one on. The others did not fit.
        failed: The entities whose query could not be run.
        filter_error: Why the filter could not be evaluated for the next entity; None: it could.
    """

    compared: list[int] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    filter_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparer:
    """Compares entities for one webhook.

    Attributes:
        is_forced: Whether every entity counts as different, because the receiver has named it.
    """

    conn: Connection
    resources: Resources
    webhook: Webhook
    query: StoredQuery
    is_forced: bool

    @property
    def entity_type(self) -> str:
        return self.webhook.type.entity_type

    @property
    def table(self) -> Table[object]:
        return ENTITIES[self.entity_type].table

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.webhook.seller_id)

    @property
    def judges_changes(self) -> bool:
        """Whether the filter judges changes: that it is false says nothing about an entity's state then."""
        return self.webhook.filter is not None and reads_event(self.webhook.filter)

    async def compare(self, ids: Sequence[int]) -> Comparison:
        """Compare these entities, as far as the bounds allow."""
        there = await self._list_there(ids)
        prior = await self.list_prior(ids)
        filters = self.resources.filters.batch()
        comparison = Comparison()
        rest, bytes_left = list(ids), _MAX_BYTES
        while rest and bytes_left > 0 and comparison.filter_error is None and not filters.is_spent:
            size = chunk_size(self.query, bytes_left)
            chunk, rest = rest[:size], rest[size:]
            bodies = await self._render([entity_id for entity_id in chunk if entity_id in there])
            for entity_id in chunk:
                if comparison.filter_error is not None or filters.is_spent:
                    break
                body = bodies.get(entity_id)
                await self._compare(comparison, entity_id, there, body, prior.get(entity_id, ()), filters)
            bytes_left -= sum(len(one.body) for one in bodies.values() if isinstance(one, Rendering))
        return comparison

    async def list_prior(self, ids: Sequence[int]) -> dict[int, list[PriorEvent]]:
        """Return the prior events of these entities, as for `judge` in app/webhooks/services/deduplication.py."""
        subjects: list[Subject] = [(self.webhook.id, self.entity_type, entity_id) for entity_id in ids]
        found = await webhook_events.list_given(self.conn, subjects)
        return {subject[2]: events for subject, events in found.items()}

    async def _list_there(self, ids: Sequence[int]) -> Mapping[int, datetime]:
        """Return the entities that the webhook's owner sees, each with the time of its last change."""
        wanted = ListQuery(where="t.id = any($1::bigint[])", args=(list(ids),))
        found = listed_values(self.table, self.viewer, wanted, "id", "updated_at")
        return {row["id"]: row["updated_at"] for row in await self.conn.fetch(found.sql, *found.args)}

    async def _render(self, ids: Sequence[int]) -> Mapping[int, Rendering | RenderFailure]:
        """Render a chunk. If it fails in the database, render each entity in a savepoint."""
        if not ids:
            return {}
        key, settings = RenderKey(self.query, self.viewer), self.resources.settings
        try:
            async with self.conn.transaction():
                return await Renderer(self.conn, settings).render(key, ids)
        except Exception as error:
            if isinstance(error, CONFLICTS) or self.conn.is_closed():
                raise
        return await Renderer(self.conn, settings, is_careful=True).render(key, ids)

    async def _compare(
        self,
        comparison: Comparison,
        entity_id: int,
        there: Mapping[int, datetime],
        body: Rendering | RenderFailure | None,
        prior: Sequence[PriorEvent],
        filters: FilterBatch,
    ) -> None:
        if isinstance(body, RenderFailure) or (body is not None and self._is_unusable(body)):
            comparison.failed.add(entity_id)
            comparison.compared.append(entity_id)
            return
        passes = False
        if body is not None and not body.is_null:
            verdict = await self._passes(entity_id, body, prior, filters)
            if isinstance(verdict, str):
                comparison.filter_error = verdict
                return
            passes = verdict
        comparison.compared.append(entity_id)
        if body is not None and passes:
            operation = self._choose_present(body, prior)
        elif entity_id in there and self.judges_changes and not self.is_forced:
            operation = None
        else:
            operation = self._choose_absent(prior)
        if operation is not None:
            changed_at = there.get(entity_id) or clock.now()
            comparison.differences.append(Difference(entity_id=entity_id, operation=operation, changed_at=changed_at))

    def _is_unusable(self, body: Rendering) -> bool:
        """Return whether a result is too large to be sent, or has an internal error, which may go away."""
        is_doubtful = not body.is_comparable and not self.is_forced
        return is_doubtful or describe_excess(body.body, self.resources.settings.max_payload_bytes) is not None

    async def _passes(
        self, entity_id: int, body: Rendering, prior: Sequence[PriorEvent], filters: FilterBatch
    ) -> bool | str:
        """Return whether the filter passes the present state; or a text, if it could not be evaluated for now."""
        text = self.webhook.filter
        if text is None:
            return True
        if self.is_forced and self.judges_changes:
            # There is no change to judge: the receiver should have what it was given.
            return bool(prior) and not is_destroyed(prior)
        name = _UPDATE if may_know(prior) else _CREATE
        global_id = global_ids.encode(self.entity_type, entity_id)
        event = event_of(self.webhook.type, name, global_id, {"added": [], "updated": [], "removed": []})
        decided = await filters.evaluate(text, event, body.body, owner=self.webhook.seller_id)
        return decided.error if decided.error in (OVERSPENT, TOO_SLOW) else decided.passes

    def _choose_present(self, body: Rendering, prior: Sequence[PriorEvent]) -> WebhookEventName | None:
        """Choose the event of an entity that the receiver should have; None when it has the same."""
        is_equal = bool(prior) and prior[0].payload_digest == body.digest and prior[0].event_name is not _DESTROY
        if is_equal and not self.is_forced:
            return None
        is_new = not may_know(prior) and not awaits_creation(prior)
        wanted = [_CREATE, _UPDATE] if is_new else [_UPDATE]
        if self.is_forced:
            wanted = [_UPDATE, _CREATE]
        return next((one for one in wanted if one in self.webhook.event_names), None)

    def _choose_absent(self, prior: Sequence[PriorEvent]) -> WebhookEventName | None:
        """Choose the event of an entity that the receiver should not have; None when it can't have it."""
        is_told = not prior or is_destroyed(prior)
        if (is_told and not self.is_forced) or _DESTROY not in self.webhook.event_names:
            return None
        return _DESTROY
