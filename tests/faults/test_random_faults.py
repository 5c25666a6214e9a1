"""Faults of all classes, at random, beside a writer: nothing is lost or misordered. TELLGRAPH_LONG_FAULTS=1: 1,000."""

import asyncio
import random
from collections import Counter

import pytest

from tests.histories.endpoint import Mood
from tests.histories.processes import VARIANTS, WORKERS, Scene, running_scene
from tests.histories.steps import Step
from tests.support.load import IS_LONG, tell
from tests.support.platform import running_platform, settings_for
from tests.support.receiver import Receiver
from tests.support.servers import PrivateServers

pytestmark = pytest.mark.faults

#: Of one history each; the endpoint is then well, and what its subscriber was told is judged.
HISTORIES, FAULTS = (50, 20) if IS_LONG else (2, 16)
MOODS: tuple[Mood, ...] = ("ok", "error", "drop", "hold", "stall")
#: Some take seconds: their shares are smaller.
SHARES = {
    "answer": 8,
    "disconnect": 4,
    "flush": 4,
    "pause": 3,
    "disable": 2,
    "enable": 3,
    "kill": 2,
    "stop": 1,
    "restart PostgreSQL": 1,
    "crash PostgreSQL": 1,
    "restart Redis": 1,
}
#: A worker that is frozen for longer than its lease: some ten seconds each.
FREEZES = 4 if IS_LONG else 1


async def test_faults_of_all_classes_lose_and_misorder_nothing(
    private_servers: PrivateServers, receiver: Receiver
) -> None:
    chance = random.Random(None if IS_LONG else 20)
    injected: Counter[str] = Counter()
    settings = settings_for(private_servers.database_url)
    async with (
        running_platform(settings, with_worker=False) as api,
        running_scene(api, private_servers.redis_url, receiver) as scene,
    ):
        wrong: list[str] = []
        for _ in range(HISTORIES):
            await scene.subscribe()
            faults = [*chance.choices(list(SHARES), list(SHARES.values()), k=FAULTS), *["freeze"] * FREEZES]
            chance.shuffle(faults)
            for fault in faults:
                injected[fault] += 1
                await asyncio.gather(inject(scene, private_servers, fault, chance), write(scene, chance))
            wrong += await scene.end()

    tell("faults at random", **{name.replace(" ", "_"): number for name, number in sorted(injected.items())})
    assert wrong == []


async def inject(scene: Scene, servers: PrivateServers, fault: str, chance: random.Random) -> None:
    await asyncio.sleep(chance.uniform(0, 0.2))
    match fault:
        case "restart PostgreSQL":
            await asyncio.to_thread(servers.postgres.restart, "fast")
        case "crash PostgreSQL":
            await asyncio.to_thread(servers.postgres.restart, "immediate")
        case "restart Redis":
            await asyncio.to_thread(servers.redis.stop)
            await asyncio.sleep(chance.uniform(0, 2))
            await asyncio.to_thread(servers.redis.start)
        case "answer":
            await scene.run(Step(fault, chance.choice(MOODS)))
        case _:
            await scene.run(Step(fault, chance.randrange(WORKERS)))


async def write(scene: Scene, chance: random.Random) -> None:
    for _ in range(chance.randint(2, 8)):
        await scene.run(Step("commit", [chance.randrange(VARIANTS)]))
        await asyncio.sleep(chance.uniform(0, 0.05))
