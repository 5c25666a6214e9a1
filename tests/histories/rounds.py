"""Check the events that publishers make of some commits: the first half of the model."""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.histories.model import (
    EQUAL,
    GIVEN_UP,
    NEVER_SENT,
    OPEN,
    TOLD_ALREADY,
    UNWATCHED,
    Commit,
    Event,
    Round,
    Subscription,
    concerns,
    folds,
    is_wanted,
    last_given,
    operation,
    presence,
    renderings,
)


def check_round(subscription: Subscription, seen: Round) -> list[str]:
    """Return what is wrong with the events that publishers have made for one webhook."""
    wrong: list[str] = []
    made = [event for id_, event in sorted(seen.after.items()) if id_ not in seen.before]
    mine = [event for event in made if event.webhook == subscription.id and event.reason != TOLD_ALREADY]
    for variant in {commit.variant for commit in seen.commits} | {event.variant for event in mine}:
        commits = [commit for commit in seen.commits if commit.variant == variant]
        events = [event for event in mine if event.variant == variant]
        repeated = [event for event in made if event.variant == variant and _repeats_end(subscription, seen, event)]
        if variant in seen.torn:
            wrong += _check_torn(subscription, commits, events, repeated=len(repeated))
            continue
        wrong += _check_count(subscription, seen, commits, events, repeated=len(repeated))
        wrong += [said for event in events for said in _check_event(subscription, seen, commits, event)]
        wrong += _check_names(subscription, seen, commits, events)
    return wrong


def check_missed(subscription: Subscription, seen: Round) -> list[str]:
    """Return what is wrong with a disabled webhook: it must get no events."""
    made = [event for id_, event in seen.after.items() if id_ not in seen.before]
    return [f"made for a disabled webhook: {event}" for event in made if event.webhook == subscription.id]


def _check_count(
    subscription: Subscription, seen: Round, commits: Sequence[Commit], events: Sequence[Event], *, repeated: int
) -> list[str]:
    """Check the number of events. In a storm it is unknown which commits were published together.

    `repeated` is the number of ends that may be left out, or sent.
    """
    together = [[commit] for commit in commits] if seen.is_storm else folds(subscription, commits)
    told = [fold for fold in together if concerns(subscription, fold)]
    wanted = [fold for fold in told if is_wanted(subscription, fold)]
    judged = [event for event in events if event.reason not in UNWATCHED]
    is_open = seen.is_storm and not subscription.every_change
    wrong = []
    # What is not watched may be noted or not.
    least = min(len(wanted), 1) if is_open else len(wanted)
    for what, at_least, expected, found in (("all", least, told, events), ("judged", least, wanted, judged)):
        if not at_least - repeated <= len(found) <= len(expected):
            wrong.append(f"webhook {subscription.id}, {what}: {len(expected)} instead of {found} for {commits}")
    return wrong


def _repeats_end(subscription: Subscription, seen: Round, event: Event) -> bool:
    """Tell whether a webhook that asks for no creations has been told of the variant's end before."""
    if event.webhook != subscription.id or event.reason != TOLD_ALREADY or "create" in subscription.events:
        return False
    before = last_given(seen, event.subject, event.id, by_arrival=False)
    return before is not None and before.name == "destroy"


def _check_torn(
    subscription: Subscription, commits: Sequence[Commit], events: Sequence[Event], *, repeated: int
) -> list[str]:
    """Check that a variant that was erased before its rendering gets only its destroy.

    A webhook without creations is told of the end of one, unless publishers have looked at both together. `repeated` is
    the number of ends that are left out, because one was told before, maybe in this round.
    """
    told = [event for event in events if event.state != "SKIPPED"]
    is_destroyed = operation(subscription, commits) == "destroy" and concerns(subscription, commits)
    was_never_sent = any(event.reason == NEVER_SENT for event in events)
    if any(event.name != "destroy" for event in told):
        return [f"told of what is gone, {commits}: {told}"]
    is_made = any(presence(subscription, commits)) and not subscription.is_there(commits[0].before)
    is_open = is_made and "create" not in subscription.events and len(told) <= ("destroy" in subscription.events)
    wanted = int(is_destroyed and not was_never_sent)
    if not is_open and not len(told) <= wanted <= len(told) + repeated:
        return [f"webhook {subscription.id}: {events} for the end of {commits}"]
    return []


def _check_event(subscription: Subscription, seen: Round, commits: Sequence[Commit], event: Event) -> list[str]:
    wrong = []
    if not commits:
        return [f"made of nothing: {event}"]
    older = [other for id_, other in seen.before.items() if other.subject == event.subject and id_ > event.id]
    if older:
        wrong.append(f"its sequence is lower than that of an older state, {older}: {event}")
    if event.state == "SKIPPED":
        return wrong + _check_skip(subscription, seen, commits, event)
    too_large = {subscription.is_too_large(commit.after) for commit in (commits if seen.is_storm else commits[-1:])}
    if (event.state == "RENDER_FAILED") not in too_large:
        wrong.append(f"too large and sent, or refused and not too large, {commits}: {event}")
    if event.state == "RENDER_FAILED":
        return wrong
    if event.name == "destroy" and not seen.is_storm and _is_unheard(subscription, commits):
        wrong.append(f"the end of what was never told, {commits}: {event}")
    if event.payload not in renderings(subscription, seen, commits):
        wrong.append(f"doesn't show the variant as it was, {commits}: {event}")
    if seen.is_quiet and not subscription.every_change:
        wrong += [f"waits still, {other}: {event}" for other in seen.after.values() if _should_give_way(other, event)]
    before = last_given(seen, event.subject, event.id, by_arrival=False)
    is_due = event.name == "destroy" or _is_unsure(seen, before)
    if seen.is_quiet and subscription.may_skip and not is_due and _is_equal(seen, before, [event.payload]):
        wrong.append(f"tells nothing new after {before}: {event}")
    return wrong


def _is_unsure(seen: Round, event: Event | None) -> bool:
    """Return whether nobody knows if an event came in: its attempt failed, and what took its place was withdrawn."""
    return event is not None and event.state == "SUPERSEDED" and event.id not in seen.taken


def _is_unheard(subscription: Subscription, commits: Sequence[Commit]) -> bool:
    """Whether the variant came and went, with nothing to be shown of it."""
    was_there = subscription.is_there(commits[0].before)
    return "create" in subscription.events and not was_there and not subscription.shows(commits[-1].after)


def _should_give_way(other: Event, event: Event) -> bool:
    waits = other.state in OPEN - {"SENDING"} and not other.is_replay
    return waits and other.subject == event.subject and other.id < event.id


def _check_names(
    subscription: Subscription, seen: Round, commits: Sequence[Commit], events: Sequence[Event]
) -> list[str]:
    """Check the event names. An update may be a create while no create was sent yet."""
    wanted = [fold for fold in folds(subscription, commits) if is_wanted(subscription, fold)]
    judged = [event for event in events if event.reason not in UNWATCHED]
    if seen.is_storm or len(wanted) != len(judged):
        return []
    told = zip(judged, wanted, strict=True)
    return [
        f"wrong name: {one}"
        for one, fold in told
        if (one.name == "destroy") != (operation(subscription, fold) == "destroy")
    ]


def check_creations(subscription: Subscription, seen: Round) -> list[str]:
    """Return the creates of variants that the subscriber has already."""
    if subscription.every_change or not subscription.events >= {"create", "destroy"}:
        return []
    made = [event for id_, event in seen.after.items() if id_ not in seen.before and event.webhook == subscription.id]
    return [
        f"a second creation: {one}"
        for one in made
        if one.name == "create" and one.state != "SKIPPED" and _is_held(seen, one)
    ]


def _is_held(seen: Round, event: Event) -> bool:
    """Return whether the subscriber has the variant for certain: it was delivered, and no destroy was sent since."""
    earlier = [one for one in seen.after.values() if one.subject == event.subject and one.id < event.id]
    taken = [one for one in earlier if one.id in seen.taken and one.state != "SKIPPED"]
    last = max(taken, key=lambda one: one.id, default=None)
    if last is None or last.name == "destroy":
        return False
    ends = [one for one in earlier if one.id > last.id and one.name == "destroy" and one.state != "SKIPPED"]
    return all(one.state == "SUPERSEDED" and not one.attempts for one in ends)


def _check_skip(subscription: Subscription, seen: Round, commits: Sequence[Commit], event: Event) -> list[str]:
    """Check that an event was skipped rightly. The end shows whether cancelled pairs have lost anything."""
    if event.reason in UNWATCHED or (event.reason == NEVER_SENT and event.name == "destroy"):
        return []
    before = last_given(seen, event.subject, event.id, by_arrival=True)
    # What was changed and changed back, while nothing could be sent, is nothing.
    arrived = [one for one in seen.after.values() if one.subject == event.subject and one.id in seen.arrived]
    has = max((one for one in arrived if one.id < event.id), key=lambda one: one.id, default=None)
    is_withdrawn = not any(_should_give_way(other, event) for other in seen.after.values())
    is_true = event.reason == EQUAL and event.name != "destroy" and subscription.may_skip
    for last in (before, has) if is_withdrawn else (before,):
        if is_true and _is_equal(seen, last, renderings(subscription, seen, commits)):
            return []
    return [f"left out, {commits}, although last given was {before}: {event}"]


def _is_equal(seen: Round, before: Event | None, renderings: Iterable[Any]) -> bool:
    """Return whether the subscriber has an equal state or will get it. Failed and withdrawn events do not count."""
    if before is None or before.name == "destroy":
        return False
    had_ended = before.id not in seen.taken and before.id in seen.before and seen.before[before.id].state in GIVEN_UP
    return not had_ended and any(before.payload == one for one in renderings)
