"""Short histories with two worker processes that are killed, frozen and started again."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.histories.processes import VARIANTS, WORKERS, Scene, running_scene
from tests.histories.steps import Step
from tests.support.load import IS_LONG
from tests.support.platform import Platform
from tests.support.receiver import Receiver

pytestmark = pytest.mark.faults

EXAMPLES = 40 if IS_LONG else 2

_commits = st.builds(Step, st.just("commit"), st.lists(st.integers(0, VARIANTS - 1), min_size=5, max_size=30))
_steps = st.one_of(
    _commits,
    _commits,
    st.builds(Step, st.just("answer"), st.sampled_from(["ok", "error", "drop", "hold", "stall"])),
    st.builds(Step, st.sampled_from(["kill", "pause"]), st.integers(0, WORKERS - 1)),
)


@pytest.fixture
async def scene(redis_url: str, api: Platform, receiver: Receiver) -> AsyncIterator[Scene]:
    async with running_scene(api, redis_url, receiver) as scene:
        yield scene


async def play(scene: Scene, steps: list[Step]) -> list[str]:
    """Play a history, and return what is wrong in the end."""
    await scene.subscribe()
    for step in steps:
        await scene.run(step)
    return await scene.end()


@given(steps=st.lists(_steps, min_size=6, max_size=12))
@settings(max_examples=EXAMPLES)
async def test_two_processes_that_are_killed_tell_a_subscriber_what_it_must_know(
    scene: Scene, steps: list[Step]
) -> None:
    assert await play(scene, steps) == []


async def test_history_with_a_worker_that_is_frozen_between_claim_and_post(scene: Scene) -> None:
    steps = [Step("commit", [0, 1, 2, 0]), Step("freeze"), Step("commit", [0, 1]), Step("freeze"), Step("commit", [2])]

    assert await play(scene, steps) == []
