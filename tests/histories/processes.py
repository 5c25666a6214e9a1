"""Two worker processes, a subscriber of a few variants, and the faults that they meet. The model judges the end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
from redis.asyncio import Redis

from app.db.pool import DATABASE_ERRORS
from schema.entities import global_ids
from tests.builders.deliveries import make_retries_due
from tests.builders.variants import create_variant
from tests.histories.ending import check_end
from tests.histories.endpoint import Endpoint
from tests.histories.knowledge import Due, Knowledge
from tests.histories.log import read_log
from tests.histories.model import State, Subscription
from tests.histories.steps import Step
from tests.support.frozen import frozen_after_claim
from tests.support.platform import Platform
from tests.support.receiver import Receiver
from tests.support.waiting import until
from tests.support.worker_process import WorkerProcess, started, worker_process

WORKERS = 2
VARIANTS = 3
LEASE_S = 1.5
#: The webhook's time limit is one second, the lease two seconds longer, and the sweep comes every five.
_LEASE_IS_OVER_S = 8.5
WEBHOOK = Subscription(id=0, reads=("countOnHand",))
_SETTLED = (
    "select not exists (select from change_events where published_at is null)"
    " and not exists (select from webhook_events where state in ('PENDING', 'SENDING', 'RETRYING', 'HELD'))"
    " and not exists (select from webhooks where is_enabled and missed_since is not null)"
)
_TERMINATE = (
    "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity"
    " where application_name = 'tellgraph' and datname = current_database() order by random() limit 3) ours"
)


@dataclass(slots=True, kw_only=True)
class Scene:
    """`counts` is what each variant shows; `webhook` the one that is judged, at the path of its number."""

    api: Platform
    receiver: Receiver
    workers: Sequence[WorkerProcess]
    redis_url: str
    counts: dict[int, int]
    endpoint: Endpoint
    number: int = 0
    webhook: int = 0

    @property
    def database_url(self) -> str:
        assert self.api.settings.database_url is not None
        return self.api.settings.database_url

    async def subscribe(self) -> None:
        """Begin another history, with a webhook of its own."""
        self.number += 1
        self.endpoint = Endpoint()
        self.receiver.answering = self.endpoint.answer
        url = self.receiver.url(f"/{self.number}")
        made = await self.api.create_webhook(url, WEBHOOK.query, type="VARIANT", timeoutSeconds=1, includePrevious=True)
        self.webhook = global_ids.decode(made["webhook"]["id"])[1]
        self.endpoint.webhooks[f"/{self.number}"] = self.webhook
        for variant in self.counts:
            await self.write(variant)

    async def execute(self, sql: str, *args: object) -> None:
        """Run it on a connection of its own, as soon as PostgreSQL is there."""

        async def has_run() -> bool:
            try:
                conn = await asyncpg.connect(self.database_url, timeout=5)
                try:
                    await conn.execute(sql, *args)
                finally:
                    await conn.close()
            except DATABASE_ERRORS:
                return False
            return True

        await until(has_run)

    async def run(self, step: Step) -> None:
        worker = self.workers[step.given if step.given in range(WORKERS) else 0]
        match step.name:
            case "commit":
                for slot in step.given:
                    await self.write(sorted(self.counts)[slot])
            case "answer":
                self.endpoint.mood = step.given
                if step.given not in ("hold", "stall"):
                    self.endpoint.release()
            case "kill":
                worker.kill()
                await started(worker)
            case "stop":
                await worker.stop(within_s=60)
                await started(worker)
            case "pause":
                worker.freeze()
                await asyncio.sleep(0.5)
                worker.thaw()
            case "freeze":
                await self.freeze()
            case "disable" | "enable":
                await self.execute(
                    "update webhooks set is_enabled = $1, disabled_reason = null where id = $2",
                    step.name == "enable",
                    self.webhook,
                )
            case "disconnect":
                await self.execute(_TERMINATE)
            case "flush":
                async with Redis.from_url(self.redis_url) as redis:
                    await redis.flushdb()

    async def write(self, variant: int) -> None:
        # Back and forth between few values, so that some changes have nothing new to tell.
        count = self.counts[variant] % 3 + 1
        await self.execute("update variants set count_on_hand = $1 where id = $2", count, variant)
        self.counts[variant] = count

    async def freeze(self) -> None:
        """Freeze a worker between claim and POST, until another has taken over and told what is newer."""
        # Something is sure to be claimed then.
        await self.settle()

        async def change() -> None:
            for variant in self.counts:
                await self.write(variant)

        async with frozen_after_claim(self.database_url, self.workers, change):
            await asyncio.sleep(_LEASE_IS_OVER_S)
            await change()
            await self.settle()

    async def settle(self) -> None:
        """Make the endpoint healthy, and wait until everything is sent."""
        self.endpoint.mood = "ok"
        self.endpoint.release()
        await self.run(Step("enable"))

        async def is_settled() -> bool:
            try:
                conn = await asyncpg.connect(self.database_url, timeout=5)
                try:
                    await make_retries_due(conn)
                    return bool(await conn.fetchval(_SETTLED))
                finally:
                    await conn.close()
            except DATABASE_ERRORS:
                return False

        # A worker that is frozen within a step keeps its locks until PostgreSQL ends its transaction.
        await until(is_settled, deadline_s=150)

    async def end(self) -> list[str]:
        """End the history. Return what is wrong; the webhook gets nothing any more."""
        await self.settle()
        await self.execute("update webhooks set is_enabled = false, deleted_at = now() where id = $1", self.webhook)
        return await self.judge()

    async def judge(self) -> list[str]:
        conn = await asyncpg.connect(self.database_url)
        try:
            rows = await conn.fetch(
                "select distinct webhook_event_id as id from delivery_attempts"
                " where error_kind in ('UNKNOWN_OUTCOME', 'TIMEOUT', 'CANCELLED')"
            )
            log = await read_log(conn, [self.webhook])
        finally:
            await conn.close()
        unknown = {row["id"] for row in rows}
        last = {arrival.event: arrival for arrival in self.endpoint.arrivals}
        for arrival in self.endpoint.arrivals:
            # Answered, perhaps, but to a worker that was killed or had given up.
            if arrival.event in unknown and arrival is not last[arrival.event]:
                arrival.status = None
        due = {
            (self.webhook, variant): Due(
                renderings=[WEBHOOK.rendering(State(label="", sku="", count=count))], is_gone=False, is_new=False
            )
            for variant, count in self.counts.items()
        }
        wrong = check_end(log, self.endpoint.arrivals, Knowledge(due=due))
        return [*wrong, *(str(pair) for pair in self.endpoint.overlaps if pair[0].event not in unknown)]


@asynccontextmanager
async def running_scene(api: Platform, redis_url: str, receiver: Receiver) -> AsyncIterator[Scene]:
    """Start the workers, beside some variants."""
    assert api.settings.database_url is not None
    with ExitStack() as stack:
        workers = [
            stack.enter_context(worker_process(api.settings.database_url, redis_url, deliver_lease_s=LEASE_S))
            for _ in range(WORKERS)
        ]
        await asyncio.gather(*(started(worker) for worker in workers))
        variants = [await create_variant(api.conn, count_on_hand=1) for _ in range(VARIANTS)]
        yield Scene(
            api=api,
            receiver=receiver,
            workers=workers,
            redis_url=redis_url,
            counts={int(variant.id): 1 for variant in variants},
            endpoint=Endpoint(),
        )
