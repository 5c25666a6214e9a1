"""Select the changes that one publishing step sends, and the webhooks that get them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.auth.viewers import Viewer
from app.capture.change_events import ChangeEvent, Lane
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.webhooks import Subscription, WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState
from schema import schema
from schema.stored.validate import stored_query
from schema.stored.visible_changes import find_visible_part, is_operators_own
from workers.publish.budget import MAX_MATCHES
from workers.publish.match import (
    Change,
    Match,
    UnrenderedMatch,
    change_for,
    fold,
    fold_for,
    group_by_entity,
    skip_reason,
)
from workers.publish.subscribing_sellers import Entity, list_possible_owners, list_visible_changes
from workers.publish.subscriptions import Audience, Group, Owner, Subscriptions

#: Owners whose webhooks one step looks through. Reference data concerns all sellers, most of which may not watch it.
_MAX_AUDIENCES = 10 * MAX_MATCHES
#: Matches of one entity above which it is heavy, and waits in a lane of its own.
HEAVY_MATCHES = MAX_MATCHES // 10


@dataclass(slots=True)
class Selection:
    """The work of one step.

    Attributes:
        taken: The entities that the step handles, with their change events.
        heavy: The entities that wait for a step of their own.
        missed: The changes that a disabled webhook misses.
    """

    matches: list[Match] = field(default_factory=list)
    unrendered: list[UnrenderedMatch] = field(default_factory=list)
    taken: dict[Entity, list[ChangeEvent]] = field(default_factory=dict)
    heavy: dict[Entity, list[ChangeEvent]] = field(default_factory=dict)
    missed: dict[Entity, Change] = field(default_factory=dict)

    def fold(self, entity: Entity, *, for_operator: bool = True) -> Change | None:
        """Return all changes of a taken entity as one; None if they cancel out."""
        told = [
            event for event in self.taken[entity] if for_operator or not is_operators_own(event.columns, event.changes)
        ]
        return fold(told) if told else None

    def list_former_sellers(self, entity: Entity) -> list[int]:
        """Return whose a taken entity was before it was deleted, or each time that it moved away, oldest first."""
        return [event.seller_id for event in self.taken[entity] if event.seller_id is not None]


async def select(
    subscriptions: Subscriptions, events: Sequence[ChangeEvent], owners: Mapping[Entity, Sequence[int]]
) -> Selection:
    """Select as many of the claimed entities as fit into one step. The others stay unpublished."""
    selection = Selection()
    entities = group_by_entity(events)
    visited = 0
    for entity, of_entity in entities.items():
        if visited > _MAX_AUDIENCES:
            break
        audiences = await _audiences(subscriptions, of_entity, owners.get(entity, ()))
        visited += len(audiences)
        number = sum(one.number for one in audiences)
        is_alone = len(entities) == 1
        if number > HEAVY_MATCHES and of_entity[0].claimed_lane is not Lane.HEAVY and not is_alone:
            selection.heavy[entity] = of_entity
            continue
        if selection.matches and len(selection.matches) + number > MAX_MATCHES:
            break
        selection.taken[entity] = of_entity
        for one in audiences:
            if one.skipped is not None:
                subscriptions.skips.note(entity[0], one.owner, one.skipped)
            for found in one.matches():
                if isinstance(found, Match):
                    selection.matches.append(found)
                else:
                    selection.unrendered.append(found)
        missing = [one.owner for one in audiences if one.is_missed]
        if missing and (change := selection.fold(entity, for_operator=None in missing)):
            selection.missed[entity] = change
    return selection


@dataclass(slots=True)
class _OwnersChanges:
    """One entity's changes as one owner sees them, and the groups of its webhooks that they concern.

    `skipped` holds the changed columns if some webhook watches none of them; else it is None.
    """

    owner: Owner
    events: list[ChangeEvent]
    groups: Sequence[Group]
    skipped: frozenset[str] | None
    _folded: dict[tuple[bool, tuple[int, ...] | None], list[Change]] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """The greatest number of webhooks that may get the changes."""
        return sum(len(group.webhooks) for group in self.groups)

    def matches(self) -> Iterator[Match | UnrenderedMatch]:
        for group in self.groups:
            for webhook in group.webhooks.values():
                for change in self._changes(webhook):
                    if (told := change_for(webhook, change)) and (found := _match(group, webhook, told)):
                        yield found

    @property
    def is_missed(self) -> bool:
        """Tell whether a disabled webhook would get the changes if it were enabled."""
        return any(
            (told := change_for(webhook, change)) and _match(group, webhook, told)
            for group in self.groups
            for of_events in group.missing.values()
            for webhook in list(of_events.values())[:1]
            if (change := fold(self.events))
        )

    def _changes(self, webhook: Subscription) -> list[Change]:
        events = [event for event in self.events if concerns(event, webhook.id)]
        is_whole = len(events) == len(self.events)
        key = (webhook.every_change, None if is_whole else tuple(event.id for event in events))
        if key not in self._folded:
            self._folded[key] = fold_for(webhook, events)
        return self._folded[key]


def concerns(event: ChangeEvent, webhook_id: WebhookId) -> bool:
    """Return whether a change event still has to be sent to a webhook."""
    return event.webhook_ids is None or webhook_id in event.webhook_ids


def _match(group: Group, webhook: Subscription, change: Change) -> Match | UnrenderedMatch | None:
    if group.watched is None:
        reason = f"The stored query does not fit the schema any more. {group.problem}"
        return UnrenderedMatch(webhook=webhook, change=change, state=WebhookEventState.RENDER_FAILED, reason=reason)
    if skip_reason(webhook, group.watched, change) is not None:
        return None
    query = stored_query(schema._schema, webhook.query_string, webhook.type)
    return Match(webhook=webhook, query=query, change=change)


async def _audiences(
    subscriptions: Subscriptions, events: list[ChangeEvent], present: Sequence[int]
) -> list[_OwnersChanges]:
    found = []
    for owner in list_possible_owners(events, present):
        audience = await subscriptions.audience(events[0].entity_type, owner)
        if audience is not None and (seen := _seen_by(owner, events, present)):
            found.append(_changes_of(owner, audience, seen))
    return found


def _seen_by(owner: Owner, events: list[ChangeEvent], present: Sequence[int]) -> list[ChangeEvent]:
    return list_visible_changes(owner, events if owner is None else _visible_parts(owner, events), present)


def _visible_parts(seller_id: int, events: Sequence[ChangeEvent]) -> list[ChangeEvent]:
    viewer = Viewer(SellerId(seller_id))
    parts = ((event, find_visible_part(viewer, event)) for event in events)
    return [event._replace(columns=part.columns, changes=part.changes) for event, part in parts if part is not None]


def _changes_of(owner: Owner, audience: Audience, events: list[ChangeEvent]) -> _OwnersChanges:
    """Return the changes with the groups that they concern. For updates, only groups that watch a column count."""
    if any(event.operation is not WebhookEventName.UPDATE for event in events):
        return _OwnersChanges(owner, events, audience.groups, None)
    columns = frozenset().union(*(event.columns for event in events))
    watching = audience.groups_watching(columns)
    are_skipped = len(watching) < len(audience.groups) and all(event.webhook_ids is None for event in events)
    return _OwnersChanges(owner, events, watching, columns if are_skipped else None)
