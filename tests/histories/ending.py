"""The end of a history: the endpoint is healthy, and everything was sent. The second half of the model."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from tests.histories.knowledge import Due, Knowledge
from tests.histories.model import GIVEN_UP, OPEN, Arrival, Event, Subject


def check_end(log: Mapping[int, Event], arrivals: Sequence[Arrival], knowledge: Knowledge) -> list[str]:
    """Return what is wrong. `arrivals` are in order of arrival."""
    wrong = [f"still open: {event}" for event in log.values() if event.state in OPEN]
    by_event: dict[int, list[Arrival]] = {}
    by_subject: dict[Subject, list[Arrival]] = {}
    for arrival in arrivals:
        by_event.setdefault(arrival.event, []).append(arrival)
        by_subject.setdefault(arrival.subject, []).append(arrival)
    for event in log.values():
        wrong += _check_event(event, by_event.get(event.id, []))
    for subject, came in by_subject.items():
        wrong += _check_order(log, came)
        wrong += _check_nulls(came)
        subscription = knowledge.subscriptions.get(subject[0])
        if subscription is None or not subscription.every_change or "create" in subscription.events:
            wrong += _check_ends(log, came)
        wrong += _check_previous(log, came)
    for subject, due in knowledge.due.items():
        subscription = knowledge.subscriptions.get(subject[0])
        hears_once = subscription is not None and "create" not in subscription.events
        wrong += _check_knowledge(log, subject, due, by_subject.get(subject, []), hears_once=hears_once)
    return wrong


def _check_event(event: Event, came: Sequence[Arrival]) -> list[str]:
    wrong = []
    if event.state == "DELIVERED" and not any(one.status == 200 for one in came):
        wrong.append(f"delivered, but never taken: {event}")
    if came and not event.attempts:
        wrong.append(f"arrived without an attempt: {event}")
    if len({one.body for one in came}) > 1 or any(one.payload != event.payload for one in came):
        wrong.append(f"arrived with other bytes: {event}, {came}")
    wrong += [
        f"arrived again although it had been taken: {event}"
        for first, second in pairwise(came)
        if first.status == 200 and not second.is_asked_for
    ]
    return wrong


def _check_order(log: Mapping[int, Event], came: Sequence[Arrival]) -> list[str]:
    """Check the order of arrivals. A replay carries its old sequence, so the subscriber can tell that it is old."""
    in_order = [one for one in came if not log[one.event].is_replay]
    return [
        f"{first.event} arrived before {second.event} of the same variant and webhook"
        for first, second in pairwise(in_order)
        if first.event > second.event
    ]


def _check_nulls(came: Sequence[Arrival]) -> list[str]:
    """Check that no update shows a deleted variant as null."""
    return [
        f"an entity that is gone, and no destroy: {one}"
        for one in came
        if one.name != "destroy" and one.payload["data"]["node"] is None
    ]


def _check_ends(log: Mapping[int, Event], came: Sequence[Arrival]) -> list[str]:
    """Check that no destroy follows another one."""
    subject = came[0].subject
    told = sorted(
        (event for event in log.values() if event.subject == subject and event.state != "SKIPPED"),
        key=lambda event: event.id,
    )
    arrived = {one.event for one in came}
    return [
        f"an end that is told twice: {first}, {second}"
        for first, second in pairwise(told)
        if first.name == second.name == "destroy" and {first.id, second.id} <= arrived
    ]


def _check_previous(log: Mapping[int, Event], came: Sequence[Arrival]) -> list[str]:
    """Check that `previous` shows nothing but what arrived last and was answered well. A replay may come in between."""
    wrong = []
    for place, one in enumerate(came):
        if one.previous is None or any(other.event == one.event for other in came[:place]):
            continue
        older = [other for other in came[:place] if other.event < one.event]
        if not any(log[other.event].is_replay for other in older):
            older = [other for other in older if other.event == older[-1].event]
        confirmed = [other.payload for other in older if other.status == 200 and other.name != "destroy"]
        if one.name == "create" or one.previous not in confirmed:
            wrong.append(f"{one} shows as its past what was not confirmed: {older}")
    return wrong


def _check_knowledge(
    log: Mapping[int, Event], subject: Subject, due: Due, came: Sequence[Arrival], *, hears_once: bool
) -> list[str]:
    """Check the subscriber's final state: the event with the highest sequence, whatever it answered.

    `hears_once`: who is not told of what came back knows its first end, which may show other values than its last one.
    """
    told = [event for event in log.values() if event.subject == subject and event.state != "SKIPPED"]
    newest = max(told, key=lambda event: event.id, default=None)
    if newest is not None and newest.state in GIVEN_UP:
        return []
    believed = max(came, key=lambda one: one.event, default=None)
    if believed is None:
        # Created and gone before anything was sent is nothing, also where the creation was held meanwhile.
        is_unsent = any(event.name == "create" and event.state == "SUPERSEDED" for event in told)
        return [] if due.is_gone and (due.is_new or is_unsent) else [f"{subject} was never told of {due}"]
    if hears_once and due.is_gone and believed.name == "destroy":
        return []
    if (believed.name == "destroy") != due.is_gone or believed.payload not in due.renderings:
        return [f"{subject} is to know {due}, and believes {believed}"]
    return []
