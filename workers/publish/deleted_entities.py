"""Leave out updates of deleted entities, so that their destroy stays the last event."""

from collections.abc import Iterable, Sequence

from app.db.pool import Connection
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState
from schema.entities.declarations import ENTITIES
from workers.publish.match import Match, UnrenderedMatch

GONE = "The entity has been deleted."

Entity = tuple[str, int]
"""An entity's type and id."""


async def split_deleted(conn: Connection, matches: Sequence[Match]) -> tuple[list[Match], list[UnrenderedMatch]]:
    """Separate updates of deleted entities from all other matches.

    Such updates arise when a deleted owner's images or external ids are removed, when a deleted advert's variants
    change, and when an entity is deleted between a backfill's listing and its rendering. An update stays if its destroy
    follows in this batch. This takes at most one statement per type.

    Returns:
        The matches to render, and the ones that are skipped. A replayed or backfilled match of a deleted entity is in
        neither list: its original event already exists.
    """
    asked = [match for match in matches if _may_be_gone(match)]
    gone = await _list_gone(conn, {_entity(match) for match in asked})
    doubtful = {id(match) for match in asked if _entity(match) in gone} - _followed(matches)
    kept = [match for match in matches if id(match) not in doubtful]
    left = [match for match in matches if id(match) in doubtful and not match.replaces]
    return kept, [
        UnrenderedMatch(webhook=match.webhook, change=match.change, state=WebhookEventState.SKIPPED, reason=GONE)
        for match in left
    ]


def _may_be_gone(match: Match) -> bool:
    """Return whether the entity may be deleted. An update of its own row precedes its destroy, by the row lock."""
    change = match.change
    own = f"{ENTITIES[change.entity_type].table.name}."
    is_own = bool(change.columns) and all(column.startswith(own) for column in change.columns)
    return bool(match.replaces and change.operation is not WebhookEventName.DESTROY) or (
        change.operation is WebhookEventName.UPDATE and not is_own
    )


def _followed(matches: Sequence[Match]) -> set[int]:
    """Return the matches that precede a destroy of the same entity, for webhooks that get every change."""
    destroyed: set[tuple[int, Entity]] = set()
    followed: set[int] = set()
    for match in reversed(matches):
        subject = (match.webhook.id, _entity(match))
        if match.change.operation is WebhookEventName.DESTROY:
            destroyed.add(subject)
        elif subject in destroyed:
            followed.add(id(match))
    return followed


def _entity(match: Match) -> Entity:
    return match.change.entity_type, match.change.entity_id


async def _list_gone(conn: Connection, entities: Iterable[Entity]) -> set[Entity]:
    ids: dict[str, list[int]] = {}
    for entity_type, entity_id in entities:
        ids.setdefault(entity_type, []).append(entity_id)
    gone: set[Entity] = set()
    for entity_type, of_type in ids.items():
        table = ENTITIES[entity_type].table
        is_there = " and t.deleted_at is null" if table.has("deleted_at") else ""
        rows = await conn.fetch(
            "select i.id from unnest($1::bigint[]) i(id)"
            f" where not exists (select from {table.name} t where t.id = i.id{is_there})",
            of_type,
        )
        gone.update((entity_type, row["id"]) for row in rows)
    return gone
