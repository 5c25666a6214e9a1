"""The steps of a history, and how histories are generated. A failing one is printed as a list of steps."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.histories.model import Subscription
from tests.histories.world import World

SLOTS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """Printed as it is written: `Step('answer', 'drop')`."""

    name: str
    given: Any = None

    def __repr__(self) -> str:
        return f"Step({self.name!r})" if self.given is None else f"Step({self.name!r}, {self.given!r})"

    async def run(self, world: World) -> None:
        await _DOING[self.name](world, self.given)


_DOING: dict[str, Callable[[World, Any], Awaitable[None]]] = {
    "commit": lambda world, changes: world.commit(changes),
    "publish": lambda world, _: world.publish(),
    "publish and deliver": lambda world, _: world.publish(delivering=True),
    "publisher dies": lambda world, after_ms: world.publish_and_die(after_ms / 1000),
    "erase while published": lambda world, slot: world.erase_while_published(slot),
    "storm": lambda world, counts: world.storm(counts),
    "deliver": lambda world, _: world.deliver(),
    "deliverer dies": lambda world, stage: world.deliver_and_die(stage),
    "leases expire": lambda world, _: world.expire_leases(),
    "retries fall due": lambda world, _: world.make_due(),
    "set aside": lambda world, _: world.set_aside(),
    "answer": lambda world, mood: world.answer(mood),
    "disable": lambda world, place: world.enable(place, is_enabled=False),
    "enable": lambda world, place: world.enable(place, is_enabled=True),
    "replay": lambda world, place: world.replay(place),
    "cancel": lambda world, place: world.cancel(place),
    "backfill": lambda world, place: world.backfill(place),
    "ask for": lambda world, given: world.ask_for(*given),
    "rotate secret": lambda world, place: world.rotate_secret(place),
    "delete": lambda world, place: world.delete(place),
}

_slots = st.integers(0, SLOTS - 1)
_places = st.integers(0, 5)
# Few values, so that a variant often comes back to an older state.
_wanted = st.one_of(
    st.fixed_dictionaries({"count": st.integers(1, 3)}),
    st.fixed_dictionaries({"label": st.sampled_from("ab")}),
    st.fixed_dictionaries({"count": st.integers(1, 3), "sku": st.sampled_from("ab")}),
    st.fixed_dictionaries({"label": st.sampled_from(["a", "b", "large", "too large"])}),
    st.fixed_dictionaries({"seller": st.integers(0, 1)}),
    st.fixed_dictionaries({"life": st.sampled_from(["deleted", "alive", "deleted", "alive", "erased"])}),
)
_commits = st.lists(st.tuples(_slots, _wanted), min_size=1, max_size=3).map(lambda given: Step("commit", given))


def _step(name: str, given: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Step]:
    return st.builds(Step, st.just(name), given if given is not None else st.none())


_fields = st.sampled_from([("label",), ("countOnHand",), ("label", "countOnHand"), ("label", "sku", "countOnHand")])
_seldom = st.one_of(*[_step("rotate secret", _places)] * 3, _step("delete", _places))
_moods = _step("answer", st.sampled_from(["ok", "error", "drop", "hold", "stall"]))
_steps = st.one_of(
    _commits,
    _commits,
    _commits,
    _step("publish"),
    _step("publish"),
    _step("publish and deliver"),
    _step("publisher dies", st.integers(0, 20)),
    _step("erase while published", _slots),
    _step("storm", st.lists(st.tuples(_slots, st.integers(1, 4)), min_size=2, max_size=6)),
    _step("deliver"),
    _step("deliver"),
    _step("deliverer dies", st.sampled_from(["claimed", "posted"])),
    _step("leases expire"),
    _step("retries fall due"),
    _step("set aside"),
    _step("set aside"),
    _step("answer", st.sampled_from(["ok", "error", "drop", "hold", "refuse", "slow_down", "gone"])),
    _moods,
    _step("disable", _places),
    _step("enable", _places),
    _step("replay", _places),
    _step("cancel", _places),
    _step("backfill", _places),
    _step("ask for", st.tuples(_places, _fields)),
    _seldom,
)


def _told(slot: int, wanted: dict[str, Any]) -> list[Step]:
    return [Step("commit", [(slot, wanted)]), Step("publish"), Step("deliver")]


# What happens to most changes; by single steps alone, few would get as far as a retry.
_chapters = st.one_of(
    _steps.map(lambda step: [step]),
    st.tuples(_commits, _step("publish")).map(list),
    st.tuples(_commits, _step("publish"), _step("deliver")).map(list),
    st.tuples(_moods, _commits, _step("publish"), _step("deliver")).map(list),
    st.tuples(_commits, _step("publish"), _step("set aside"), _step("deliver")).map(list),
)


def _fall_behind(slot: int, counts: list[int]) -> list[Step]:
    """A newer state comes to wait behind an attempt that is going to fail."""
    told = [step for count in counts for step in _told(slot, {"count": count})]
    # The first retry comes at once: it has to fail, too.
    return [Step("answer", "stall"), *told, Step("answer", "error"), Step("set aside")]


def _come_back(slot: int, wanted: dict[str, Any], out: list[Step]) -> list[Step]:
    """Gone, changed and back again before a publisher looks."""
    return [*(Step("commit", [(slot, one)]) for one in ({"life": "deleted"}, wanted, {"life": "alive"})), *out]


def _move_unseen(slot: int, seller: int, life: str, out: list[Step], last: list[Step]) -> list[Step]:
    """To another seller while it is gone."""
    first, *others = [
        Step("commit", [(slot, one)]) for one in ({"life": "deleted"}, {"seller": seller}, {"life": life})
    ]
    return [first, *out, *others, *last]


def _tear(slot: int, wanted: dict[str, Any]) -> list[Step]:
    """Gone when it is rendered."""
    return [Step("commit", [(slot, wanted)]), Step("erase while published", slot), Step("deliver")]


_out = st.sampled_from([[], [Step("publish"), Step("deliver")]])
# Each is what a rule of its own is about; every history has one of them at least.
_plots = st.one_of(
    st.builds(_fall_behind, _slots, st.lists(st.integers(1, 4), min_size=2, max_size=3, unique=True)),
    st.builds(_come_back, _slots, _wanted, _out),
    st.builds(_move_unseen, _slots, st.integers(0, 1), st.sampled_from(["alive", "erased"]), _out, _out),
    st.builds(_tear, _slots, _wanted),
)
_rest = st.lists(st.one_of(_chapters, _chapters, _plots), max_size=10)

#: At first, all slots have variants, of which no subscriber has heard yet.
histories = st.tuples(_rest, _plots, _rest).map(
    lambda parts: [step for chapter in (*parts[0], parts[1], *parts[2]) for step in chapter]
)

_events = st.sampled_from(
    [("create", "update", "destroy")] * 3 + [("update", "destroy"), ("create", "update"), ("update",)]
).map(frozenset)
_subscriptions = st.builds(
    Subscription,
    id=st.just(0),
    reads=_fields,
    owner=st.sampled_from([None, None, 0, 1]),
    triggers=st.sampled_from([(), (), (), ("countOnHand",)]),
    events=_events,
    allow_skip=st.sampled_from([True, True, True, False]),
    every_change=st.sampled_from([False, False, False, True]),
)
#: With the retries that each allows.
subscribers = st.lists(st.tuples(_subscriptions, st.sampled_from([25, 25, 1, 0])), min_size=1, max_size=2)
