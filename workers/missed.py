"""Changes that disabled webhooks miss are recorded once for each entity, instead of being rendered for each webhook."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from app.auth import Viewer
from app.db.change_events import ChangeEvent
from app.db.missed_changes import MissedChange, begin_missing, record_missed
from app.db.pool import Connection
from app.db.webhooks import Webhook
from app.domain.webhook import WebhookEventName
from app.errors import InvalidInput
from schema import schema
from schema.stored.validate import stored_query
from workers.across import is_hidden
from workers.match import Change, MissedMatch, fold_entities, skip_reason, told_of
from workers.render import Renderer


def misses_changes(webhook: Webhook) -> bool:
    """Whether a webhook is given nothing of what changes now.

    A disabled one that asks for every change is: its events are held, until there are too many of them.
    """
    return not webhook.is_enabled and (not webhook.every_change or webhook.missed_since is not None)


async def note_full(conn: Connection, subscribed: Sequence[Webhook]) -> list[Webhook]:
    """Return the webhooks. Those that hold too many events miss changes from now on.

    To be called before the publisher locks anything but its shards.
    """
    holding = [one.id for one in subscribed if not one.is_enabled and not misses_changes(one)]
    full = await begin_missing(conn, holding) if holding else {}
    return [replace(one, missed_since=full[one.id]) if one.id in full else one for one in subscribed]


async def record_missed_by(
    conn: Connection, renderer: Renderer, webhooks: Sequence[Webhook], events: Sequence[ChangeEvent]
) -> int:
    """Record what these webhooks miss of the events, of which the caller has locked the shards.

    Returns: the number of entities.
    """
    if not webhooks:
        return 0
    changes = {
        True: fold_entities(events),
        False: fold_entities(event for event in events if not is_hidden(event)),
    }
    found = await renderer.visible(_matches(webhooks, changes))
    missed = {_entity(one.change): one.change for one in found}
    await record_missed(conn, [_recorded(change) for change in missed.values()])
    return len(missed)


def _matches(webhooks: Sequence[Webhook], changes: Mapping[bool, Sequence[Change]]) -> Iterator[MissedMatch]:
    """Each change once, if a webhook of the operator's misses it; else once for each seller whose webhook does.

    changes  by whether the operator sees them: sellers see nothing more.
    """
    operators: set[tuple[str, int]] = set()
    left: dict[Viewer, Sequence[Change]] = {}
    for webhook in sorted(webhooks, key=lambda one: one.seller_id is not None):
        viewer = Viewer(webhook.seller_id)
        unseen = []
        for change in left.get(viewer, changes[viewer.is_operator]):
            if not _wants(webhook, change):
                unseen.append(change)
            elif _entity(change) not in operators:
                yield MissedMatch(viewer=viewer, change=change)
                if viewer.is_operator:
                    operators.add(_entity(change))
        left[viewer] = unseen


def _entity(change: Change) -> tuple[str, int]:
    return change.entity_type, change.entity_id


def _wants(webhook: Webhook, change: Change) -> bool:
    wanted = told_of(webhook, change)
    if wanted is None or wanted.operation is not WebhookEventName.UPDATE:
        return wanted is not None
    # One that does not fit the schema any more will say so when it catches up.
    with suppress(InvalidInput):
        query = stored_query(schema._schema, webhook.query_string, webhook.type)
        return skip_reason(webhook, query, wanted) is None
    return True


def _recorded(change: Change) -> MissedChange:
    return MissedChange(
        entity_type=change.entity_type,
        entity_id=change.entity_id,
        operation=change.operation,
        is_updated=change.operation is WebhookEventName.UPDATE or change.later is not None,
        columns=change.columns,
        changes=change.changes,
        is_cut=change.is_cut,
        former_seller_id=change.seller_id,
        changed_at=change.changed_at,
    )
