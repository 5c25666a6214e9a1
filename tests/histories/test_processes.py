"""Short histories with two worker processes that are killed and started again, against the same model's ending."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema import global_ids
from tests.builders.deliveries import make_retries_due
from tests.builders.variants import create_variant
from tests.histories.ending import check_end
from tests.histories.endpoint import Endpoint
from tests.histories.knowledge import Due, Knowledge
from tests.histories.model import State, Subscription
from tests.histories.steps import Step
from tests.histories.world import read_log
from tests.support.load import IS_LONG
from tests.support.platform import Platform
from tests.support.receiver import Receiver
from tests.support.waiting import until
from tests.support.worker_process import WorkerProcess, started, worker_process

pytestmark = pytest.mark.faults

EXAMPLES = 40 if IS_LONG else 2
VARIANTS = 3
WEBHOOK = Subscription(id=0, reads=("countOnHand",))
_SETTLED = (
    "select not exists (select from change_events where published_at is null)"
    " and not exists (select from webhook_events where state in ('PENDING', 'SENDING', 'RETRYING'))"
)

_steps = st.one_of(
    st.builds(Step, st.just("commit"), st.lists(st.integers(0, VARIANTS - 1), min_size=5, max_size=30)),
    st.builds(Step, st.just("commit"), st.lists(st.integers(0, VARIANTS - 1), min_size=5, max_size=30)),
    st.builds(Step, st.just("answer"), st.sampled_from(["ok", "error", "drop", "hold"])),
    st.builds(Step, st.just("kill"), st.integers(0, 1)),
)


@dataclass(slots=True, kw_only=True)
class Scene:
    api: Platform
    receiver: Receiver
    workers: Sequence[WorkerProcess]
    counts: dict[int, int]
    number: int = 0

    @property
    def conn(self) -> asyncpg.Connection:
        return self.api.conn

    async def run(self, step: Step, endpoint: Endpoint) -> None:
        match step.name:
            case "commit":
                for slot in step.given:
                    await self.write(sorted(self.counts)[slot])
            case "answer":
                endpoint.mood = step.given
                if step.given != "hold":
                    endpoint.release()
            case "kill":
                self.workers[step.given].kill()
                await started(self.workers[step.given])

    async def write(self, variant: int) -> None:
        # Back and forth between few values, so that some changes have nothing new to tell.
        self.counts[variant] = self.counts[variant] % 3 + 1
        await self.conn.execute("update variants set count_on_hand = $1 where id = $2", self.counts[variant], variant)

    async def settle(self, endpoint: Endpoint) -> None:
        endpoint.mood = "ok"
        endpoint.release()

        async def is_settled() -> bool:
            await make_retries_due(self.conn)
            return bool(await self.conn.fetchval(_SETTLED))

        await until(is_settled)


@pytest.fixture
async def scene(database_url: str, redis_url: str, api: Platform, receiver: Receiver) -> AsyncIterator[Scene]:
    with (
        worker_process(database_url, redis_url, deliver_lease_s=1.5) as one,
        worker_process(database_url, redis_url, deliver_lease_s=1.5) as other,
    ):
        await asyncio.gather(started(one), started(other))
        variants = [await create_variant(api.conn, count_on_hand=1) for _ in range(VARIANTS)]
        yield Scene(
            api=api, receiver=receiver, workers=(one, other), counts={int(variant.id): 1 for variant in variants}
        )


async def play(scene: Scene, steps: Sequence[Step]) -> list[str]:
    """What is wrong in the end."""
    scene.number += 1
    endpoint = Endpoint()
    scene.receiver.answering = endpoint.answer
    url = scene.receiver.url(f"/{scene.number}")
    made = await scene.api.create_webhook(
        url, "query($id: ID!) { node(id: $id) { ... on Variant { countOnHand } } }", type="VARIANT", timeoutSeconds=1
    )
    webhook_id = global_ids.decode(made["webhook"]["id"])[1]
    endpoint.webhooks[f"/{scene.number}"] = webhook_id
    for variant in scene.counts:
        await scene.write(variant)
    for step in steps:
        await scene.run(step, endpoint)
    await scene.settle(endpoint)
    await scene.conn.execute("update webhooks set is_enabled = false, deleted_at = now()")
    return await judge(scene, endpoint, webhook_id)


async def judge(scene: Scene, endpoint: Endpoint, webhook_id: int) -> list[str]:
    rows = await scene.conn.fetch(
        "select distinct webhook_event_id as id from delivery_attempts"
        " where error_kind in ('UNKNOWN_OUTCOME', 'TIMEOUT')"
    )
    unknown = {row["id"] for row in rows}
    last = {arrival.event: arrival for arrival in endpoint.arrivals}
    for arrival in endpoint.arrivals:
        # Answered, perhaps, but to a worker that was killed or had given up.
        if arrival.event in unknown and arrival is not last[arrival.event]:
            arrival.status = None
    log = await read_log(scene.conn, [webhook_id])
    due = {
        (webhook_id, variant): Due(
            renderings=[WEBHOOK.rendering(State(label="", sku="", count=count))], is_gone=False, is_new=False
        )
        for variant, count in scene.counts.items()
    }
    wrong = check_end(log, endpoint.arrivals, Knowledge(due=due))
    return [*wrong, *(str(pair) for pair in endpoint.overlaps if pair[0].event not in unknown)]


@given(steps=st.lists(_steps, min_size=6, max_size=12))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not IS_LONG,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_two_processes_that_are_killed_tell_a_subscriber_what_it_must_know(
    scene: Scene, steps: list[Step]
) -> None:
    assert await play(scene, steps) == []
