"""Leave out updates of entities that are deleted: their destroy was the last word about them."""

from collections.abc import Iterable, Sequence

from app.db.pool import Connection
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState
from schema.entities.declarations import ENTITIES
from workers.publish.match import Match, Unrendered

GONE = "The entity has been deleted."

Entity = tuple[str, int]
"""Its type and id."""


async def without_gone(conn: Connection, matches: Sequence[Match]) -> tuple[list[Match], list[Unrendered]]:
    """Leave out updates of entities that are deleted, unless their destroy follows here; and what is rendered anew.

    Images and external ids may be tidied up after their owner was deleted, a deleted advert's variants change, and
    what a backfill has listed may go before it is rendered. One statement per type, where there is anything to ask.
    Returns: what is to be rendered, and what isn't. Nothing is noted of what was to be rendered anew: it is there.
    """
    asked = [match for match in matches if _may_be_gone(match)]
    gone = await _list_gone(conn, {_entity(match) for match in asked})
    doubtful = {id(match) for match in asked if _entity(match) in gone} - _followed(matches)
    kept = [match for match in matches if id(match) not in doubtful]
    left = [match for match in matches if id(match) in doubtful and not match.replaces]
    return kept, [
        Unrendered(webhook=match.webhook, change=match.change, state=WebhookEventState.SKIPPED, reason=GONE)
        for match in left
    ]


def _may_be_gone(match: Match) -> bool:
    """The entity's own row is locked by whoever deletes it: an update of it comes before its destroy."""
    change = match.change
    own = f"{ENTITIES[change.entity_type].table.name}."
    is_own = bool(change.columns) and all(column.startswith(own) for column in change.columns)
    return bool(match.replaces and change.operation is not WebhookEventName.DESTROY) or (
        change.operation is WebhookEventName.UPDATE and not is_own
    )


def _followed(matches: Sequence[Match]) -> set[int]:
    """Those before the destroy of the same entity, for a webhook that is told of every change."""
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
