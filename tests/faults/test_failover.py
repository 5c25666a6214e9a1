"""PostgreSQL's standby is promoted under load: API and worker find it by the hosts of their URL, and go on."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.db.pool import DATABASE_ERRORS
from tests.support.load import IS_LONG, QUERY, Load, create_load, tell
from tests.support.receiver import Receiver
from tests.support.servers import PrivateServers
from tests.support.standby import StandbyPostgres, follow, promote, standby_running, unfollow
from tests.support.waiting import DEADLINE_S, until
from tests.support.worker_process import WorkerProcess, started, worker_process

pytestmark = pytest.mark.faults

RUNNING = Path(__file__).parents[2] / "app" / "docs" / "running.md"
CHANGES = 1000 if IS_LONG else 100


@dataclass(slots=True, kw_only=True)
class Scene:
    """`confirmed`: the values of each variant whose commit the writer has heard of, in their order."""

    servers: PrivateServers
    standby: StandbyPostgres
    url: str
    load: Load
    worker: WorkerProcess
    api_url: str
    confirmed: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def write(self, count: int, *, is_enough: asyncio.Event | None = None) -> None:
        """Commit so many changes, and more until the event, each at the server that takes writes by then."""
        conn: asyncpg.Connection | None = None
        done = 0
        while done < count or (is_enough is not None and not is_enough.is_set()):
            value, variant = 1000 + self.load.written, self.load.chance.choice(self.load.variants)
            self.load.written += 1
            try:
                conn = conn if conn and not conn.is_closed() else await asyncpg.connect(self.url)
                await conn.execute("update variants set count_on_hand = $1 where id = $2", value, variant)
            except DATABASE_ERRORS:
                conn = None
                await asyncio.sleep(0.02)
                continue
            self.confirmed[variant].append(value)
            done += 1
            if done > count:
                # A load that does not stop is no test of how much the machine can do.
                await asyncio.sleep(0.02)
        if conn is not None:
            await conn.close()

    async def fail_over(self) -> float:
        """Kill the primary and promote the standby. Return the seconds until the API answers from it."""
        await asyncio.to_thread(self.servers.postgres.stop, "kill")
        await promote(self.standby)
        begun = time.monotonic()
        async with httpx.AsyncClient(timeout=DEADLINE_S) as http:

            async def is_back() -> bool:
                return (await http.get(f"{self.api_url}/readyz")).status_code == 200

            await until(is_back)
        return time.monotonic() - begun

    async def skip_ids(self) -> None:
        (statement,) = re.findall(r"`(select setval\(.*\))`", RUNNING.read_text("utf-8"))
        await self.fetch_value(statement)

    async def changes_recorded(self) -> int:
        return int(await self.fetch_value("select count(*) from change_events where operation = 'UPDATE'"))

    async def change_query(self, addition: str) -> int:
        """Have the webhook ask for this field as well. Return the number of the transaction."""
        query = QUERY.replace("countOnHand", f"countOnHand {addition}")
        return int(
            await self.fetch_value("update webhooks set query_string = $1 returning changed_xid::text::bigint", query)
        )

    async def fetch_value(self, statement: str, *arguments: str) -> Any:
        conn = await asyncpg.connect(self.url)
        try:
            return await conn.fetchval(statement, *arguments)
        finally:
            await conn.close()


@asynccontextmanager
async def scene_of(servers: PrivateServers, receiver: Receiver, *, is_synchronous: bool) -> AsyncIterator[Scene]:
    with standby_running(servers.postgres) as standby:
        await follow(servers.postgres, is_synchronous=is_synchronous)
        url = servers.database_url.replace(
            f"127.0.0.1:{servers.postgres.port}", f"127.0.0.1:{servers.postgres.port},127.0.0.1:{standby.port}"
        )
        url += "?target_session_attrs=read-write"
        load = await create_load(url, receiver, seed=21)
        urls = (url, servers.redis_url)
        with worker_process(*urls, deliver_lease_s=2) as worker, worker_process(*urls) as api:
            await asyncio.gather(started(worker), asyncio.to_thread(api.start_api))
            ready = (await api.wait_for("serve.ready"))[-1]["url"].removesuffix("/graphql")
            yield Scene(servers=servers, standby=standby, url=url, load=load, worker=worker, api_url=ready)


async def test_nothing_is_lost_with_synchronous_replication(
    private_servers: PrivateServers, receiver: Receiver
) -> None:
    async with scene_of(private_servers, receiver, is_synchronous=True) as scene:
        is_back = asyncio.Event()
        writing = asyncio.create_task(scene.write(CHANGES, is_enough=is_back))
        # A slow worker is told of the last states alone: far fewer than there are changes.
        await receiver.wait_for(count=5)
        api_back_s = await scene.fail_over()
        begun = time.monotonic()
        before = len(receiver.deliveries)
        await receiver.wait_for(count=before + 1)
        worker_back_s = time.monotonic() - begun
        is_back.set()
        await writing
        await scene.load.arrive(within_s=60)
        recorded, present = await scene.changes_recorded(), await scene.load.present()
        status = await scene.worker.stop()

        duplicates = await scene.load.check_duplicates()
        tell("failover", api_back_s=api_back_s, worker_back_s=worker_back_s, duplicates=duplicates)
        # What was written last, or a later change whose confirmation was lost.
        assert sorted(max(values) for values in scene.confirmed.values()) <= sorted(present.values())
        assert recorded >= sum(map(len, scene.confirmed.values())) >= CHANGES
        assert status == 0
        sequences: dict[str, list[int]] = defaultdict(list)
        for one in receiver.deliveries:
            sequences[one.json["entity"]["id"]].append(one.json["sequence"])
        assert all(numbers == sorted(numbers) for numbers in sequences.values())


async def test_what_the_standby_never_had_is_lost_and_all_after_it_is_delivered(
    private_servers: PrivateServers, receiver: Receiver
) -> None:
    async with scene_of(private_servers, receiver, is_synchronous=False) as scene:
        await scene.write(10)
        await scene.load.arrive()
        await unfollow(scene.standby)
        # Enough for more transactions than the promoted server has by the time of the next change of the webhook.
        await scene.write(30)
        await scene.load.arrive()
        lost = await scene.change_query("lost: sku")
        await scene.write(1)
        await receiver.wait_for(lambda one: "lost" in one.data["node"])
        written = await scene.load.present()
        await scene.fail_over()
        kept = await scene.load.present()
        # As the page about running it says, so that no id is given twice.
        await scene.skip_ids()
        last = max(one.json["sequence"] for one in receiver.deliveries)
        # The worker knows a later version of the webhook, but of the server that is gone.
        assert await scene.change_query("new: sku") < lost
        await scene.write(30)
        await scene.load.arrive(within_s=60)
        # What the standby still had open is sent again as it was, with its own sequence.
        told = [one.data["node"] for one in receiver.deliveries if one.json["sequence"] > last]

        assert kept != written
        assert told
        assert all("new" in one for one in told)
        assert max(one.json["sequence"] for one in receiver.deliveries) > last + 1_000_000
        assert await scene.worker.stop() == 0
