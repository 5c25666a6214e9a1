"""Decide whether a rendered change is sent to one webhook, skipped, or sent in place of what waits. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from app.webhooks.db.webhook_events import Given, WebhookEventId
from app.webhooks.db.webhooks import Subscription
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState
from schema.stored.changed import join_changes

EQUAL = "The result equals the last one."
NEVER_SENT = "The entity was created and destroyed before anything was sent of it."
TOLD_ALREADY = "That the entity was destroyed has been told already."

#: Not in flight and not sent: a newer state can take their place.
_WAITING = (WebhookEventState.PENDING, WebhookEventState.RETRYING, WebhookEventState.HELD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The state of the new webhook event, its name, and what it takes the place of.

    may_be_known  whether the subscriber may have heard of the entity before this event.
    """

    state: WebhookEventState
    event_name: WebhookEventName
    reason: str | None = None
    supersedes: tuple[WebhookEventId, ...] = ()
    may_be_known: bool = True


def judge(
    webhook: Subscription,
    operation: WebhookEventName,
    payload_digest: bytes,
    given: Sequence[Given],
    *,
    is_comparable: bool = True,
) -> Verdict:
    """Decide by what the webhook was last given for the entity.

    Args:
        given: The last one that was delivered, and all that is still open; newest first.
        is_comparable: Whether equal bytes mean an equal result: not of one that an internal error is in.
    """
    waiting = [] if webhook.every_change else [one for one in given if is_waiting(one)]
    supersedes = tuple(one.id for one in waiting)
    if operation is WebhookEventName.DESTROY and is_destroyed(given):
        return Verdict(state=WebhookEventState.SKIPPED, event_name=operation, reason=TOLD_ALREADY)
    if is_comparable and _can_be_skipped(webhook, operation):
        if given and _is_equal(given[0], payload_digest):
            return Verdict(state=WebhookEventState.SKIPPED, event_name=operation, reason=EQUAL)
        if given and returns_to(given, payload_digest):
            return Verdict(state=WebhookEventState.SKIPPED, event_name=operation, reason=EQUAL, supersedes=supersedes)
    return take_place(operation, given, waiting)


def take_place(operation: WebhookEventName, given: Sequence[Given], waiting: Sequence[Given]) -> Verdict:
    """Decide what an event becomes that takes the place of what waits; nothing may wait.

    An update that takes a creation's place is one. A destroy of what nobody can have heard of is not sent.

    Args:
        given: What the webhook was last given for the entity before this event, as for `judge`.
        waiting: Those of them that are superseded.
    """
    supersedes = tuple(one.id for one in waiting)
    may_be_known = may_know(given)
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


def is_waiting(one: Given) -> bool:
    """Tell whether a newer state may take this one's place: it is not in flight, and nobody has asked for it again."""
    return one.state in _WAITING and not one.is_replay


def join_superseded(given: Sequence[Given], verdict: Verdict, changed: Mapping[str, Any]) -> dict[str, Any]:
    """Add to what an event says what the superseded ones would have said: nobody is told of it otherwise.

    Args: given — newest first, so that the oldest change is joined last.
    """
    joined = dict(changed)
    for one in given:
        if one.id in verdict.supersedes and one.state is not WebhookEventState.DELIVERED:
            joined = join_changes(orjson.loads(one.changed), joined)
    return joined


def awaits_creation(given: Sequence[Given]) -> bool:
    """Whether a creation waits: an update that takes its place is one, too."""
    return any(one.event_name is WebhookEventName.CREATE and one.state in _WAITING for one in given)


def _awaits_unheard_destroy(waiting: Sequence[Given]) -> bool:
    """Whether a destroy waits of which the subscriber can't have heard: an entity that is restored was never gone."""
    destroys = [one for one in waiting if one.event_name is WebhookEventName.DESTROY]
    return bool(destroys) and all(one.attempt_count == 0 and one.may_be_known for one in destroys)


def is_destroyed(given: Sequence[Given]) -> bool:
    """Whether the last word was a destroy that is told or waits; not one of which it is unknown whether it arrived."""
    if not given or given[0].event_name is not WebhookEventName.DESTROY:
        return False
    return given[0].state is not WebhookEventState.DELIVERED or given[0].payload_digest is not None


def may_know(given: Sequence[Given]) -> bool:
    """Whether the subscriber may hold the entity by all that it was given."""
    return any(_may_be_known(one) for one in given)


def _may_be_known(one: Given) -> bool:
    """Whether the subscriber may hold the entity by what it was given: an attempt counts, whatever came of it."""
    if one.state is WebhookEventState.DELIVERED:
        return one.event_name is not WebhookEventName.DESTROY or one.payload_digest is None
    return one.may_be_known or one.attempt_count > 0 or one.event_name is not WebhookEventName.CREATE


def returns_to(given: Sequence[Given], payload_digest: bytes) -> bool:
    """Whether the subscriber has this, and all that is newer waits: then neither that nor this is to be sent."""
    *newer, last = given
    is_held_back = all(one.state in _WAITING and not one.is_replay for one in newer)
    return is_held_back and last.state is WebhookEventState.DELIVERED and _is_equal(last, payload_digest)


def _can_be_skipped(webhook: Subscription, operation: WebhookEventName) -> bool:
    """A destroy is news whatever it shows."""
    return webhook.allow_skip and not webhook.every_change and operation is not WebhookEventName.DESTROY


def _is_equal(last: Given, payload_digest: bytes) -> bool:
    """What comes after a destroy is news, too."""
    return last.payload_digest == payload_digest and last.event_name is not WebhookEventName.DESTROY
