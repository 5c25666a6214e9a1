"""Which webhooks want a change: by type, by kind of event, by what their query reads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from app.auth import Viewer
from app.db.change_events import ChangeEvent
from app.db.webhook_events import WebhookEventId
from app.db.webhooks import Webhook
from app.domain.webhook import WebhookEventName, WebhookKlass, fold_operations
from app.domain.webhook_event import WebhookEventState
from app.errors import InvalidInput
from schema import schema
from schema.stored.triggers import trigger_columns
from schema.stored.validate import StoredQuery

UNWATCHED = "Nothing that the query reads has changed."
UNTRIGGERED = "Nothing that the triggers name has changed."

#: Rows named in one notification, over all the events that were folded into it.
MAX_CHANGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened to one entity, over one or several change events.

    changes    recorded rows, oldest first.
    seller_id  whose it was, of an entity that was deleted for good.
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

    webhook: Webhook
    query: StoredQuery
    change: Change
    replaces: tuple[WebhookEventId, ...] = ()

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.webhook.seller_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrendered:
    """One change that one webhook is not told of, known before any rendering; the reason stays to be seen.

    state  SKIPPED: it touches nothing that the webhook watches. RENDER_FAILED: the query does not fit the schema
           any more.
    """

    webhook: Webhook
    change: Change
    state: WebhookEventState
    reason: str

    @property
    def viewer(self) -> Viewer:
        return Viewer(self.webhook.seller_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedMatch:
    """One change that at least one disabled webhook of this viewer misses."""

    viewer: Viewer
    change: Change


def fold_entities(events: Iterable[ChangeEvent]) -> list[Change]:
    """One change per entity, in the order in which the entities first changed; what cancels out is left out."""
    return [change for group in _grouped(events, _entity) if (change := _fold(group)) is not None]


def fold_transactions(events: Iterable[ChangeEvent]) -> list[Change]:
    """One change per transaction and entity, for webhooks that ask for every change."""
    groups = _grouped(events, lambda event: (*_entity(event), event.txid))
    return [change for group in groups if (change := _fold(group)) is not None]


def skip_reason(webhook: Webhook, query: StoredQuery, change: Change) -> str | None:
    """Why a change that concerns the webhook can't matter to it: an UPDATE of nothing that it watches; else None."""
    if change.operation is not WebhookEventName.UPDATE or not watched_by(webhook, query).isdisjoint(change.columns):
        return None
    return UNTRIGGERED if webhook.triggers else UNWATCHED


def watched_by(webhook: Webhook, query: StoredQuery) -> frozenset[str]:
    """`table.column` of what its triggers read; without triggers, of what its query does."""
    if not webhook.triggers:
        return query.watched
    try:
        return trigger_columns(schema._schema, query.entity_type, webhook.triggers)
    except InvalidInput:
        # The schema doesn't know a trigger any more. The webhook is marked as broken; until it is put right it is
        # told of more than it asked for, rather than of less.
        return query.watched


def told_of(webhook: Webhook, change: Change) -> Change | None:
    """What a webhook is to be told of a change: of its type, and of a kind that it asks for; None when of nothing.

    Who is not told of creations still is of what was changed since, though both were seen together.
    """
    if webhook.type.entity_type != change.entity_type:
        return None
    return next((one for one in (change, change.later) if one and one.operation in webhook.events), None)


def klasses_of(events: Iterable[ChangeEvent]) -> list[WebhookKlass]:
    types = {event.entity_type for event in events}
    return [klass for klass in WebhookKlass if klass.entity_type in types]


def _entity(event: ChangeEvent) -> tuple[Any, ...]:
    return event.entity_type, event.entity_id


def _grouped(events: Iterable[ChangeEvent], key: Any) -> Iterator[list[ChangeEvent]]:
    """Groups in the order of their first event; each oldest first, as the events came."""
    first: dict[Any, int] = {}
    ordered = sorted(events, key=lambda event: first.setdefault(key(event), event.id))
    return (list(group) for _, group in groupby(ordered, key))


def _fold(events: Sequence[ChangeEvent]) -> Change | None:
    operation = fold_operations([event.operation for event in events])
    if operation is None:
        return None
    rows = [row for event in events for row in event.changes]
    later = _later(events) if operation is WebhookEventName.CREATE else ()
    return Change(
        entity_type=events[0].entity_type,
        entity_id=events[0].entity_id,
        operation=operation,
        columns=frozenset().union(*(event.columns for event in events)),
        changes=rows[:MAX_CHANGES],
        is_cut=len(rows) > MAX_CHANGES or any(event.is_cut for event in events),
        seller_id=next((event.seller_id for event in events if event.seller_id is not None), None),
        changed_at=max(event.recorded_at for event in events),
        later=_fold(later) if later else None,
    )


def _later(events: Sequence[ChangeEvent]) -> list[ChangeEvent]:
    """Those of transactions after the one of the (last) creation."""
    created = max(place for place, event in enumerate(events) if event.operation is WebhookEventName.CREATE)
    return [event for event in events[created:] if event.txid != events[created].txid]
