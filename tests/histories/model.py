"""The model: the events that a subscriber may and must get, without any word of how that is done. Pure.

A history is a row of rounds. In each, transactions have changed variants, and then publishers have looked at all of
it: `check_round` says what they had to make of it, and `Knowledge` keeps what the subscriber is to know. At the end the
endpoint is well and everything has gone out: `check_end` says what the subscriber must have by then.

1. A change that concerns a webhook makes one event: with the variant as it is, if it touches what the webhook
   watches; and one that says so and is not sent, if it doesn't.
2. An event is left out only if it would show what the subscriber was last given, or will be; and such a one is.
   What waits meanwhile is then not sent either, if it shows something else.
   What still waits gives way to a newer one, unless every change is asked for, or somebody wants it sent again.
3. Sequences rise with the state that is shown, and arrive in their order, one at a time for each variant.
   What a body has as `previous` is the state that arrived last and was answered well, or null.
4. Nothing arrives twice but what had no good end the first time, under the same id and with the same bytes.
5. At the end nothing is open, and what arrived under the highest sequence is what the subscriber was to know.
6. A seller sees a variant that is alive and its own; the operator sees all that are alive. A variant that goes to
   another seller is destroyed for the one and created for the other. What was gone and has come back between two looks
   is an update, and everything may have changed.
7. One end is told once. Who was not told of the end is not told of a second creation. What is created and destroyed
   before anything was sent is not told. What is gone when it is rendered is left to its destroy.
8. A state that is too large is not sent, and its event says so.
9. When an attempt has failed and a newer state waits, the older one is not sent again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

OPEN = frozenset({"PENDING", "SENDING", "RETRYING", "HELD"})
#: Ends that a person sees, and that leave the subscriber without the newest state.
GIVEN_UP = frozenset({"FAILED", "CANCELLED", "RENDER_FAILED"})
EQUAL = "The result equals the last one."
UNWATCHED = ("Nothing that the query reads has changed.", "Nothing that the triggers name has changed.")
NEVER_SENT = "The entity was created and destroyed before anything was sent of it."
TOLD_ALREADY = "That the entity was destroyed has been told already."

Subject = tuple[int, int]
"""Webhook, variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A variant as a statement has left it; `erased` is gone from the table, too. `seller`: 0 or 1."""

    label: str
    sku: str
    count: int
    life: Literal["alive", "deleted", "erased"] = "alive"
    seller: int = 0


FIELDS = {"label": "label", "sku": "sku", "countOnHand": "count"}
#: What every query watches, too: whose it is.
MOVED = {"seller": "seller"}
#: Labels stand for texts, so that failing histories can be read: a large one, and one that is too large to be sent.
TEXTS = {"large": "L" * 20_000, "too large": "X" * 60_000}
MAX_PAYLOAD_BYTES = 50_000


def text_of(label: str) -> str:
    """Return the label that is stored for one of a state."""
    return TEXTS.get(label, label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """reads, triggers  fields of GraphQL; without triggers, it watches what it reads.

    Attributes:
        owner: A seller, 0 or 1; None: the operator.
        is_pulled: Whether its receiver takes messages, instead of being POSTed to.
    """

    id: int
    reads: tuple[str, ...]
    owner: int | None = None
    triggers: tuple[str, ...] = ()
    events: frozenset[str] = frozenset({"create", "update", "destroy"})
    allow_skip: bool = True
    every_change: bool = False
    is_pulled: bool = False

    @property
    def query(self) -> str:
        return f"query($id: ID!) {{ node(id: $id) {{ ... on Variant {{ {' '.join(self.reads)} }} }} }}"

    def rendering(self, state: State) -> Any:
        """The GraphQL response; a deleted variant is shown as it was last."""
        if not self.shows(state):
            return {"data": {"node": None}}
        shown = {name: getattr(state, FIELDS[name]) for name in self.reads}
        if "label" in shown:
            shown["label"] = text_of(state.label)
        return {"data": {"node": shown}}

    def shows(self, state: State) -> bool:
        """Whether there is anything to show, be it what a deleted variant was last."""
        return state.life != "erased" and self.owner in (None, state.seller)

    def is_there(self, state: State | None) -> bool:
        """Whether its owner sees the variant as one that is not deleted."""
        return state is not None and state.life == "alive" and self.owner in (None, state.seller)

    def is_too_large(self, state: State) -> bool:
        return "label" in self.reads and self.shows(state) and len(text_of(state.label)) > MAX_PAYLOAD_BYTES

    @property
    def may_skip(self) -> bool:
        return self.allow_skip and not self.every_change


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The changes of one variant by one transaction. `before` is None if it created the variant.

    Attributes:
        path: The variant after each statement.
        touched: Fields that its statements changed, though a later one may have changed them back.
    """

    variant: int
    before: State | None
    path: tuple[State, ...]
    touched: frozenset[str] = frozenset()

    @property
    def after(self) -> State:
        return self.path[-1]


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
    previous: Any = None

    @property
    def subject(self) -> Subject:
        return self.webhook, self.variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The events that publishers have made of some commits, oldest first for each variant.

    Attributes:
        before, after: The log's events at both ends of the round.
    arrived, taken ids of events that have arrived by its end; that were answered well, too.
        is_quiet: Nothing was delivered meanwhile.
        is_storm: Publishers looked while the commits were still coming; all of them are updates.
        torn: Variants that were erased after a publisher had claimed them and before it rendered them.
    """

    commits: Sequence[Commit]
    before: Mapping[int, Event]
    after: Mapping[int, Event]
    arrived: frozenset[int]
    taken: frozenset[int]
    is_quiet: bool = True
    is_storm: bool = False
    torn: frozenset[int] = frozenset()


def presence(subscription: Subscription, commits: Sequence[Commit]) -> list[bool]:
    """Return whether the webhook's owner sees the variant: before the commits, and after each statement."""
    states = [commits[0].before, *(state for commit in commits for state in commit.path)]
    return [subscription.is_there(state) for state in states]


def operation(subscription: Subscription, commits: Sequence[Commit]) -> str | None:
    """Fold several commits of one variant into one operation; None when they cancel out."""
    was, *_, is_ = presence(subscription, commits)
    return {(False, True): "create", (True, True): "update", (True, False): "destroy"}.get((was, is_))


def concerns(subscription: Subscription, commits: Sequence[Commit]) -> bool:
    return operation(subscription, commits) in subscription.events


def is_wanted(subscription: Subscription, commits: Sequence[Commit]) -> bool:
    """Return whether a change concerns the webhook: it is not an update of unwatched columns."""
    changed = frozenset[str]().union(*(commit.touched for commit in commits))
    is_watched = (
        operation(subscription, commits) != "update"
        or not all(presence(subscription, commits))
        or not changed.isdisjoint(subscription.triggers or {*subscription.reads, *MOVED})
    )
    return is_watched and concerns(subscription, commits)


def last_given(seen: Round, subject: Subject, before_id: int, *, by_arrival: bool) -> Event | None:
    """The newest event that the subscriber has, or may have, or is to be sent: a newer one is judged by it.

    Args:
        by_arrival: What did arrive; else, what was attempted, as far as anybody but the subscriber can know.
    """

    def counts(event: Event) -> bool:
        was_open = event.id not in seen.before or seen.before[event.id].state in OPEN
        reached = event.id in seen.arrived if by_arrival else event.attempts > 0
        is_told = event.state not in ("SKIPPED", "RENDER_FAILED")
        return event.subject == subject and event.id < before_id and is_told and (was_open or reached)

    return max(filter(counts, seen.after.values()), key=lambda event: event.id, default=None)


def renderings(subscription: Subscription, seen: Round, commits: Sequence[Commit]) -> list[Any]:
    shown = commits if seen.is_storm else commits[-1:]
    return [subscription.rendering(commit.after) for commit in shown]


def folds(subscription: Subscription, commits: Sequence[Commit]) -> list[Sequence[Commit]]:
    """Group the commits that make one event. A webhook that asks for every change gets one per transaction.

    Who is not told of a creation is told of what came after it. Of what can't be shown any more the end alone is told.
    """
    if subscription.every_change:
        each: list[Sequence[Commit]] = [[commit] for commit in commits]
        if not commits or subscription.shows(commits[-1].after):
            return each
        ends = [one for one in each if operation(subscription, one) == "destroy"]
        return ends[-1:]
    if commits and operation(subscription, commits) == "create" and "create" not in subscription.events:
        made = max(place for place, commit in enumerate(commits) if not subscription.is_there(commit.before))
        commits = commits[made + 1 :]
    return [commits] if commits else []


def find_stalled(log: Mapping[int, Event], subscriptions: Sequence[Subscription]) -> list[str]:
    """Say which states wait behind one whose attempt has failed. Not of webhooks that ask for every change."""
    ids = {one.id for one in subscriptions if not one.every_change}
    waiting = [one for one in log.values() if one.state == "PENDING" and not one.is_replay and one.webhook in ids]
    return [
        f"{newer} waits behind {older}, whose attempt has failed"
        for newer in waiting
        for older in log.values()
        if older.state == "RETRYING" and older.subject == newer.subject and older.id < newer.id and not older.is_replay
    ]
