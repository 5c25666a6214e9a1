"""Decide whether a rendered change is sent to one webhook, skipped, or sent in place of what waits. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from app.kernel.parsed_json import JsonObject, ParsedJson
from app.webhooks.db.webhook_events import PriorEvent, WebhookEventId
from app.webhooks.db.webhooks import Subscription
from app.webhooks.domain.changed import join_changes
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WAITING, NewState, WebhookEventState

EQUAL = "The result equals the last one."
NEVER_SENT = "The entity was created and destroyed before anything was sent of it."
TOLD_ALREADY = "That the entity was destroyed has been told already."


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The state and name of a new webhook event, and the events whose place it takes.

    `may_be_known` tells whether the subscriber may know the entity from earlier events.
    """

    state: NewState
    event_name: WebhookEventName
    reason: str | None = None
    supersedes: tuple[WebhookEventId, ...] = ()
    may_be_known: bool = True


def judge(
    webhook: Subscription,
    operation: WebhookEventName,
    payload_digest: bytes,
    prior: Sequence[PriorEvent],
    *,
    is_comparable: bool = True,
    is_forced: bool = False,
) -> Verdict:
    """Decide whether a rendered change is sent, by the prior events of its entity and webhook.

    Args:
        webhook: The webhook, with its options.
        operation: CREATE, UPDATE or DESTROY.
        payload_digest: SHA-256 of the rendered body.
        prior: The event that was delivered last, and all that are still open, newest first.
        is_comparable: Whether equal bytes mean an equal result. False if the body holds an internal error.
        is_forced: Whether it is sent even if it tells nothing new, such as the destroy of an unknown entity.
    """
    waiting = [] if webhook.every_change else [one for one in prior if is_waiting(one)]
    supersedes = tuple(one.id for one in waiting)
    if is_forced:
        return take_place(operation, prior, waiting, is_forced=True)
    if operation is WebhookEventName.CREATE and _has_not_heard_of_its_end(webhook, prior):
        operation = WebhookEventName.UPDATE
    if operation is WebhookEventName.DESTROY and is_destroyed(prior):
        return Verdict(state=WebhookEventState.SKIPPED, event_name=operation, reason=TOLD_ALREADY)
    if is_comparable and _can_be_skipped(webhook, operation):
        if prior and _is_equal(prior[0], payload_digest):
            return Verdict(state=WebhookEventState.SKIPPED, event_name=operation, reason=EQUAL)
        if prior and returns_to(prior, payload_digest):
            return Verdict(state=WebhookEventState.SKIPPED, event_name=operation, reason=EQUAL, supersedes=supersedes)
    return take_place(operation, prior, waiting)


def take_place(
    operation: WebhookEventName,
    prior: Sequence[PriorEvent],
    waiting: Sequence[PriorEvent],
    *,
    is_forced: bool = False,
) -> Verdict:
    """Decide what an event becomes that takes the place of the waiting ones.

    An update that takes the place of a create becomes a create. A destroy is not sent if the subscriber can't know the
    entity.

    Args:
        operation: CREATE, UPDATE or DESTROY.
        prior: The prior events of the entity, as in `judge`.
        waiting: The prior events that are superseded; may be empty.
        is_forced: As in `judge`.
    """
    supersedes = tuple(one.id for one in waiting)
    may_be_known = may_know(prior) or (is_forced and operation is WebhookEventName.DESTROY)
    if operation is WebhookEventName.DESTROY and waiting and not may_be_known:
        return Verdict(state=WebhookEventState.SKIPPED, event_name=operation, reason=NEVER_SENT, supersedes=supersedes)
    if operation is WebhookEventName.UPDATE and awaits_creation(waiting):
        operation = WebhookEventName.CREATE
    elif operation is WebhookEventName.CREATE and _awaits_unheard_destroy(waiting):
        operation = WebhookEventName.UPDATE
    return Verdict(
        state=WebhookEventState.PENDING,
        event_name=operation,
        supersedes=supersedes,
        may_be_known=may_be_known,
    )


def is_waiting(one: PriorEvent) -> bool:
    """Return whether a newer event may take this one's place: it is not in flight, and not a replay."""
    return one.state in WAITING and not one.is_replay


def join_superseded(prior: Sequence[PriorEvent], verdict: Verdict, changed: Mapping[str, ParsedJson]) -> JsonObject:
    """Add the changes of superseded events to the new event's. Otherwise the subscriber would never get them.

    Args:
        prior: The prior events, newest first; the oldest change is joined last.
        verdict: Names the superseded events.
        changed: The new event's changes, in the form of `describe_changes`.
    """
    joined = dict(changed)
    for one in prior:
        if one.id in verdict.supersedes and one.state is not WebhookEventState.DELIVERED:
            joined = join_changes(orjson.loads(one.changed), joined)
    return joined


def awaits_creation(prior: Sequence[PriorEvent]) -> bool:
    """Return whether a create waits. An update that takes its place becomes a create."""
    return any(one.event_name is WebhookEventName.CREATE and one.state in WAITING for one in prior)


def _awaits_unheard_destroy(waiting: Sequence[PriorEvent]) -> bool:
    """Return whether a destroy waits that was never sent. Then a restored entity is updated, not created."""
    destroys = [one for one in waiting if one.event_name is WebhookEventName.DESTROY]
    return bool(destroys) and all(one.attempt_count == 0 and one.may_be_known for one in destroys)


def _has_not_heard_of_its_end(webhook: Subscription, prior: Sequence[PriorEvent]) -> bool:
    """Return whether the subscriber has an entity for certain that was deleted and restored, or left and came back.

    It was not told of the end, because its webhook was disabled then or did not ask for destroys.
    """
    is_told_of_lives = not webhook.every_change and len(webhook.event_names) == len(WebhookEventName)
    newest = prior[0] if prior else None
    return (
        is_told_of_lives
        and newest is not None
        and newest.state is WebhookEventState.DELIVERED
        and newest.event_name is not WebhookEventName.DESTROY
        and newest.payload_digest is not None
    )


def is_destroyed(prior: Sequence[PriorEvent]) -> bool:
    """Return whether the newest event is a destroy that waits or was delivered for certain."""
    if not prior or prior[0].event_name is not WebhookEventName.DESTROY:
        return False
    return prior[0].state is not WebhookEventState.DELIVERED or prior[0].payload_digest is not None


def may_know(prior: Sequence[PriorEvent]) -> bool:
    """Return whether the subscriber may know the entity from any prior event."""
    return any(_may_be_known(one) for one in prior)


def _may_be_known(one: PriorEvent) -> bool:
    """Return whether the subscriber may know the entity from this event. A failed attempt may have arrived, too."""
    if one.state is WebhookEventState.DELIVERED:
        return one.event_name is not WebhookEventName.DESTROY or one.payload_digest is None
    return one.may_be_known or one.attempt_count > 0 or one.event_name is not WebhookEventName.CREATE


def returns_to(prior: Sequence[PriorEvent], payload_digest: bytes) -> bool:
    """Return whether the last delivered result equals this one, and all newer events wait: then none is sent."""
    *newer, last = prior
    is_held_back = all(one.state in WAITING and not one.is_replay for one in newer)
    return is_held_back and last.state is WebhookEventState.DELIVERED and _is_equal(last, payload_digest)


def _can_be_skipped(webhook: Subscription, operation: WebhookEventName) -> bool:
    """Return whether an equal result may be skipped. A destroy is always sent."""
    return webhook.allow_skip and not webhook.every_change and operation is not WebhookEventName.DESTROY


def _is_equal(last: PriorEvent, payload_digest: bytes) -> bool:
    """Return whether the result is the same as before. The first event after a destroy is always sent."""
    return last.payload_digest == payload_digest and last.event_name is not WebhookEventName.DESTROY
