"""The model itself: each rule, broken once, is found; and a history that keeps them all is not."""

from dataclasses import replace

import pytest

from tests.histories.ending import check_end
from tests.histories.knowledge import Due, Knowledge
from tests.histories.model import EQUAL, Arrival, Commit, Event, Round, State, Subscription
from tests.histories.rounds import check_round

WEBHOOK = Subscription(id=1, reads=("countOnHand",))
ONE, TWO = State(label="a", sku="a", count=1), State(label="a", sku="a", count=2)
GONE = replace(TWO, life="deleted")
CHANGED = Commit(variant=1, before=ONE, path=(TWO,), touched=frozenset({"countOnHand"}))
SHOWS_ONE, SHOWS_TWO = WEBHOOK.rendering(ONE), WEBHOOK.rendering(TWO)
OLD = Event(
    id=1,
    webhook=1,
    variant=1,
    name="update",
    state="DELIVERED",
    reason=None,
    attempts=1,
    is_replay=False,
    payload=SHOWS_ONE,
)
NEW = replace(OLD, id=2, state="PENDING", attempts=0, payload=SHOWS_TWO)
SKIPPED = replace(NEW, state="SKIPPED", reason=EQUAL, payload=None)
ARRIVED = Arrival(event=1, webhook=1, variant=1, name="update", payload=SHOWS_ONE, body=b"one", status=200)
LATER = replace(ARRIVED, event=2, payload=SHOWS_TWO, body=b"two")
KNOWS = Due(renderings=[SHOWS_TWO], is_gone=False, is_new=False)


def seen(before: list[Event], made: list[Event], *commits: Commit, subscription: Subscription = WEBHOOK) -> list[str]:
    taken = frozenset(event.id for event in before if event.state == "DELIVERED")
    arrived = frozenset(event.id for event in before if event.attempts)
    old = {event.id: event for event in before}
    after = old | {event.id: event for event in made}
    one = Round(commits=commits, before=old, after=after, arrived=arrived, taken=taken)
    return check_round(subscription, one)


@pytest.mark.parametrize(
    ("before", "made", "commits"),
    [
        pytest.param([OLD], [NEW], [CHANGED], id="a change"),
        pytest.param([OLD], [], [], id="nothing"),
        pytest.param([replace(OLD, payload=SHOWS_TWO)], [SKIPPED], [CHANGED], id="nothing new"),
        pytest.param([OLD], [replace(NEW, name="destroy")], [replace(CHANGED, path=(GONE,))], id="a deletion"),
        pytest.param([replace(OLD, state="FAILED", payload=SHOWS_TWO)], [NEW], [CHANGED], id="equal to a failed one"),
    ],
)
def test_round_in_order(before: list[Event], made: list[Event], commits: list[Commit]) -> None:
    assert seen(before, made, *commits) == []


@pytest.mark.parametrize(
    ("before", "made", "commits", "said"),
    [
        pytest.param([OLD], [], [CHANGED], "instead of", id="dropped"),
        pytest.param([OLD], [NEW, replace(NEW, id=3)], [CHANGED], "instead of", id="made twice"),
        pytest.param([OLD], [NEW], [], "made of nothing", id="of no change"),
        pytest.param([OLD], [SKIPPED], [CHANGED], "left out", id="left out falsely"),
        pytest.param([], [SKIPPED], [CHANGED], "left out", id="left out at first"),
        pytest.param(
            [replace(OLD, state="FAILED", payload=SHOWS_TWO)], [SKIPPED], [CHANGED], "left out", id="equal to a failed"
        ),
        pytest.param([replace(OLD, payload=SHOWS_TWO)], [NEW], [CHANGED], "nothing new", id="redundant"),
        pytest.param([OLD], [replace(NEW, payload=SHOWS_ONE)], [CHANGED], "doesn't show", id="stale"),
        pytest.param(
            [replace(OLD, state="RETRYING")], [NEW], [CHANGED], "waits still", id="an older one is not superseded"
        ),
        pytest.param([replace(OLD, id=5)], [NEW], [CHANGED], "lower than", id="falling sequence"),
        pytest.param([OLD], [NEW], [replace(CHANGED, path=(GONE,))], "wrong name", id="a deletion called an update"),
    ],
)
def test_round_out_of_order(before: list[Event], made: list[Event], commits: list[Commit], said: str) -> None:
    wrong = seen(before, made, *commits)

    assert any(said in one for one in wrong), wrong


@pytest.mark.parametrize(
    ("log", "arrivals", "said"),
    [
        pytest.param([OLD, replace(NEW, state="DELIVERED", attempts=1)], [ARRIVED, LATER], None, id="in order"),
        pytest.param([replace(OLD, state="FAILED")], [replace(ARRIVED, status=500)], None, id="a visible failure"),
        pytest.param([OLD, NEW], [ARRIVED], "still open", id="open"),
        pytest.param([OLD], [], "never taken", id="never arrived"),
        pytest.param([OLD], [ARRIVED], "is to know", id="lost"),
        pytest.param([OLD], [ARRIVED, ARRIVED], "arrived again", id="twice"),
        pytest.param([OLD], [replace(ARRIVED, status=None), ARRIVED], "is to know", id="twice, after no answer"),
        pytest.param([OLD], [replace(ARRIVED, status=None), replace(ARRIVED, body=b"1")], "other bytes", id="changed"),
        pytest.param(
            [OLD, replace(NEW, state="DELIVERED", attempts=1)], [LATER, ARRIVED], "arrived before", id="overtaken"
        ),
        pytest.param([replace(OLD, attempts=0)], [ARRIVED], "without an attempt", id="unlogged"),
        pytest.param(
            [OLD, replace(NEW, state="DELIVERED", attempts=1)],
            [ARRIVED, replace(LATER, previous=SHOWS_ONE)],
            None,
            id="with its past",
        ),
        pytest.param([OLD], [replace(ARRIVED, previous=SHOWS_TWO)], "not confirmed", id="with a past from nowhere"),
        pytest.param(
            [OLD, replace(NEW, state="DELIVERED", attempts=1)],
            [replace(ARRIVED, status=500), replace(LATER, previous=SHOWS_ONE)],
            "not confirmed",
            id="with a past that was refused",
        ),
    ],
)
def test_end(log: list[Event], arrivals: list[Arrival], said: str | None) -> None:
    wrong = check_end({event.id: event for event in log}, arrivals, Knowledge(due={(1, 1): KNOWS}))

    assert (wrong == []) if said is None else any(said in one for one in wrong), wrong
    if said != "arrived again":
        assert not any("arrived again" in one for one in wrong)
