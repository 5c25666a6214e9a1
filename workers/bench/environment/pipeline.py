"""A site at work: changes are made, published and delivered, and what that costs is measured."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workers.bench.environment.lab import Endpoint, Site
from workers.bench.environment.marketplace import change
from workers.bench.environment.processes import CpuSeconds, Meter


@dataclass(slots=True, kw_only=True)
class Pipeline:
    """A site with its workers, and the endpoint of its webhooks.

    Attributes:
        others: Workers beside the first one.
        uncounted: Backends of PostgreSQL that are not counted, beside the writer's.
    """

    site: Site
    worker: subprocess.Popen[bytes]
    endpoint: Endpoint
    others: Sequence[subprocess.Popen[bytes]] = ()
    uncounted: Sequence[int] = ()

    async def warm_up(self, ids: Sequence[int], posts: int) -> None:
        """Run everything once before measuring: imports, connections, compiled queries, the planner's statistics."""
        await self.deliver(ids, posts)
        await self.site.settle()
        # After this, PostgreSQL makes new plans.
        await self.deliver(ids[:1], posts // len(ids))

    async def deliver(self, ids: Sequence[int], posts: int) -> dict[str, float]:
        """Change these invoices in one statement and wait until all is delivered and recorded.

        Returns:
            CPU time per POST in ms, of the worker and in total; wall time of the statement in ms; and POSTs per second
            from then to the last one, with the rates of publishing and of delivering.
        """
        await self.endpoint.ask("/reset")
        meter = await self.meter()
        before = meter.read()
        begun_at = await self._now()
        started = time.monotonic()
        await change(self.site.conn, ids)
        changed, changed_at = time.monotonic(), await self._now()
        await self.settled(posts)
        spent: CpuSeconds = meter.since(before)
        last_at = await self.endpoint.last_at()
        return {
            "worker": spent.worker / posts * 1000,
            "total": spent.total / posts * 1000,
            "writer": (changed - started) * 1000,
            "per_s": posts / (last_at - changed),
            **await self._stages(begun_at, changed_at, posts),
        }

    async def _now(self) -> datetime:
        """Return PostgreSQL's time."""
        now: datetime = await self.site.conn.fetchval("select clock_timestamp()")
        return now

    async def _stages(self, begun_at: datetime, changed_at: datetime, posts: int) -> dict[str, float]:
        """Return the published and the delivered POSTs per second. The two phases overlap."""
        row = await self.site.conn.fetchrow(
            """
            select
              -- One change may have been published before PostgreSQL was asked for the time.
              (select greatest(extract(epoch from max(published_at) - $2), 0.001)::float8 from change_events
               where published_at > $1) as published_s,
              (select greatest(extract(epoch from max(finished_at) - min(started_at)), 0.001)::float8
               from delivery_attempts where started_at > $1) as delivered_s
            """,
            begun_at,
            changed_at,
        )
        assert row is not None
        return {"publish": posts / row["published_s"], "deliver": posts / row["delivered_s"]}

    async def settled(self, posts: int) -> None:
        """Wait until so many POSTs have arrived, and nothing waits any more."""

        async def arrived() -> bool:
            return await self.endpoint.posts() >= posts

        async def recorded() -> bool:
            return not await self.site.conn.fetchval(
                "select exists (select from change_events where published_at is null)"
                " or exists (select from webhook_events where state in ('PENDING', 'SENDING', 'RETRYING'))"
            )

        await self.site.until(arrived, self.worker)
        await self.site.until(recorded, self.worker)

    async def meter(self) -> Meter:
        lab = self.site.lab
        assert lab.postgres.pid is not None
        assert lab.redis.pid is not None
        writer = await self.site.conn.fetchval("select pg_backend_pid()")
        return Meter(
            workers=[one.pid for one in (self.worker, *self.others)],
            postgres=lab.postgres.pid,
            redis=lab.redis.pid,
            uncounted=[writer, *self.uncounted],
        )
