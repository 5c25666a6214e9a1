"""When one variant changes, its siblings' payloads may change too, because a query can reach them by their advert.

The same holds for an order's invoices. A variant's change counts as a change of its advert, and from there as a change
of the advert's other variants. This is done here and not by the triggers, because few queries read that far. So writers
pay nothing for it, and nothing is recorded unless a webhook watches.
"""

from collections.abc import Iterable, Mapping, Sequence

from app.capture.change_events import ChangeEvent, FollowUp, insert_follow_up
from app.db.graph import Cascade, cascades
from app.db.pool import Connection
from app.webhooks.domain.webhook import WebhookEventName
from schema.entities.declarations import VISIBILITY
from schema.entities.visibility import OperatorOnly
from schema.stored.watched import sibling_column
from workers.publish.match import entity_of
from workers.publish.subscribing_sellers import Entity
from workers.publish.subscriptions import Owner, Subscriptions


async def record_follow_ups(
    conn: Connection,
    subscriptions: Subscriptions,
    events: Iterable[ChangeEvent],
    owners: Mapping[Entity, Sequence[int]],
) -> None:
    """Record updates of the siblings of changed rows, if a webhook watches them. They are published next.

    Args:
        conn: The connection with the publishing transaction.
        subscriptions: The webhooks of all owners.
        events: The change events that are published now.
        owners: The sellers that see each changed entity.
    """
    for whole, down in cascades().items():
        updates = [one for one in events if one.entity_type == whole and one.operation is WebhookEventName.UPDATE]
        columns = frozenset(sibling_column(down.whole.name, column) for event in updates for column in event.columns)
        if not columns:
            continue
        sellers = {seller for event in updates for seller in owners.get(entity_of(event), ())}
        watched = await _watched(subscriptions, down, columns, [None, *sellers])
        for event in updates:
            follow_up = _follow_up(event, down) if watched else None
            if follow_up is not None and not follow_up.columns.isdisjoint(watched):
                await insert_follow_up(conn, follow_up)


async def _watched(
    subscriptions: Subscriptions, down: Cascade, columns: frozenset[str], owners: Iterable[Owner]
) -> frozenset[str]:
    """Return the columns that a webhook watches whose owner may see the whole."""
    is_operators = isinstance(VISIBILITY[down.whole.name], OperatorOnly)
    found: set[str] = set()
    for owner in owners:
        if owner is None or not is_operators:
            audience = await subscriptions.audience(down.below.type_name, owner)
            found |= audience.watched(columns) if audience is not None else frozenset()
    return frozenset(found)


def _follow_up(event: ChangeEvent, down: Cascade) -> FollowUp | None:
    """Return the follow-up of an event; None if no row below changed. The triggers record the whole's own changes."""
    ways = [row.way or (row.table,) for row in event.changes]
    # A renamed option does not say which variants have chosen it.
    is_known = all(way[0] for way in ways)
    rows = [
        row._replace(way=(down.whole.name, *way))
        for row, way in zip(event.changes, ways, strict=True)
        if way[0] in (down.below.name, "")
    ]
    if not rows:
        return None
    changed = {(*row.parents, row.id)[0] for row in rows}
    return FollowUp(
        event=event,
        below=down.below.type_name,
        sql=down.sql,
        # The row that changed has its own change event.
        excepted=changed.pop() if is_known and len(changed) == 1 and not event.is_cut else None,
        columns=frozenset(sibling_column(down.whole.name, column) for column in event.columns),
        changes=rows,
    )
