"""Collect the state that each subscriber must have in the end, round by round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.histories.model import Commit, Round, State, Subject, Subscription, folds, is_wanted, operation, renderings


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The state of a variant that a subscriber must have in the end: one of these renderings, or deleted."""

    renderings: Sequence[Any]
    is_gone: bool
    is_new: bool


@dataclass(slots=True)
class Knowledge:
    """The state that each subscriber must have in the end, updated every round.

    Attributes:
        new: Variants that were not there for its owner when it subscribed.
        present: By subscription, those that were.
        subscriptions: By their ids.
    """

    due: dict[Subject, Due] = field(default_factory=dict)
    new: set[Subject] = field(default_factory=set)
    present: dict[int, set[int]] = field(default_factory=dict)
    subscriptions: dict[int, Subscription] = field(default_factory=dict)

    def begin(self, subscription: Subscription, states: Mapping[int, State]) -> None:
        """Note what is there for a new subscription's owner."""
        self.present[subscription.id] = {variant for variant, one in states.items() if subscription.is_there(one)}
        self.subscriptions[subscription.id] = subscription

    def note(self, subscription: Subscription, seen: Round) -> None:
        """Note the changes that publishers have seen."""
        for variant in {commit.variant for commit in seen.commits}:
            self._note(subscription, seen, [commit for commit in seen.commits if commit.variant == variant])

    def note_all(self, subscription: Subscription, states: Mapping[int, State]) -> None:
        """Note a backfill, which sends every visible variant."""
        for variant, state in states.items():
            if subscription.is_there(state):
                subject = (subscription.id, variant)
                self.due[subject] = Due(
                    renderings=[subscription.rendering(state)], is_gone=False, is_new=subject in self.new
                )

    def note_missed(self, subscription: Subscription, commits: Sequence[Commit]) -> None:
        """Note that a webhook has caught up with these changes."""
        self.note(
            subscription,
            Round(commits=commits, before={}, after={}, arrived=frozenset(), taken=frozenset()),
        )

    def note_caught_up(self, subscription: Subscription, states: Mapping[int, State]) -> None:
        """Note that a webhook has caught up: it has the present variants, and destroys if it asks for them."""
        for subject, due in [*self.due.items()]:
            if subject[0] == subscription.id:
                state = states[subject[1]]
                if subscription.is_there(state):
                    shown = [*due.renderings, subscription.rendering(state)]
                    self.due[subject] = replace(due, renderings=shown)
                elif "destroy" not in subscription.events:
                    del self.due[subject]

    def forget(self, subscription: Subscription) -> None:
        """Forget a deleted webhook, which gets nothing any more."""
        self.due = {subject: due for subject, due in self.due.items() if subject[0] != subscription.id}

    def _note(self, subscription: Subscription, seen: Round, commits: Sequence[Commit]) -> None:
        subject = (subscription.id, commits[0].variant)
        if subject[1] not in self.present[subscription.id]:
            self.new.add(subject)
        told = [fold for fold in folds(subscription, commits) if is_wanted(subscription, fold)]
        if told:
            wanted = [place for place, commit in enumerate(commits) if is_wanted(subscription, [commit])]
            self.due[subject] = Due(
                renderings=renderings(subscription, seen, commits[wanted[-1] :] if seen.is_storm else commits),
                is_gone=operation(subscription, told[-1]) == "destroy",
                is_new=subject in self.new,
            )
