"""Match changes with webhooks by type, by event, and by watched columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import attrgetter

from app.auth.viewers import Viewer
from app.capture.change_events import ChangeEvent
from app.capture.row_changes import RowChange
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import Subscription
from app.webhooks.domain.webhook import WebhookEventName, fold_operations
from app.webhooks.domain.webhook_event import UNTRIGGERED, UNWATCHED, NewState
from schema.entities.declarations import ENTITIES
from schema.stored.validate import StoredQuery

#: Row changes that one notification names, over all the change events that were folded into it.
MAX_CHANGES = 50
#: Webhooks' owners whose viewers are remembered. Each match asks for its viewer several times.
_VIEWERS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of one entity, folded from one or several change events.

    Attributes:
        changes: The recorded row changes, oldest first.
        seller_id: The former seller of an entity that was deleted for good or has left this seller; else None.
        later: Of a create: the changes by later transactions; None when there are none.
    """

    entity_type: str
    entity_id: int
    operation: WebhookEventName
    columns: frozenset[str]
    changes: Sequence[RowChange]
    is_cut: bool
    seller_id: int | None
    changed_at: datetime
    later: "Change | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One change that is sent to one webhook as the result of this query.

    Attributes:
        replaces: Events that could not be rendered, and whose place the new event takes.
        is_forced: Whether it is sent even if it tells nothing new: somebody has asked for it.
    """

    webhook: Subscription
    query: StoredQuery
    change: Change
    replaces: tuple[WebhookEventId, ...] = ()
    is_forced: bool = False

    @property
    def viewer(self) -> Viewer:
        return _viewer_of(self.webhook.seller_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrenderedMatch:
    """One change that is not sent to one webhook. It is stored as an event with the reason.

    Attributes:
        state: SKIPPED if the entity is deleted; RENDER_FAILED if the query failed or its result can't be sent.
        replaces: Events that could not be rendered, and whose place the new event takes.
    """

    webhook: Subscription
    change: Change
    state: NewState
    reason: str
    replaces: tuple[WebhookEventId, ...] = ()

    @property
    def viewer(self) -> Viewer:
        return _viewer_of(self.webhook.seller_id)


@lru_cache(_VIEWERS)
def _viewer_of(seller_id: SellerId | None) -> Viewer:
    return Viewer(seller_id)


def group_by_entity(events: Iterable[ChangeEvent]) -> dict[tuple[str, int], list[ChangeEvent]]:
    """Group events by entity, in the order of their first ones. Those of one entity come oldest first."""
    groups: dict[tuple[str, int], list[ChangeEvent]] = {}
    for event in events:
        groups.setdefault(entity_of(event), []).append(event)
    for of_entity in groups.values():
        of_entity.sort(key=attrgetter("id"))
    return groups


def fold_for(webhook: Subscription, events: Sequence[ChangeEvent]) -> list[Change]:
    """Fold one entity's events, oldest first: to one change per transaction if the webhook asks for every change."""
    groups: dict[int | None, list[ChangeEvent]] = {}
    for event in events:
        groups.setdefault(event.txid if webhook.every_change else None, []).append(event)
    return [change for group in groups.values() if (change := fold(group)) is not None]


def fold(events: Sequence[ChangeEvent]) -> Change | None:
    """Fold one or more events of one entity, oldest first; None if they cancel out, as a create and a destroy do."""
    operations = [event.operation for event in events]
    operation = fold_operations(operations)
    if operation is None:
        return None
    columns = frozenset().union(*(event.columns for event in events))
    if operation is WebhookEventName.UPDATE and WebhookEventName.CREATE in operations:
        # The entity was deleted and restored. Changes in between were not recorded.
        columns |= {f"{ENTITIES[events[0].entity_type].table.name}.*"}
    rows = [row for event in events for row in event.changes]
    later = _later(events) if operation is WebhookEventName.CREATE else ()
    return Change(
        entity_type=events[0].entity_type,
        entity_id=events[0].entity_id,
        operation=operation,
        columns=columns,
        changes=rows[:MAX_CHANGES],
        is_cut=len(rows) > MAX_CHANGES or any(event.is_cut for event in events),
        seller_id=next((event.seller_id for event in reversed(events) if event.seller_id is not None), None),
        changed_at=max(event.recorded_at for event in events),
        later=fold(later) if later else None,
    )


def change_for(webhook: Subscription, change: Change) -> Change | None:
    """Return the part of a change that fits a webhook's type and events; None when no part fits.

    A webhook that does not ask for creates still gets the later changes of a new entity.
    """
    if webhook.type.entity_type != change.entity_type:
        return None
    return next((one for one in (change, change.later) if one and one.operation in webhook.event_names), None)


def skip_reason(webhook: Subscription, watched: frozenset[str], change: Change) -> str | None:
    """Return why an update does not concern a webhook: it watches none of the columns. None if it may concern it."""
    if change.operation is not WebhookEventName.UPDATE or not watched.isdisjoint(change.columns):
        return None
    return UNTRIGGERED if webhook.triggers else UNWATCHED


def entity_of(event: ChangeEvent) -> tuple[str, int]:
    """Return the type and id of the changed entity."""
    return event.entity_type, event.entity_id


def _later(events: Sequence[ChangeEvent]) -> list[ChangeEvent]:
    """Return the events of transactions after the one that created the entity last."""
    created = max(place for place, event in enumerate(events) if event.operation is WebhookEventName.CREATE)
    return [event for event in events[created:] if event.txid != events[created].txid]
