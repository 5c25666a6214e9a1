"""Explanations why a webhook was sent a change or was not, derived from the records of both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.auth.viewers import Viewer
from app.capture.entity_changes import EntityChange, EntityEvent
from app.db.graph import is_for_everyone
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import Webhook
from app.webhooks.domain.webhook import WebhookEventName, fold_operations
from app.webhooks.domain.webhook_event import UNTRIGGERED, UNWATCHED, WebhookEventState
from schema.entities.declarations import ENTITIES, VISIBILITY
from schema.stored.visible_changes import find_visible_part


class ChangeVerdict(StrEnum):
    """The outcome of one recorded change for one webhook."""

    MADE = "MADE"
    """A webhook event tells of it."""
    WAITING = "WAITING"
    """No worker has published it yet."""
    SET_ASIDE = "SET_ASIDE"
    """It could not be published; the operator has to retry it."""
    NOT_VISIBLE = "NOT_VISIBLE"
    """The webhook's owner does not see it."""
    BEFORE_WEBHOOK = "BEFORE_WEBHOOK"
    """It was published before the webhook was registered."""
    UNDONE = "UNDONE"
    """It belongs to a creation and a destroy that were published together."""
    NOT_ASKED_FOR = "NOT_ASKED_FOR"
    """The webhook's `eventNames` leave its kind out."""
    NOT_WATCHED = "NOT_WATCHED"
    """The query reads nothing of it."""
    NOT_TRIGGERED = "NOT_TRIGGERED"
    """The triggers name nothing of it."""
    DISABLED = "DISABLED"
    """The webhook is disabled or catches up after that. It will be sent the present state."""
    UNKNOWN = "UNKNOWN"
    """No record tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeExplanation:
    """The explanation of one change.

    Args:
        is_owned: Whether the webhook's owner may know of the change.
        event_id: The webhook event that reports the change. None if there is none.
    """

    change: EntityChange
    verdict: ChangeVerdict
    reason: str
    is_owned: bool
    event_id: WebhookEventId | None = None


_LATER = "A webhook event of a later change tells of it."
_EDITED = "The webhook was changed since; this is by its present settings."

#: The explanation and the advice for each state of a webhook event. SKIPPED events have their own reason.
_MADE = {
    WebhookEventState.PENDING: "Its webhook event is about to be sent.",
    WebhookEventState.SENDING: "Its webhook event is being sent.",
    WebhookEventState.RETRYING: "Its webhook event could not be delivered yet and is tried again: see its attempts.",
    WebhookEventState.DELIVERED: "Its webhook event was delivered: see its attempts for the endpoint's answer.",
    WebhookEventState.SUPERSEDED: "A newer webhook event went out in the place of its own: see supersededBy.",
    WebhookEventState.HELD: "Its webhook event is held while the webhook is disabled: enable the webhook.",
    WebhookEventState.FAILED: "Its webhook event was given up: see its attempts, then replay it.",
    WebhookEventState.CANCELLED: "Its webhook event was withdrawn: replay it to have it sent.",
    WebhookEventState.RENDER_FAILED: "Its webhook event could not be rendered: see its reason, then replay it.",
}
_UNMADE = {
    ChangeVerdict.WAITING: "No worker has published it yet, which takes less than a second: ask again, and see to it"
    " that a worker runs.",
    ChangeVerdict.SET_ASIDE: "It could not be published, which the operator is told of: changeEventsRetry has it tried"
    " again.",
    ChangeVerdict.NOT_VISIBLE: "The webhook's owner does not see it: register a webhook of the entity's seller or of"
    " the operator.",
    ChangeVerdict.BEFORE_WEBHOOK: "It is older than the webhook: a webhookBackfill sends the present state.",
    ChangeVerdict.UNDONE: "The entity was created and destroyed before anything was published of it: there is nothing"
    " to send.",
    ChangeVerdict.NOT_WATCHED: f"{UNWATCHED} Select a field that `changed` names.",
    ChangeVerdict.NOT_TRIGGERED: f"{UNTRIGGERED} Add a path that `changed` names to `triggers`.",
    ChangeVerdict.DISABLED: "The webhook was disabled: enable it, and once it has caught up it is sent the entity's"
    " present state.",
    ChangeVerdict.UNKNOWN: "Nothing is kept that tells what became of it: a webhookBackfill sends the present state.",
}
_BY_SETTINGS = (ChangeVerdict.NOT_ASKED_FOR, ChangeVerdict.NOT_WATCHED, ChangeVerdict.NOT_TRIGGERED)


def explain_changes(
    webhook: Webhook,
    watched: frozenset[str] | None,
    changes: Sequence[EntityChange],
    events: Sequence[EntityEvent],
    *,
    is_seen: bool,
) -> list[ChangeExplanation]:
    """Explain each change of one entity.

    Args:
        watched: As `watched_by` returns it. None when the query does not fit the schema any more.
        changes: Newest first.
        events: The webhook's events of the entity, oldest first.
        is_seen: Whether the webhook's owner sees the entity today.
    """
    owned = list_owned(webhook.type.entity_type, changes, webhook.seller_id, is_seen=is_seen)
    # Matching goes by what the owner may know of a change; the explanation is of the whole change.
    whole = {change.id: change for change in changes}
    changes = [_seen_by(Viewer(webhook.seller_id), change) for change in changes]
    # With `everyChange`, the changes of one transaction are reported together; else those that wait together.
    together = [
        (one.published_at, one.txid if webhook.every_change else None) if is_owned else (None, one.id)
        for one, is_owned in zip(changes, owned, strict=True)
    ]
    groups: dict[object, list[EntityChange]] = {}
    for key, change in zip(reversed(together), reversed(changes), strict=True):
        groups.setdefault(key, []).append(change)
    explained = [
        _explain(webhook, watched, change, groups[key], events, is_owned=is_owned)
        for change, key, is_owned in zip(changes, together, owned, strict=True)
    ]
    return [replace(one, change=whole[one.change.id]) for one in explained]


def _seen_by(viewer: Viewer, change: EntityChange) -> EntityChange:
    part = find_visible_part(viewer, change)
    return change if part is None else replace(change, columns=part.columns, changes=part.changes)


def list_owned(
    entity_type: str, changes: Sequence[EntityChange], seller_id: int | None, *, is_seen: bool
) -> list[bool]:
    """Tell of each change, newest first, whether the entity was the seller's when it changed.

    Args:
        seller_id: None for the operator, who sees everything.
        is_seen: Whether the seller sees the entity today.
    """
    if seller_id is None or is_for_everyone(entity_type):
        return [True] * len(changes)
    table = ENTITIES[entity_type].table.name
    moves = VISIBILITY[table].reads(table)
    owned = []
    for change in changes:
        was_seen = is_seen
        if change.seller_id is not None:
            # The entity was deleted for good, or moved to another seller. This is the seller until then.
            was_seen = change.seller_id == seller_id
        elif not change.columns.isdisjoint(moves):
            was_seen = False
        is_move = change.operation is WebhookEventName.UPDATE and is_seen
        may_know = find_visible_part(Viewer(SellerId(seller_id)), change) is not None
        owned.append((was_seen or is_move) and may_know)
        is_seen = was_seen
    return owned


def _explain(
    webhook: Webhook,
    watched: frozenset[str] | None,
    change: EntityChange,
    group: Sequence[EntityChange],
    events: Sequence[EntityEvent],
    *,
    is_owned: bool,
) -> ChangeExplanation:
    is_hidden = find_visible_part(Viewer(webhook.seller_id), change) is None
    after = [event for event in events if event.changed_at >= change.recorded_at and not is_hidden]
    # The transaction that publishes a change makes its webhook events, and marks it last.
    of_change = [event for event in after if change.published_at is None or event.created_at <= change.published_at]
    if of_change:
        return _made(change, of_change[0], is_owned=is_owned)
    operation, wanted = _name_operation(webhook, change, group)
    verdict = _judge(webhook, watched, wanted, operation, is_owned=is_owned)
    if verdict is ChangeVerdict.WAITING and change.is_set_aside:
        verdict = ChangeVerdict.SET_ASIDE
    if verdict in (ChangeVerdict.DISABLED, ChangeVerdict.UNKNOWN) and after:
        return _made(change, after[0], is_owned=is_owned, prefix=f"{_LATER} ")
    reason = (
        _UNMADE.get(verdict) or f"Its kind is {operation}: add that to the webhook's `eventNames` to be told of it."
    )
    is_edited = change.published_at is not None and webhook.updated_at > change.published_at
    if verdict in _BY_SETTINGS and is_edited:
        reason = f"{reason} {_EDITED}"
    return ChangeExplanation(change=change, verdict=verdict, reason=reason, is_owned=is_owned)


def _made(change: EntityChange, event: EntityEvent, *, is_owned: bool, prefix: str = "") -> ChangeExplanation:
    reason = _MADE.get(event.state) or f"Its webhook event was skipped: {event.reason}"
    return ChangeExplanation(
        change=change, verdict=ChangeVerdict.MADE, reason=f"{prefix}{reason}", is_owned=is_owned, event_id=event.id
    )


def _judge(
    webhook: Webhook,
    watched: frozenset[str] | None,
    group: Sequence[EntityChange],
    operation: WebhookEventName | None,
    *,
    is_owned: bool,
) -> ChangeVerdict:
    """Decide about changes that were published together and that no webhook event was made of."""
    published_at = group[0].published_at
    if not is_owned:
        return ChangeVerdict.NOT_VISIBLE
    if published_at is None:
        return ChangeVerdict.WAITING
    if published_at < webhook.created_at:
        return ChangeVerdict.BEFORE_WEBHOOK
    if operation is None:
        return ChangeVerdict.UNDONE
    if operation not in webhook.event_names:
        return ChangeVerdict.NOT_ASKED_FOR
    columns = frozenset[str]().union(*(one.columns for one in group))
    if operation is WebhookEventName.UPDATE and watched is not None and watched.isdisjoint(columns):
        return ChangeVerdict.NOT_TRIGGERED if webhook.triggers else ChangeVerdict.NOT_WATCHED
    has_missed = not webhook.is_enabled or webhook.missed_since is not None
    return ChangeVerdict.DISABLED if has_missed else ChangeVerdict.UNKNOWN


def _name_operation(
    webhook: Webhook, change: EntityChange, group: Sequence[EntityChange]
) -> tuple[WebhookEventName | None, Sequence[EntityChange]]:
    """Return what the changes that were published together amount to, and which of them.

    A webhook without CREATE is still told of what later transactions have changed. A move to another seller is a
    DESTROY for the one, and a CREATE for the other.
    """
    if webhook.seller_id is not None and change.seller_id is not None and change.operation is WebhookEventName.UPDATE:
        has_left = change.seller_id == webhook.seller_id
        return WebhookEventName.DESTROY if has_left else WebhookEventName.CREATE, [change]
    operation = fold_operations([one.operation for one in group])
    if operation is WebhookEventName.CREATE and operation not in webhook.event_names:
        later = _list_later(group)
        if change in later:
            return fold_operations([one.operation for one in later]), later
    return operation, group


def _list_later(group: Sequence[EntityChange]) -> list[EntityChange]:
    created = max(place for place, one in enumerate(group) if one.operation is WebhookEventName.CREATE)
    return [one for one in group[created:] if one.txid != group[created].txid]
