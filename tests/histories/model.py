"""What a subscriber may and must be sent, as plainly as it can be said. Pure, and no word of how it is done.

A history is a row of rounds. In each, transactions have changed variants, and then publishers have looked at all of
it: `check_round` says what they had to make of it, and `Knowledge` keeps what the subscriber is to know. At the end the
endpoint is well and everything has gone out: `check_end` says what the subscriber must have by then.

1. A change that concerns a webhook makes one event: with the variant as it is, if it touches what the webhook
   watches; and one that says so and is not sent, if it doesn't.
2. An event is left out only if it would show what the subscriber was last given, or will be; and such a one is.
   What waits meanwhile is then not sent either, if it shows something else.
   What still waits gives way to a newer one, unless every change is asked for, or somebody wants it sent again.
3. Sequences rise with the state that is shown, and arrive in their order, one at a time for each variant.
4. Nothing arrives twice but what had no good end the first time, under the same id and with the same bytes.
5. At the end nothing is open, and what arrived under the highest sequence is what the subscriber was to know.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

OPEN = frozenset({"PENDING", "SENDING", "RETRYING", "HELD"})
#: Ends that a person sees, and that leave the subscriber without the newest state.
GIVEN_UP = frozenset({"FAILED", "CANCELLED"})
EQUAL = "The result equals the last one."
UNWATCHED = ("Nothing that the query reads has changed.", "Nothing that the triggers name has changed.")
NEVER_SENT = "The entity was created and destroyed before anything was sent of it."

Subject = tuple[int, int]
"""Webhook, variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A variant as a transaction has left it; `erased` is gone from the table, too."""

    label: str
    sku: str
    count: int
    life: Literal["alive", "deleted", "erased"] = "alive"


FIELDS = {"label": "label", "sku": "sku", "countOnHand": "count"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """reads, triggers  fields of GraphQL; without triggers, it watches what it reads."""

    id: int
    reads: tuple[str, ...]
    triggers: tuple[str, ...] = ()
    events: frozenset[str] = frozenset({"create", "update", "destroy"})
    allow_skip: bool = True
    every_change: bool = False

    @property
    def query(self) -> str:
        return f"query($id: ID!) {{ node(id: $id) {{ ... on Variant {{ {' '.join(self.reads)} }} }} }}"

    def rendering(self, state: State) -> Any:
        """The GraphQL response; a deleted variant is shown as it was last."""
        shown = {name: getattr(state, FIELDS[name]) for name in self.reads}
        return {"data": {"node": None if state.life == "erased" else shown}}

    @property
    def may_skip(self) -> bool:
        return self.allow_skip and not self.every_change


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What one transaction did to one variant. `before` None: it made it.

    touched  fields that its statements changed, though a later one may have changed them back.
    """

    variant: int
    before: State | None
    after: State
    touched: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A webhook event as the log shows it; its id is its sequence."""

    id: int
    webhook: int
    variant: int
    name: str
    state: str
    reason: str | None
    attempts: int
    is_replay: bool
    payload: Any

    @property
    def subject(self) -> Subject:
        return self.webhook, self.variant


@dataclass(slots=True, kw_only=True)
class Arrival:
    """A POST as it arrived. `status` None: no answer has reached a worker that lived to store it."""

    event: int
    webhook: int
    variant: int
    name: str
    payload: Any
    body: bytes
    status: int | None
    is_asked_for: bool = False

    @property
    def subject(self) -> Subject:
        return self.webhook, self.variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What publishers have made of some commits, each variant's oldest first.

    before, after  the log's events at both ends of the round.
    arrived, taken ids of events that have arrived by its end; that were answered well, too.
    is_quiet       nothing was delivered meanwhile.
    is_storm       publishers looked while the commits were still coming; all of them are updates.
    """

    commits: Sequence[Commit]
    before: Mapping[int, Event]
    after: Mapping[int, Event]
    arrived: frozenset[int]
    taken: frozenset[int]
    is_quiet: bool = True
    is_storm: bool = False


def operation(commits: Sequence[Commit]) -> str | None:
    """What several commits of one variant amount to; None when they come to nothing."""
    was, is_ = _is_alive(commits[0].before), _is_alive(commits[-1].after)
    return {(False, True): "create", (True, True): "update", (True, False): "destroy"}.get((was, is_))


def concerns(subscription: Subscription, commits: Sequence[Commit]) -> bool:
    return operation(commits) in subscription.events


def is_wanted(subscription: Subscription, commits: Sequence[Commit]) -> bool:
    """Whether it concerns the webhook, and is no update of what it doesn't watch."""
    changed = frozenset[str]().union(*(commit.touched for commit in commits))
    is_watched = operation(commits) != "update" or not changed.isdisjoint(subscription.triggers or subscription.reads)
    return is_watched and concerns(subscription, commits)


def last_given(seen: Round, subject: Subject, before_id: int, *, by_arrival: bool) -> Event | None:
    """The newest event that the subscriber has, or may have, or is to be sent: a newer one is judged by it.

    by_arrival  what did arrive; else, what was attempted, as far as anybody but the subscriber can know.
    """

    def counts(event: Event) -> bool:
        was_open = event.id not in seen.before or seen.before[event.id].state in OPEN
        reached = event.id in seen.arrived if by_arrival else event.attempts > 0
        return event.subject == subject and event.id < before_id and event.state != "SKIPPED" and (was_open or reached)

    return max(filter(counts, seen.after.values()), key=lambda event: event.id, default=None)


def check_round(subscription: Subscription, seen: Round) -> list[str]:
    """What is wrong with the events that publishers have made for one webhook."""
    wrong: list[str] = []
    made = [event for id_, event in sorted(seen.after.items()) if id_ not in seen.before]
    mine = [event for event in made if event.webhook == subscription.id]
    for variant in {commit.variant for commit in seen.commits} | {event.variant for event in mine}:
        commits = [commit for commit in seen.commits if commit.variant == variant]
        events = [event for event in mine if event.variant == variant]
        wrong += _check_count(subscription, seen, commits, events)
        wrong += [said for event in events for said in _check_event(subscription, seen, commits, event)]
        wrong += _check_names(subscription, seen, commits, events)
    return wrong


def check_missed(subscription: Subscription, seen: Round) -> list[str]:
    """What is wrong with the events that publishers have made for a webhook that is disabled: that there are any."""
    made = [event for id_, event in seen.after.items() if id_ not in seen.before]
    return [f"made for a disabled webhook: {event}" for event in made if event.webhook == subscription.id]


def _check_count(
    subscription: Subscription, seen: Round, commits: Sequence[Commit], events: Sequence[Event]
) -> list[str]:
    """In a storm, nobody can say which commits were looked at together."""
    together = [[commit] for commit in commits] if seen.is_storm else folds(subscription, commits)
    told = [fold for fold in together if concerns(subscription, fold)]
    wanted = [fold for fold in told if is_wanted(subscription, fold)]
    judged = [event for event in events if event.reason not in UNWATCHED]
    is_open = seen.is_storm and not subscription.every_change
    wrong = []
    for what, expected, found in (("all", told, events), ("judged", wanted, judged)):
        if not (min(len(expected), 1) if is_open else len(expected)) <= len(found) <= len(expected):
            wrong.append(f"webhook {subscription.id}, {what}: {len(expected)} instead of {found} for {commits}")
    return wrong


def _check_event(subscription: Subscription, seen: Round, commits: Sequence[Commit], event: Event) -> list[str]:
    wrong = []
    if not commits:
        return [f"made of nothing: {event}"]
    older = [other for id_, other in seen.before.items() if other.subject == event.subject and id_ > event.id]
    if older:
        wrong.append(f"its sequence is lower than that of an older state, {older}: {event}")
    if event.state == "SKIPPED":
        return wrong + _check_skip(subscription, seen, commits, event)
    if event.payload not in renderings(subscription, seen, commits):
        wrong.append(f"doesn't show the variant as it was, {commits}: {event}")
    if seen.is_quiet and not subscription.every_change:
        wrong += [f"waits still, {other}: {event}" for other in seen.after.values() if _should_give_way(other, event)]
    before = last_given(seen, event.subject, event.id, by_arrival=False)
    if seen.is_quiet and subscription.may_skip and event.name != "destroy" and _is_equal(seen, before, [event.payload]):
        wrong.append(f"tells nothing new after {before}: {event}")
    return wrong


def _should_give_way(other: Event, event: Event) -> bool:
    waits = other.state in OPEN - {"SENDING"} and not other.is_replay
    return waits and other.subject == event.subject and other.id < event.id


def _check_names(
    subscription: Subscription, seen: Round, commits: Sequence[Commit], events: Sequence[Event]
) -> list[str]:
    """An update may be called a creation, while nothing has been said of that yet."""
    wanted = [fold for fold in folds(subscription, commits) if is_wanted(subscription, fold)]
    judged = [event for event in events if event.reason not in UNWATCHED]
    if seen.is_storm or len(wanted) != len(judged):
        return []
    told = zip(judged, wanted, strict=True)
    return [f"wrong name: {one}" for one, fold in told if (one.name == "destroy") != (operation(fold) == "destroy")]


def _check_skip(subscription: Subscription, seen: Round, commits: Sequence[Commit], event: Event) -> list[str]:
    """That nothing is lost by leaving out what was created and destroyed at once shows at the end."""
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
    """Whether the subscriber knows it, or will: what had failed, or was withdrawn, it need not have taken in."""
    if before is None or before.name == "destroy":
        return False
    had_ended = before.id not in seen.taken and before.id in seen.before and seen.before[before.id].state in GIVEN_UP
    return not had_ended and any(before.payload == one for one in renderings)


def renderings(subscription: Subscription, seen: Round, commits: Sequence[Commit]) -> list[Any]:
    shown = commits if seen.is_storm else commits[-1:]
    return [subscription.rendering(commit.after) for commit in shown]


def folds(subscription: Subscription, commits: Sequence[Commit]) -> list[Sequence[Commit]]:
    """What is told together: each transaction by itself, if the webhook asks for every change.

    Who is not told of a creation is told of what came after it.
    """
    if subscription.every_change:
        return [[commit] for commit in commits]
    if commits and operation(commits) == "create" and "create" not in subscription.events:
        made = max(place for place, commit in enumerate(commits) if not _is_alive(commit.before))
        commits = commits[made + 1 :]
    return [commits] if commits else []


def _is_alive(state: State | None) -> bool:
    return state is not None and state.life == "alive"
