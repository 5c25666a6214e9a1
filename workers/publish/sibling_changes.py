"""When one variant changes, its siblings' payloads may change too, because a query can reach them by their advert.

An advert's variants and an order's invoices: a variant's change is one of its advert, and an advert's change one of its
variants. Here and not by the triggers, since hardly a query reads that far: writers pay nothing, and where no webhook
watches, nothing is made of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.auth.viewers import Viewer
from app.capture.captured import PASSED_DOWN, PassedDown
from app.capture.change_events import ChangeEvent, Passed, insert_passed
from app.db.pool import Connection
from app.webhooks.domain.webhook import WebhookEventName
from schema.entities.declarations import VISIBILITY
from schema.entities.visibility import OperatorOnly
from schema.stored.watched import is_operators_own, sibling_column
from workers.publish.match import entity_of
from workers.publish.subscribing_sellers import Entity
from workers.publish.subscriptions import Owner, Subscriptions

_BELOW = {down.below: down for down in PASSED_DOWN.values()}

Row = dict[str, Any]
"""A recorded row change: see ChangeEvent."""


async def pass_across(
    conn: Connection,
    subscriptions: Subscriptions,
    events: Iterable[ChangeEvent],
    owners: Mapping[Entity, Sequence[int]],
) -> None:
    """Record updates of the rows beside those that changed, where a webhook watches; they are published next.

    Args: owners — the sellers that see each changed entity.
    """
    for whole, down in PASSED_DOWN.items():
        updates = [one for one in events if one.entity_type == whole and one.operation is WebhookEventName.UPDATE]
        columns = frozenset(sibling_column(down.table, column) for event in updates for column in event.columns)
        if not columns:
            continue
        sellers = {seller for event in updates for seller in owners.get(entity_of(event), ())}
        watched = await _watched(subscriptions, down, columns, [None, *sellers])
        for event in updates:
            passed = _passed(event, down) if watched else None
            if passed is not None and not passed.columns.isdisjoint(watched):
                await insert_passed(conn, passed)


def is_hidden(event: ChangeEvent) -> bool:
    """Whether it is the operator's to know: it was passed on within something that no seller sees."""
    return is_operators_own(event.entity_type, event.columns)


def without_hidden(
    viewer: Viewer, entity_type: str, columns: frozenset[str], changes: Sequence[Row]
) -> tuple[frozenset[str], Sequence[Row]]:
    """Return columns and row changes without what was passed on within something that no seller sees."""
    down = _BELOW.get(entity_type)
    if down is None or viewer.is_operator or not isinstance(VISIBILITY[down.table], OperatorOnly):
        return columns, changes
    return (
        frozenset(column for column in columns if "/" not in column),
        [row for row in changes if not _is_passed(row, down)],
    )


def _is_passed(row: Row, down: PassedDown) -> bool:
    """Whether it is from one beside the entity (`_passed`), rather than from the whole itself."""
    way = row.get("v", ())
    return len(way) > 1 and way[0] == down.table and way[1] in (down.below_table, "")


async def _watched(
    subscriptions: Subscriptions, down: PassedDown, columns: frozenset[str], owners: Iterable[Owner]
) -> frozenset[str]:
    """Return those of the columns that a webhook watches whose owner may see the whole."""
    is_operators = isinstance(VISIBILITY[down.table], OperatorOnly)
    found: set[str] = set()
    for owner in owners:
        if owner is None or not is_operators:
            audience = await subscriptions.audience(down.below, owner)
            found |= audience.watched(columns) if audience is not None else frozenset()
    return frozenset(found)


def _passed(event: ChangeEvent, down: PassedDown) -> Passed | None:
    """None when nothing has changed in the rows below: what is the whole's own, the triggers have passed down."""
    ways = [tuple(row.get("v", (row["t"],))) for row in event.changes]
    # Of an option that was renamed nobody has said whose choice it is.
    is_known = all(way[0] for way in ways)
    rows = [
        {**row, "v": [down.table, *way]}
        for row, way in zip(event.changes, ways, strict=True)
        if way[0] in (down.below_table, "")
    ]
    if not rows:
        return None
    changed = {[*row["p"], row["id"]][0] for row in rows}
    return Passed(
        event=event,
        below=down.below,
        sql=down.sql,
        # The one that has changed has told so itself.
        excepted=changed.pop() if is_known and len(changed) == 1 and not event.is_cut else None,
        columns=frozenset(sibling_column(down.table, column) for column in event.columns),
        changes=rows,
    )
