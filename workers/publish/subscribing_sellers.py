"""Find the sellers that see a changed entity, and its changes as each of them sees it."""

from collections.abc import Iterable, Sequence

from app.capture.change_events import ChangeEvent
from app.db.graph import cascades, is_for_everyone, subscribable
from app.db.pool import Connection
from app.webhooks.domain.webhook import WebhookEventName
from schema.entities.declarations import ENTITIES, VISIBILITY
from workers.publish.subscriptions import Owner, Subscriptions

Entity = tuple[str, int]
"""An entity's type and id."""


async def list_owners(
    conn: Connection, subscriptions: Subscriptions, events: Iterable[ChangeEvent]
) -> dict[Entity, list[int]]:
    """List the sellers with webhooks who see each changed entity now. Entities that no such seller sees are left out.

    Every seller sees reference data, even after its deletion. For all else, this takes one statement per type of entity
    that sellers' webhooks can concern. Looking at the webhooks of 10,000 sellers one by one would take too long.
    """
    ids: dict[str, set[int]] = {}
    for event in events:
        if event.entity_type in subscribable() and concerns_sellers(subscriptions, event.entity_type):
            ids.setdefault(event.entity_type, set()).add(event.entity_id)
    owners: dict[Entity, list[int]] = {}
    for entity_type, of_type in ids.items():
        if is_for_everyone(entity_type):
            sellers = subscriptions.list_sellers(entity_type)
            owners |= {(entity_type, entity_id): sellers for entity_id in of_type}
            continue
        for row in await conn.fetch(_statement(entity_type), list(of_type)):
            owners.setdefault((entity_type, row["id"]), []).append(row["seller_id"])
    return owners


def concerns_sellers(subscriptions: Subscriptions, entity_type: str) -> bool:
    """Return whether sellers have webhooks about the type, or about the siblings that its changes reach."""
    down = cascades().get(entity_type)
    return subscriptions.has_sellers(entity_type) or (
        down is not None and subscriptions.has_sellers(down.below.type_name)
    )


def list_possible_owners(events: Sequence[ChangeEvent], present: Sequence[int]) -> list[Owner]:
    """List the owners whose webhooks an entity's changes may concern: the operator, and sellers that see or saw it."""
    former = (event.seller_id for event in events if event.seller_id is not None)
    return [None, *dict.fromkeys((*present, *former))]


def list_visible_changes(owner: Owner, events: Sequence[ChangeEvent], present: Sequence[int]) -> list[ChangeEvent]:
    """Return one entity's changes as an owner sees them, oldest first, without those that it does not see.

    An entity that moves from one seller to another is destroyed for the first seller and created for the second.

    Args:
        owner: The seller's id; None: the operator.
        events: The change events of one entity.
        present: The sellers that see the entity now.
    """
    if owner is None or all(event.seller_id is None for event in events):
        return list(events)
    seen: list[ChangeEvent] = []
    for place, event in enumerate(events):
        was_owners = _is_owners(owner, events, place, present)
        if not has_left(event):
            if was_owners:
                seen.append(event)
            continue
        is_owners = _is_owners(owner, events, place + 1, present)
        if was_owners and not is_owners:
            seen.append(event._replace(operation=WebhookEventName.DESTROY))
        elif is_owners and not was_owners:
            seen.append(event._replace(operation=WebhookEventName.CREATE, seller_id=None))
        elif is_owners:
            seen.append(event)
    return seen


def _is_owners(owner: int, events: Sequence[ChangeEvent], place: int, present: Sequence[int]) -> bool:
    """Return whether the entity was the seller's before the event at `place`: the next event with a seller tells."""
    for event in events[place:]:
        if event.seller_id is not None:
            return event.seller_id == owner
    return owner in present


def has_left(event: ChangeEvent) -> bool:
    """Return whether the entity has left the seller that the event names."""
    return event.operation is WebhookEventName.UPDATE and event.seller_id is not None


def _statement(entity_type: str) -> str:
    """Return the SQL that goes from the entities to their sellers, and only then to webhooks.

    In the other direction, each entity would be compared with each seller's webhook. That took a second for 500
    shipments and 10,000 webhooks.
    """
    table = ENTITIES[entity_type].table
    seen = VISIBILITY[table.name].sql("t").replace("$seller", "s.id")
    return (
        f"select t.id, s.id as seller_id from {table.name} t join sellers s on {seen}"
        " where t.id = any($1::bigint[]) and exists (select from webhooks w where w.seller_id = s.id)"
    )
