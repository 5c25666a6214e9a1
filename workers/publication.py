"""Render what webhooks are to be told, judge it, and store it as webhook events."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
import structlog

from app.db import webhook_events
from app.db.missed_changes import list_created
from app.db.pool import Connection
from app.db.webhook_events import Given, NewWebhookEvent, Payload, Subject
from app.db.webhooks import Subscription
from app.domain.payload_bound import describe_excess
from app.domain.webhook import WebhookEventName
from app.domain.webhook_event import WebhookEventState
from app.filtering import FilterBatch
from app.metrics import WEBHOOK_EVENTS_MADE, count
from schema import schema
from schema.stored.changed import describe_changes, join_changes
from schema.stored.execute import RenderFailure
from workers.budget import Budget
from workers.dedup import Verdict, awaits_creation, judge, may_know, returns_to
from workers.filter import filtered
from workers.gone import without_gone
from workers.match import Change, Match, Unrendered
from workers.render import HEAVY_BYTES, Rendered, Renderer, RenderKey, chunk_size, key_of, mean_bytes
from workers.resources import Resources

_log = structlog.get_logger()

_DESTROY = WebhookEventName.DESTROY
#: Of bodies that wait to be stored together: each statement sends so much, at least, where there is as much.
_STORED_BYTES: Final = 4 * 1024 * 1024


class Publication(NamedTuple):
    """What came of matches.

    made    the webhook events that were stored.
    left    what did not fit into the budget.
    absent  creations and updates of entities that their webhook's owner does not see (any more): nothing is made of
            them, since the destroy that follows is the last word.
    """

    made: list[NewWebhookEvent]
    left: list[Match]
    absent: list[Match]


async def publish_matches(
    conn: Connection,
    resources: Resources,
    matches: Sequence[Match],
    unrendered: Sequence[Unrendered] = (),
    *,
    budget: Budget | None = None,
    is_careful: bool = False,
    leaves_heavy: bool = False,
) -> Publication:
    """Render, judge and store, in the caller's transaction, which keeps other publishers from these entities.

    Args:
        budget: What this may take; None: a step's.
        is_careful: Whether what fails is isolated by savepoints: after a failure, since it costs more.
        leaves_heavy: Whether queries that are known to give large bodies are left for another time.
    """
    publisher = _Publisher(conn, resources, budget or Budget(), is_careful=is_careful, leaves_heavy=leaves_heavy)
    return await publisher.publish(matches, unrendered)


class _Ready(NamedTuple):
    match: Match
    result: Rendered


class _Publisher:
    def __init__(
        self, conn: Connection, resources: Resources, budget: Budget, *, is_careful: bool, leaves_heavy: bool
    ) -> None:
        self._conn = conn
        self._max_bytes = resources.settings.max_payload_bytes
        self._filters = resources.filters.batch()
        self._renderer = Renderer(conn, resources.settings, is_careful=is_careful)
        self._budget = budget
        self._is_careful = is_careful
        self._leaves_heavy = leaves_heavy
        self._ready: list[_Ready] = []
        self._ready_bytes = 0
        self._unrendered: list[Unrendered] = []
        self._result = Publication(made=[], left=[], absent=[])

    async def publish(self, matches: Sequence[Match], unrendered: Sequence[Unrendered]) -> Publication:
        matches, gone = await without_gone(self._conn, matches)
        self._unrendered += [*unrendered, *gone]
        for key, by_entity in _light_first(matches):
            await self._publish_query(key, by_entity)
        await self._store()
        return self._result

    async def _publish_query(self, key: RenderKey, by_entity: Mapping[int, list[Match]]) -> None:
        ids = list(by_entity)
        is_left = self._leaves_heavy and (mean_bytes(key.query) or 0) > HEAVY_BYTES
        while ids and not is_left and not self._budget.is_spent:
            size = chunk_size(key.query, self._budget.bytes)
            chunk, ids = ids[:size], ids[size:]
            results = await self._renderer.render(key, chunk)
            for entity_id in chunk:
                self._take(by_entity[entity_id], results[entity_id])
            if self._ready_bytes >= _STORED_BYTES:
                await self._store()
        self._result.left.extend(match for entity_id in ids for match in by_entity[entity_id])

    def _take(self, matches: Sequence[Match], result: Rendered | RenderFailure) -> None:
        """Note what is to be made of one rendering; what the budget has no room for is left, webhook by webhook."""
        taken, left = _split(matches, max(self._budget.matches, 1))
        self._result.left.extend(left)
        size = 0 if isinstance(result, RenderFailure) else len(result.body)
        self._budget.spend(matches=len(taken), bytes=size)
        if (reason := self._refusal(result)) is not None:
            self._unrendered += [_failed(match, reason) for match in taken]
            return
        assert isinstance(result, Rendered)
        sent = taken
        if result.is_null:
            sent = [match for match in taken if match.change.operation is _DESTROY]
            destroyed = {match.webhook.id for match in sent}
            self._result.absent.extend(match for match in taken if match.webhook.id not in destroyed)
        self._ready += [_Ready(match, result) for match in sent]
        self._ready_bytes += size

    def _refusal(self, result: Rendered | RenderFailure) -> str | None:
        """Why a result is not sent; None when it is."""
        if isinstance(result, RenderFailure):
            return result.reason
        return describe_excess(result.body, self._max_bytes)

    async def _store(self) -> None:
        ready, self._ready, self._ready_bytes = self._ready, [], 0
        unrendered, self._unrendered = self._unrendered, []
        if self._is_careful:
            await self._store_carefully(ready, unrendered)
        elif ready or unrendered:
            await self._store_together(ready, unrendered)

    async def _store_carefully(self, ready: Sequence[_Ready], unrendered: Sequence[Unrendered]) -> None:
        """Store in a savepoint; halve what fails, down to a single one, which becomes RENDER_FAILED."""
        if not ready and not unrendered:
            return
        try:
            async with self._conn.transaction():
                await self._store_together(ready, unrendered)
            return
        except Exception as error:
            if self._conn.is_closed() or (not ready and len(unrendered) == 1):
                raise
            _log.warning("publish.halved", results=len(ready), unrendered=len(unrendered), error=repr(error))
            failure = RenderFailure(error)
        if len(ready) == 1 and not unrendered:
            await self._store_carefully([], [_failed(ready[0].match, failure.reason)])
            return
        if ready and unrendered:
            await self._store_carefully([], unrendered)
            await self._store_carefully(ready, [])
            return
        middle, place = len(ready) // 2, len(unrendered) // 2
        await self._store_carefully(ready[:middle], unrendered[:place])
        await self._store_carefully(ready[middle:], unrendered[place:])

    async def _store_together(self, ready: Sequence[_Ready], unrendered: Sequence[Unrendered]) -> None:
        made = [*[_as_it_is(one) for one in unrendered], *await _judged(self._conn, ready, self._filters)]
        wanted = {event.payload_digest for event in made}
        bodies = {result.digest: result.body for _, result in ready if result.digest in wanted}
        if bodies:
            await webhook_events.insert_payloads(
                self._conn, [Payload(digest=digest, body=body) for digest, body in bodies.items()]
            )
        if made:
            await webhook_events.insert_webhook_events(self._conn, made)
            count(WEBHOOK_EVENTS_MADE, (event.state for event in made))
            self._result.made.extend(made)


def _failed(match: Match, reason: str) -> Unrendered:
    failed = WebhookEventState.RENDER_FAILED
    return Unrendered(webhook=match.webhook, change=match.change, state=failed, reason=reason, replaces=match.replaces)


def _light_first(matches: Sequence[Match]) -> list[tuple[RenderKey, dict[int, list[Match]]]]:
    """Group by what is rendered once, and by entity: queries with small bodies first."""
    grouped: dict[RenderKey, dict[int, list[Match]]] = {}
    for match in matches:
        grouped.setdefault(key_of(match), {}).setdefault(match.change.entity_id, []).append(match)
    return sorted(grouped.items(), key=lambda item: mean_bytes(item[0].query) or 0)


def _split(matches: Sequence[Match], room: int) -> tuple[Sequence[Match], Sequence[Match]]:
    """Split where there is no more room, but not between the changes of one webhook."""
    if len(matches) <= room:
        return matches, ()
    while room < len(matches) and matches[room].webhook is matches[room - 1].webhook:
        room += 1
    return matches[:room], matches[room:]


async def _judged(conn: Connection, ready: Sequence[_Ready], filters: FilterBatch) -> list[NewWebhookEvent]:
    subjects = [_subject(match) for match, _ in ready]
    given = await webhook_events.list_given(conn, list(dict.fromkeys(subjects))) if subjects else {}
    if unsure := _depending_on_what_waits(ready, given):
        # Lock first. If a worker sends the waiting events while we decide, we could drop a destroy that the
        # subscriber needs, send a second create, or leave an older state as the last one.
        await webhook_events.lock_waiting(conn, unsure)
        again = await webhook_events.list_given(conn, unsure)
        given |= {subject: again.get(subject, []) for subject in unsure}
    unheard = await _unheard_creations(conn, ready, given)
    # Once, however many webhooks are told of a change.
    described = {key: _changed(change) for key, change in {id(one.change): one.change for one, _ in ready}.items()}
    made = []
    for (match, result), subject in zip(ready, subjects, strict=True):
        before = given.get(subject, ())
        operation = WebhookEventName.CREATE if subject in unheard else match.change.operation
        verdict = judge(match.webhook, operation, result.digest, before, is_comparable=result.is_comparable)
        changed = _joined(before, verdict, described[id(match.change)])
        verdict = await filtered(filters, match, verdict, response=result.body, changed=changed)
        made.append(_event(match, result, verdict, changed))
    return made


async def _unheard_creations(
    conn: Connection, ready: Sequence[_Ready], given: Mapping[Subject, Sequence[Given]]
) -> set[Subject]:
    """Return of which updates the webhook, while it still catches up, has not heard that the entity was created."""
    behind: dict[str, list[Match]] = {}
    for match, _ in ready:
        is_update = match.change.operation is WebhookEventName.UPDATE
        if match.webhook.missed_since is not None and is_update and not may_know(given.get(_subject(match), ())):
            behind.setdefault(match.change.entity_type, []).append(match)
    unheard: set[Subject] = set()
    for entity_type, matches in behind.items():
        created = await list_created(conn, entity_type, {match.change.entity_id for match in matches})
        for match in matches:
            assert match.webhook.missed_since is not None
            if created.get(match.change.entity_id, 0) > match.webhook.missed_since:
                unheard.add(_subject(match))
    return unheard


def _event(match: Match, result: Rendered, verdict: Verdict, changed: Mapping[str, Any]) -> NewWebhookEvent:
    return NewWebhookEvent(
        webhook_id=match.webhook.id,
        entity_type=match.change.entity_type,
        entity_id=match.change.entity_id,
        event_name=verdict.event_name,
        state=_state(match.webhook, verdict.state),
        reason=verdict.reason,
        payload_digest=result.digest if verdict.state is WebhookEventState.PENDING else None,
        changed=orjson.dumps(changed),
        changed_at=match.change.changed_at,
        supersedes=(*verdict.supersedes, *match.replaces),
        may_be_known=verdict.may_be_known,
    )


def _subject(match: Match) -> Subject:
    return match.webhook.id, match.change.entity_type, match.change.entity_id


def _depending_on_what_waits(ready: Sequence[_Ready], given: Mapping[Subject, Sequence[Given]]) -> list[Subject]:
    """Those of which more is to be judged than whether a new state takes the place of an older one."""
    found: dict[Subject, None] = {}
    for match, result in ready:
        before = given.get(_subject(match), ())
        if before and (
            match.change.operation is not WebhookEventName.UPDATE
            or awaits_creation(before)
            or (len(before) > 1 and returns_to(before, result.digest))
        ):
            found[_subject(match)] = None
    return list(found)


def _state(webhook: Subscription, judged: WebhookEventState) -> WebhookEventState:
    """What a disabled webhook would be sent is held: it goes out when the webhook is enabled again."""
    is_held = judged is WebhookEventState.PENDING and not webhook.is_enabled
    return WebhookEventState.HELD if is_held else judged


def _changed(change: Change) -> dict[str, Any]:
    try:
        return describe_changes(schema._schema, change.entity_type, change.changes, is_cut=change.is_cut)
    except Exception as error:
        # What has changed is not worth an event that is never sent.
        _log.exception("publish.changes_not_described", entity_type=change.entity_type, error=repr(error))
        return {"added": [], "updated": [], "removed": [], "cut": True}


def _joined(before: Sequence[Given], verdict: Verdict, changed: dict[str, Any]) -> dict[str, Any]:
    """With what the superseded ones would have said, newest first: nobody is told of it otherwise."""
    for one in before:
        if one.id in verdict.supersedes and one.state is not WebhookEventState.DELIVERED:
            changed = join_changes(orjson.loads(one.changed), changed)
    return changed


def _as_it_is(one: Unrendered) -> NewWebhookEvent:
    change = one.change
    return NewWebhookEvent(
        webhook_id=one.webhook.id,
        entity_type=change.entity_type,
        entity_id=change.entity_id,
        event_name=change.operation,
        state=one.state,
        reason=one.reason,
        payload_digest=None,
        changed=orjson.dumps(_changed(change)),
        changed_at=change.changed_at,
        supersedes=one.replaces,
    )
