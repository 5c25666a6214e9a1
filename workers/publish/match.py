"""Which webhooks are told of a change: by type, by kind of event, by what they watch."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from app.auth.viewers import Viewer
from app.capture.change_events import ChangeEvent
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import Subscription
from app.webhooks.domain.webhook import WebhookEventName, fold_operations
from app.webhooks.domain.webhook_event import UNTRIGGERED, UNWATCHED, WebhookEventState
from schema.entities.declarations import ENTITIES
from schema.stored.validate import StoredQuery

#: Rows named in one notification, over all the events that were folded into it.
MAX_CHANGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened to one entity, over one or several change events.

    changes    recorded rows, oldest first.
    seller_id  whose it was, of an entity that was deleted for good or has left this seller.
    later      of a creation: what later transactions have changed; None when they haven't.
    """

    entity_type: str
    entity_id: int
    operation: WebhookEventName
    columns: frozenset[str]
    changes: Sequence[dict[str, Any]]
    is_cut: bool
    seller_id: int | None
    changed_at: datetime
    later: "Change | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One change that one webhook is to be told of, by running this query.

    replaces  events that could not be rendered, and for which the new one stands.
    """

    webhook: Subscription
    query: StoredQuery
    change: Change
    replaces: tuple[WebhookEventId, ...] = ()

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.webhook.seller_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrendered:
    """One change that one webhook is not sent, and why; an event with this reason stays to be seen.

    state     SKIPPED: the entity is gone. RENDER_FAILED: its query did not run, or its result can't be sent.
    replaces  events that could not be rendered, and for which the new one stands.
    """

    webhook: Subscription
    change: Change
    state: WebhookEventState
    reason: str
    replaces: tuple[WebhookEventId, ...] = ()

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.webhook.seller_id)


def fold_entities(events: Iterable[ChangeEvent]) -> list[Change]:
    """Fold to one change per entity, in the order in which the entities first changed, without what cancels out."""
    return [change for group in _grouped(events, entity_of) if (change := _fold(group)) is not None]


def fold_transactions(events: Iterable[ChangeEvent]) -> list[Change]:
    """Fold to one change per transaction and entity, for webhooks that ask for every change."""
    groups = _grouped(events, lambda event: (*entity_of(event), event.txid))
    return [change for group in groups if (change := _fold(group)) is not None]


def told_of(webhook: Subscription, change: Change) -> Change | None:
    """Return what a webhook is to be told of a change, by its type and events; None when that is nothing.

    A webhook that does not ask for creations is still told of what was changed since, though both were seen together.
    """
    if webhook.type.entity_type != change.entity_type:
        return None
    return next((one for one in (change, change.later) if one and one.operation in webhook.events), None)


def skip_reason(webhook: Subscription, watched: frozenset[str], change: Change) -> str | None:
    """Return why an UPDATE can't matter to a webhook: nothing that it watches has changed; None when it may."""
    if change.operation is not WebhookEventName.UPDATE or not watched.isdisjoint(change.columns):
        return None
    return UNTRIGGERED if webhook.triggers else UNWATCHED


def entity_of(event: ChangeEvent) -> tuple[str, int]:
    return event.entity_type, event.entity_id


def _grouped(events: Iterable[ChangeEvent], key: Any) -> Iterator[list[ChangeEvent]]:
    """Groups in the order of their first event; each oldest first, as the events came."""
    first: dict[Any, int] = {}
    ordered = sorted(events, key=lambda event: first.setdefault(key(event), event.id))
    return (list(group) for _, group in groupby(ordered, key))


def _fold(events: Sequence[ChangeEvent]) -> Change | None:
    operations = [event.operation for event in events]
    operation = fold_operations(operations)
    if operation is None:
        return None
    columns = frozenset().union(*(event.columns for event in events))
    if operation is WebhookEventName.UPDATE and WebhookEventName.CREATE in operations:
        # Deleted and restored: what was changed in between was recorded by nobody.
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
        later=_fold(later) if later else None,
    )


def _later(events: Sequence[ChangeEvent]) -> list[ChangeEvent]:
    """Those of transactions after the one of the (last) creation."""
    created = max(place for place, event in enumerate(events) if event.operation is WebhookEventName.CREATE)
    return [event for event in events[created:] if event.txid != events[created].txid]
