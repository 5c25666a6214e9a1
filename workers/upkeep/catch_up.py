"""Let enabled webhooks catch up: send the present state of entities that changed while the webhook was disabled.

Catching up goes shard by shard. A step and its position are one transaction; if a worker is killed, another one
continues from there. A step locks out the publishers of its shard, so that none overtakes it. It also waits for
publishers that still took the webhook for disabled, so that no change is overlooked.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from app.auth.viewers import Viewer
from app.capture import missed_changes
from app.capture.missed_changes import MissedEntity
from app.db.graph import is_for_everyone
from app.db.pool import Connection, transaction
from app.errors import InvalidInput
from app.telemetry.metrics import CAUGHT_UP
from app.webhooks.db import webhook_events
from app.webhooks.db.runs import webhook_catch_ups
from app.webhooks.db.runs.webhook_catch_ups import CatchUp
from app.webhooks.db.webhook_events import PriorEvent, Subject
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import NewState, WebhookEventState
from app.webhooks.services.deduplication import awaits_creation, is_destroyed, may_know
from schema import schema
from schema.engine.statements import visible_ids
from schema.entities.declarations import ENTITIES
from schema.stored.triggers import watched_by
from schema.stored.validate import StoredQuery, stored_query
from schema.stored.visible_changes import leave_out_hidden
from workers.publish.match import Change, Match, UnrenderedMatch
from workers.publish.publication import publish_matches
from workers.resources import Resources

_log = structlog.get_logger()

_CREATE, _UPDATE, _DESTROY = WebhookEventName
#: Entities of one step. Publishers of their shard wait for it.
BATCH_SIZE = 100
#: Seconds after which a job ends, so that replays and backfills have their turn. The doorbell asks for the next job.
_JOB_S = 30.0


async def catch_up_all(resources: Resources) -> int:
    """Let webhooks catch up in turns until none has missed changes. Return the number of entities handled."""
    total, ends_at = 0, time.monotonic() + _JOB_S
    while not resources.stopping.is_set() and time.monotonic() < ends_at:
        handled = await catch_up_step(resources)
        if handled is None:
            break
        total += handled
        CAUGHT_UP.inc(handled)
    return total


async def catch_up_step(resources: Resources) -> int | None:
    """Let one webhook catch up by one step. Return the step's number of entities; None when no webhook has to."""
    async with transaction(resources.database) as conn:
        catch_up = await webhook_catch_ups.claim_due(conn)
        if catch_up is None:
            return None
        if catch_up.unfinished or not catch_up.is_begun:
            return await _step(conn, resources, catch_up)
    async with transaction(resources.database) as conn:
        if await webhook_catch_ups.finish(conn, catch_up.webhook.id):
            _log.info("catch_up.finished", webhook_id=catch_up.webhook.id)
    return 0


async def _step(conn: Connection, resources: Resources, catch_up: CatchUp) -> int:
    if not catch_up.is_begun:
        await webhook_catch_ups.begin(conn, catch_up)
        return 0
    shard = catch_up.unfinished[0]
    position = catch_up.positions[shard]
    if not await webhook_catch_ups.lock_shard(conn, shard):
        await webhook_catch_ups.advance(conn, catch_up, position=position, is_finished=False)
        return 0
    entity_type = catch_up.webhook.type.entity_type
    missed = await missed_changes.list_missed(conn, entity_type, shard=shard, after=position, limit=BATCH_SIZE)
    done = missed[: await _publish(conn, resources, catch_up, missed)] if missed else missed
    is_finished = len(done) == len(missed) < BATCH_SIZE
    if is_finished:
        # Publishers are locked out, so no earlier change can be recorded here any more.
        position = await missed_changes.get_turn(conn)
    elif done:
        position = done[-1].turn
    await webhook_catch_ups.advance(conn, catch_up, position=position, is_finished=is_finished)
    if done:
        _log.info("catch_up.step", webhook_id=catch_up.webhook.id, shard=shard, entities=len(done))
    return len(done)


async def _publish(conn: Connection, resources: Resources, catch_up: CatchUp, missed: Sequence[MissedEntity]) -> int:
    """Publish the present state of these entities. Return how many of them, from the first on, are done."""
    webhook = catch_up.webhook
    try:
        query = stored_query(schema._schema, webhook.query_string, webhook.type)
    except InvalidInput as error:
        failed: NewState = WebhookEventState.RENDER_FAILED
        reason = f"The stored query does not fit the schema any more. {error.message}"
        changes = await _list_changes(conn, catch_up, None, missed)
        unrendered = [UnrenderedMatch(webhook=webhook, change=one, state=failed, reason=reason) for one in changes]
        await publish_matches(conn, resources, (), unrendered)
        return len(missed)
    changes = await _list_changes(conn, catch_up, query, missed)
    matches = [Match(webhook=webhook, query=query, change=one) for one in changes]
    publication = await publish_matches(conn, resources, matches)
    left = {match.change.entity_id for match in publication.left}
    return next((place for place, one in enumerate(missed) if one.entity_id in left), len(missed))


async def _list_changes(
    conn: Connection, catch_up: CatchUp, query: StoredQuery | None, missed: Sequence[MissedEntity]
) -> list[Change]:
    """Return the changes for the webhook: of its owner's entities, and of former ones that are gone."""
    webhook = catch_up.webhook
    viewer, entity_type = Viewer(webhook.seller_id), webhook.type.entity_type
    subjects: list[Subject] = [(webhook.id, entity_type, one.entity_id) for one in missed]
    prior = await webhook_events.list_given(conn, subjects)
    is_there = await _list_seen(conn, entity_type, viewer, [one.entity_id for one in missed])
    changes = []
    for entity, subject in zip(missed, subjects, strict=True):
        before = prior.get(subject, ())
        is_own = (
            viewer.is_operator
            or is_for_everyone(entity_type)
            or webhook.seller_id in entity.former_seller_ids
            or bool(before)
        )
        if entity.entity_id not in is_there and not is_own:
            continue
        columns, rows = leave_out_hidden(viewer, entity.columns, entity.changes, is_cut=entity.is_cut)
        past = Past(
            is_new=_is_new(catch_up, entity, columns, before, is_gone=not is_there.get(entity.entity_id, False)),
            is_updated=(entity.updated_turn or 0) >= (entity.created_turn or 0),
            is_gone=not is_there.get(entity.entity_id, False),
            prior=before,
        )
        operation = choose_operation(webhook.event_names, past)
        if operation is None or (
            operation is _UPDATE and not past.is_new and not _is_watched(catch_up, query, columns)
        ):
            continue
        changes.append(
            Change(
                entity_type=entity_type,
                entity_id=entity.entity_id,
                operation=operation,
                # No columns are named: other transactions may have deleted the entity meanwhile.
                columns=frozenset(),
                changes=rows,
                is_cut=entity.is_cut,
                seller_id=webhook.seller_id if past.is_gone else None,
                changed_at=entity.changed_at,
            )
        )
    return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The past of an entity while the webhook was disabled.

    Attributes:
        is_new: Whether the entity was created or restored, or came to the webhook's owner.
        is_updated: Whether it was changed after it was created.
        is_gone: Whether it is deleted by now, or not the owner's any more.
        prior: Its prior events, as for `judge` in app/webhooks/services/deduplication.py.
    """

    is_new: bool
    is_updated: bool
    is_gone: bool
    prior: Sequence[PriorEvent]


def choose_operation(events: Sequence[WebhookEventName], past: Past) -> WebhookEventName | None:
    """Choose the event that a webhook gets; None when it gets none.

    An entity that the webhook can't know is a create. If the webhook does not ask for creates, the entity is an update,
    provided that it was changed after its creation.

    Args:
        events: The events that the webhook asks for.
        past: The entity's past while the webhook was disabled.
    """
    if past.is_gone:
        is_known = not past.is_new or bool(past.prior)
        operation = _DESTROY if is_known and not is_destroyed(past.prior) else None
    elif past.is_new and not may_know(past.prior) and not awaits_creation(past.prior):
        operation = _CREATE
        if _CREATE not in events:
            operation = _UPDATE if past.is_updated else None
    else:
        operation = _UPDATE
    return operation if operation in events else None


def _is_new(
    catch_up: CatchUp, entity: MissedEntity, columns: frozenset[str], prior: Sequence[PriorEvent], *, is_gone: bool
) -> bool:
    """Return whether the entity was created meanwhile, or came from another seller."""
    if entity.created_turn is not None and entity.created_turn > catch_up.missed_since:
        return True
    seller_id = catch_up.webhook.seller_id
    if seller_id is None:
        return False
    if is_gone:
        return entity.find_owner_at(catch_up.missed_since) not in {None, seller_id}
    return any(column.endswith(".seller_id") for column in columns) and not may_know(prior)


def _is_watched(catch_up: CatchUp, query: StoredQuery | None, columns: frozenset[str]) -> bool:
    """Return whether the changes may concern the webhook. A restored entity may have changed unseen, so it does."""
    own = ENTITIES[catch_up.webhook.type.entity_type].table.name
    if not columns:
        return False
    if query is None or f"{own}.deleted_at" in columns:
        return True
    return not watched_by(schema._schema, query, catch_up.webhook.triggers).isdisjoint(columns)


async def _list_seen(conn: Connection, entity_type: str, viewer: Viewer, ids: Sequence[int]) -> Mapping[int, bool]:
    """Return the entities that the viewer sees, each with whether it exists (and is not deleted)."""
    table = ENTITIES[entity_type].table
    asked = visible_ids(table, viewer)
    seen = [row["id"] for row in await conn.fetch(asked.sql, list(ids), *asked.args)]
    if not table.has("deleted_at"):
        return dict.fromkeys(seen, True)
    rows = await conn.fetch(
        f"select id, deleted_at is null as is_there from {table.name} where id = any($1::bigint[])", seen
    )
    return {row["id"]: row["is_there"] for row in rows}
