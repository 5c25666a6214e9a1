"""A pulled webhook with four takers that die, hang, reject and answer late, beside faults of workers, API and servers.

Nothing is lost, nothing of an entity comes in the wrong order, and what comes again comes after the end of its lease
or its rejection, under the same id. TELLGRAPH_LONG_FAULTS=1: 200,000 events.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from app.auth.viewers import create_key
from app.db.pool import DATABASE_ERRORS
from schema.entities.global_ids import encode
from tests.builders.deliveries import create_pulled_subscription, make_retries_due
from tests.builders.variants import create_variant
from tests.support.load import IS_LONG, QUERY, tell
from tests.support.servers import PrivateServers
from tests.support.waiting import until
from tests.support.worker_process import WorkerProcess, started, worker_process

pytestmark = pytest.mark.faults

TAKERS = 4
#: One event of each is in flight at most.
VARIANTS = 10_000 if IS_LONG else 100
EVENTS = 200_000 if IS_LONG else 2_000
LEASE_S = 2
#: Of each batch, with its share.
BEHAVIOURS = {"acknowledge": 20, "die": 1, "hang": 1, "reject": 2, "answer late": 2}
FAULTS = ["kill API", "kill worker", "disconnect", "restart PostgreSQL", "crash PostgreSQL"] * (20 if IS_LONG else 1)
TAKE = (
    "mutation($input: WebhookMessagesTakeMutationInput!) { webhookMessagesTake(input: $input)"
    " { status messages { id sequence attempt body } } }"
)
#: An answer may be lost. Then nobody knows whether the API has heard.
LOST = (httpx.HTTPError, KeyError, TypeError, orjson.JSONDecodeError)


@dataclass(slots=True, kw_only=True)
class Scene:
    """`received`: each message with its body, by event and attempt. `acknowledged`: those that the API confirmed."""

    servers: PrivateServers
    api: WorkerProcess
    worker: WorkerProcess
    key: str
    webhook: str
    chance: random.Random
    received: dict[tuple[int, int], str] = field(default_factory=dict)
    acknowledged: set[tuple[int, int]] = field(default_factory=set)
    behaviour: Counter[str] = field(default_factory=Counter)
    is_over: bool = False
    url: str = ""

    async def start_api(self) -> None:
        before = len(self.api.lines("serve.ready"))
        await asyncio.to_thread(self.api.start_api)
        self.url = (await self.api.wait_for("serve.ready", before + 1))[-1]["url"]

    async def ask(self, http: httpx.AsyncClient, query: str, **given: Any) -> Any:
        response = await http.post(
            self.url,
            json={"query": query, "variables": {"input": {"webhookId": self.webhook, **given}}},
            headers={"Authorization": f"Bearer {self.key}"},
        )
        (payload,) = response.json()["data"].values()
        return payload

    async def take_until_over(self) -> None:
        """Take, and do with each batch what real receivers do: mostly, acknowledge it."""
        async with httpx.AsyncClient(timeout=20) as http:
            while not self.is_over:
                try:
                    await self._take_once(http)
                except LOST:
                    self.behaviour["lost answers"] += 1
                    await asyncio.sleep(0.05)

    async def _take_once(self, http: httpx.AsyncClient) -> None:
        taken = (await self.ask(http, TAKE, first=20, leaseSeconds=LEASE_S, waitSeconds=1))["messages"]
        for one in taken:
            self.received[int(one["sequence"]), one["attempt"]] = one["body"]
        ids = {one["id"]: (int(one["sequence"]), one["attempt"]) for one in taken}
        if not ids:
            return
        (behaviour,) = self.chance.choices([*BEHAVIOURS], [*BEHAVIOURS.values()])
        self.behaviour[behaviour] += 1
        match behaviour:
            case "die":
                return
            case "hang":
                await asyncio.sleep(LEASE_S + 1)
                return
            case "reject":
                await self._settle(http, "Reject", "rejectedIds", [*ids], reason="not now")
                return
            case "answer late":
                await asyncio.sleep(LEASE_S + 0.5)
        for id in (await self._settle(http, "Acknowledge", "acknowledgedIds", [*ids]))["acknowledgedIds"]:
            self.acknowledged.add(ids[id])

    async def _settle(self, http: httpx.AsyncClient, name: str, selection: str, ids: list[str], **more: Any) -> Any:
        query = (
            f"mutation($input: WebhookMessages{name}MutationInput!)"
            f" {{ webhookMessages{name}(input: $input) {{ status {selection} expiredIds }} }}"
        )
        return await self.ask(http, query, ids=ids, **more)

    async def inject(self) -> None:
        for fault in self.chance.sample(FAULTS, len(FAULTS)):
            await asyncio.sleep(self.chance.uniform(0.2, 1))
            match fault:
                case "kill API":
                    self.api.kill()
                    await self.start_api()
                case "kill worker":
                    self.worker.kill()
                    await started(self.worker)
                case "disconnect":
                    await self.in_database(
                        lambda conn: conn.execute(
                            "select pg_terminate_backend(pid) from pg_stat_activity"
                            " where application_name = 'tellgraph'"
                        )
                    )
                case "restart PostgreSQL":
                    await asyncio.to_thread(self.servers.postgres.restart, "fast")
                case "crash PostgreSQL":
                    await asyncio.to_thread(self.servers.postgres.restart, "immediate")

    async def write(self) -> None:
        """Change all variants in one statement, again and again."""
        for number in range(EVENTS // VARIANTS):
            sql = f"update variants set count_on_hand = {1000 + number}"
            await self.in_database(lambda conn, sql=sql: conn.execute(sql))  # type: ignore[misc]

    async def in_database(self, work: Callable[[asyncpg.Connection], Awaitable[object]]) -> None:
        """Do it on a connection of its own, as soon as PostgreSQL is there."""

        async def is_done() -> bool:
            try:
                conn = await asyncpg.connect(self.servers.database_url, timeout=5)
                try:
                    await work(conn)
                finally:
                    await conn.close()
            except DATABASE_ERRORS:
                return False
            return True

        await until(is_done)

    async def settle(self) -> None:
        """Wait until every change is published and every event delivered. Retries are not waited for."""

        async def is_settled() -> bool:
            with contextlib.suppress(*DATABASE_ERRORS):
                conn = await asyncpg.connect(self.servers.database_url, timeout=5)
                try:
                    await make_retries_due(conn)
                    return bool(
                        await conn.fetchval(
                            "select not exists (select from change_events where published_at is null)"
                            " and not exists (select from webhook_events_open)"
                        )
                    )
                finally:
                    await conn.close()
            return False

        await until(is_settled, deadline_s=7200 if IS_LONG else 300)


async def test_takers_that_fail_beside_faults_of_all_processes(private_servers: PrivateServers) -> None:
    conn = await asyncpg.connect(private_servers.database_url)
    try:
        key = await create_key(conn, name="takers", seller_id=None)
        webhook = await create_pulled_subscription(
            conn, type="VARIANT", query_string=QUERY, every_change=True, concurrent_send_limit=1000, max_retries=50
        )
        for _ in range(VARIANTS):
            await create_variant(conn)
    finally:
        await conn.close()
    urls = (private_servers.database_url, private_servers.redis_url)
    with worker_process(*urls) as worker, worker_process(*urls) as api:
        scene = Scene(
            servers=private_servers,
            api=api,
            worker=worker,
            key=key,
            webhook=encode("Webhook", webhook.id),
            chance=random.Random(None if IS_LONG else 7),
        )
        await asyncio.gather(started(worker), scene.start_api())
        takers = [asyncio.create_task(scene.take_until_over()) for _ in range(TAKERS)]
        try:
            await asyncio.gather(scene.write(), scene.inject())
            await scene.settle()
        finally:
            scene.is_over = True
            await asyncio.gather(*takers)
    await _check(scene)


async def _check(scene: Scene) -> None:
    conn = await asyncpg.connect(scene.servers.database_url)
    try:
        events = await conn.fetch("select id, entity_id, state from webhook_events")
        attempts = await conn.fetch(
            "select e.entity_id, a.* from delivery_attempts a join webhook_events e on e.id = a.webhook_event_id"
            " order by e.entity_id, a.started_at, a.webhook_event_id"
        )
        present = {
            row["id"]: row["count_on_hand"] for row in await conn.fetch("select id, count_on_hand from variants")
        }
    finally:
        await conn.close()
    kinds = Counter(row["error_kind"] or "DELIVERED" for row in attempts)
    tell("takers", events=len(events), messages=len(scene.received), **kinds, **scene.behaviour)
    # At least once: every event was received, and acknowledged in time.
    assert Counter(row["state"] for row in events) == {"DELIVERED": len(events)}
    assert len(events) >= EVENTS
    assert {row["id"] for row in events} == {event for event, _ in scene.received}
    assert scene.acknowledged <= {(row["webhook_event_id"], row["number"]) for row in attempts if row["status"] == 200}
    # In order: of an entity no attempt began before the one before it had ended, and none of an older event.
    for one, next_one in pairwise(attempts):
        if one["entity_id"] == next_one["entity_id"]:
            assert one["webhook_event_id"] <= next_one["webhook_event_id"], (one, next_one)
            assert one["finished_at"] <= next_one["started_at"], (one, next_one)
            if one["webhook_event_id"] == next_one["webhook_event_id"]:
                # Again, and only after a lease's end or a rejection.
                assert one["error_kind"] in ("LEASE_OVER", "REJECTED"), one
    # The same again: one body for each event.
    bodies = {(event, body) for (event, _), body in scene.received.items()}
    assert len(bodies) == len(events)
    # The newest is the present state.
    newest: dict[int, tuple[int, int]] = {}
    entities = {row["id"]: row["entity_id"] for row in events}
    for event, body in bodies:
        count = orjson.loads(body)["payload"]["data"]["node"]["countOnHand"]
        newest[entities[event]] = max(newest.get(entities[event], (0, 0)), (event, count))
    assert {entity: count for entity, (_, count) in newest.items()} == present
