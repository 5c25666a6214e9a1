"""Render matches, judge the results, and store them as webhook events."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import structlog

from app.db.pool import CONFLICTS, Connection
from app.telemetry.metrics import WEBHOOK_EVENTS_MADE, count
from app.webhooks.db import payloads, webhook_events
from app.webhooks.db.immediate_claims import insert_claimed, list_claimable
from app.webhooks.db.payloads import Payload
from app.webhooks.db.webhook_events import NewWebhookEvent
from app.webhooks.domain.payload_bound import describe_excess
from app.webhooks.domain.webhook import WebhookEventName, fold_operations
from app.webhooks.domain.webhook_event import NewState, WebhookEventState
from app.webhooks.services.deduplication import NEVER_SENT
from schema.stored.execute import RenderFailure
from workers.deliver.handover import Handover
from workers.publish.budget import Budget
from workers.publish.deleted_entities import split_deleted
from workers.publish.judgement import RenderedMatch, judge_results, make_unrendered_event
from workers.publish.match import Match, UnrenderedMatch
from workers.publish.render import HEAVY_BYTES, Renderer, Rendering, RenderKey, chunk_size, key_of, mean_bytes
from workers.resources import Resources

_log = structlog.get_logger()

_DESTROY = WebhookEventName.DESTROY


class Publication(NamedTuple):
    """The result of publishing matches.

    Attributes:
        made: The webhook events that were stored.
        left: The matches that did not fit into the budget, or whose filters there was no time for.
        absent: Creates and updates of entities that the webhook's owner does not see (any more). No event is made of
            them, because a destroy follows.
    """

    made: list[NewWebhookEvent]
    left: list[Match]
    absent: list[Match]


async def publish_matches(
    conn: Connection,
    resources: Resources,
    matches: Sequence[Match],
    unrendered: Sequence[UnrenderedMatch] = (),
    *,
    budget: Budget | None = None,
    is_careful: bool = False,
    leaves_heavy: bool = False,
    handover: Handover | None = None,
) -> Publication:
    """Render, judge and store matches in the caller's transaction, which keeps other publishers from these entities.

    Args:
        conn: The connection with the transaction.
        resources: The resources of the process.
        matches: The matches to render.
        unrendered: Matches that are stored with the reason why they are not sent.
        budget: The bounds of this work; None: those of a step.
        is_careful: Whether failures are isolated by savepoints. That is slower, so it is done after a failure only.
        leaves_heavy: Whether queries with large bodies are left for another time.
        handover: Takes events that can be sent as soon as the transaction is committed; None: all of them are due.
    """
    publisher = _MatchPublisher(
        conn,
        resources,
        budget or Budget(),
        is_careful=is_careful,
        leaves_heavy=leaves_heavy,
        # What a savepoint takes back must not be sent.
        handover=None if is_careful else handover,
    )
    return await publisher.publish(matches, unrendered)


class _MatchPublisher:
    """Publishes the matches of one call of `publish_matches`."""

    def __init__(
        self,
        conn: Connection,
        resources: Resources,
        budget: Budget,
        *,
        is_careful: bool,
        leaves_heavy: bool,
        handover: Handover | None,
    ) -> None:
        self._conn = conn
        self._max_bytes = resources.settings.max_payload_bytes
        self._filters = resources.filters.batch()
        self._renderer = Renderer(conn, resources.settings, is_careful=is_careful)
        self._budget = budget
        self._is_careful = is_careful
        self._leaves_heavy = leaves_heavy
        self._handover = handover
        self._ready: list[RenderedMatch] = []
        self._unrendered: list[UnrenderedMatch] = []
        self._result = Publication(made=[], left=[], absent=[])

    async def publish(self, matches: Sequence[Match], unrendered: Sequence[UnrenderedMatch]) -> Publication:
        matches, gone = await split_deleted(self._conn, matches)
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
        self._result.left.extend(match for entity_id in ids for match in by_entity[entity_id])

    def _take(self, matches: Sequence[Match], result: Rendering | RenderFailure) -> None:
        """Note what one rendering becomes. Matches beyond the budget are left; one webhook's matches stay together."""
        taken, left = _split(matches, max(self._budget.matches, 1))
        self._result.left.extend(left)
        size = 0 if isinstance(result, RenderFailure) else len(result.body)
        self._budget.spend(matches=len(taken), bytes=size)
        if (reason := self._refusal(result)) is not None:
            self._unrendered += [_failed(match, reason) for match in taken]
            return
        assert isinstance(result, Rendering)
        sent = self._take_ends(taken) if result.is_null else taken
        self._ready += [RenderedMatch(match, result) for match in sent]

    def _take_ends(self, matches: Sequence[Match]) -> list[Match]:
        """Return the destroys of an entity that the webhooks' owner does not see: at most one for each webhook.

        A webhook that asks for every change has several changes here, and none of them can be rendered any more.
        """
        ends = []
        for _, group in groupby(matches, key=lambda match: match.webhook.id):
            of_webhook = list(group)
            folded = fold_operations([match.change.operation for match in of_webhook])
            if folded not in (None, _DESTROY):
                self._result.absent.extend(of_webhook)
                continue
            end = next(match for match in reversed(of_webhook) if match.change.operation is _DESTROY)
            if folded is None:
                skipped: NewState = WebhookEventState.SKIPPED
                self._unrendered.append(
                    UnrenderedMatch(webhook=end.webhook, change=end.change, state=skipped, reason=NEVER_SENT)
                )
            else:
                ends.append(end)
        return ends

    def _refusal(self, result: Rendering | RenderFailure) -> str | None:
        """Return why a result is not sent; None when it is sent."""
        if isinstance(result, RenderFailure):
            return result.reason
        return describe_excess(result.body, self._max_bytes)

    async def _store(self) -> None:
        """Store everything at once, at the end. Storing bodies in several parts could deadlock.

        Another publisher may store the same bodies at the same time, if queries do not name the entity.
        """
        if self._is_careful:
            await self._store_carefully(self._ready, self._unrendered)
        elif self._ready or self._unrendered:
            await self._store_together(self._ready, self._unrendered)

    async def _store_carefully(self, ready: Sequence[RenderedMatch], unrendered: Sequence[UnrenderedMatch]) -> None:
        """Store in a savepoint. Halve what fails, down to a single result, which becomes RENDER_FAILED."""
        if not ready and not unrendered:
            return
        try:
            async with self._conn.transaction():
                await self._store_together(ready, unrendered)
            return
        except Exception as error:
            if isinstance(error, CONFLICTS) or self._conn.is_closed() or (not ready and len(unrendered) == 1):
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

    async def _store_together(self, ready: Sequence[RenderedMatch], unrendered: Sequence[UnrenderedMatch]) -> None:
        judgement = await judge_results(self._conn, ready, self._filters)
        made = [*[make_unrendered_event(one) for one in unrendered], *judgement.made]
        wanted = {event.payload_digest for event in made}
        bodies = {result.digest: result.body for _, result in ready if result.digest in wanted}
        if bodies:
            await payloads.insert_payloads(
                self._conn,
                [Payload(digest=digest, body=body) for digest, body in bodies.items()],
                older=judgement.previous,
            )
        if made:
            await self._insert(made, bodies)
            count(WEBHOOK_EVENTS_MADE, (event.state for event in made))
            self._result.made.extend(made)
        self._result.left.extend(judgement.left)

    async def _insert(self, made: Sequence[NewWebhookEvent], bodies: Mapping[bytes, bytes]) -> None:
        """Insert the events, and hand over those that can be sent at once."""
        claimable = [] if self._handover is None else list_claimable(made)
        sizes = [len(bodies[digest]) for place in claimable if (digest := made[place].payload_digest) is not None]
        terms = self._handover.promise(sizes) if self._handover is not None and claimable else None
        if self._handover is None or terms is None:
            await webhook_events.insert_webhook_events(self._conn, made)
            return
        self._handover.take(await insert_claimed(self._conn, made, bodies, claimable=claimable, terms=terms))


def _failed(match: Match, reason: str) -> UnrenderedMatch:
    failed: NewState = WebhookEventState.RENDER_FAILED
    return UnrenderedMatch(
        webhook=match.webhook, change=match.change, state=failed, reason=reason, replaces=match.replaces
    )


def _light_first(matches: Sequence[Match]) -> list[tuple[RenderKey, dict[int, list[Match]]]]:
    """Group matches by query and viewer, and by entity. Queries with small bodies come first."""
    grouped: dict[RenderKey, dict[int, list[Match]]] = {}
    for match in matches:
        grouped.setdefault(key_of(match), {}).setdefault(match.change.entity_id, []).append(match)
    return sorted(grouped.items(), key=lambda item: mean_bytes(item[0].query) or 0)


def _split(matches: Sequence[Match], room: int) -> tuple[Sequence[Match], Sequence[Match]]:
    """Split matches after `room` of them, but not between the changes of one webhook."""
    if len(matches) <= room:
        return matches, ()
    while room < len(matches) and matches[room].webhook is matches[room - 1].webhook:
        room += 1
    return matches[:room], matches[room:]
