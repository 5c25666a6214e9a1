"""A connection that measures statements: their cost, and the partitions of the history that they read."""

import os
import re
import sys
import time
from collections.abc import Awaitable
from typing import Any, TypeVar

import asyncpg

T = TypeVar("T")
IS_LONG = os.environ.get("TELLGRAPH_LONG_HISTORY", "") not in ("", "0")
#: How often this transaction has looked into each partition of the history, by an index or through all of it.
LOOKS = """
select c.relname, (pg_stat_get_xact_numscans(c.oid)
  + coalesce((select sum(pg_stat_get_xact_numscans(i.indexrelid)) from pg_index i where i.indrelid = c.oid), 0))::bigint
from pg_class c where c.relkind = 'r' and c.relispartition and c.relname !~ '_open$'
"""


class MeasuredConnection(asyncpg.Connection):
    """A connection that measures the time, the buffers and the partitions of statements."""

    plans: list[str]
    looked_into: dict[str, set[str]]
    is_explaining = False

    async def during(self, name: str, run: Awaitable[T]) -> T:
        """Note, under a name, which partitions are looked into, and report what it costs."""
        self.plans, self.is_explaining = [], False
        before, begun = await looks(self), time.monotonic()
        self.is_explaining = True
        result = await run
        self.is_explaining = False
        report(name, self.plans, begun)
        after = await looks(self)
        self.looked_into[name] = {table for table, number in after.items() if number > before[table]}
        return result

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        await self._explain(query, *args)
        return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        await self._explain(query, *args)
        return await super().fetchrow(query, *args, **options)

    async def execute(self, query: str, *args: Any, **options: Any) -> Any:
        # Without arguments it is the beginning or the end of a transaction.
        if args:
            await self._explain(query, *args)
        return await super().execute(query, *args, **options)

    async def _explain(self, query: str, *args: Any) -> None:
        if not self.is_explaining:
            return
        undone = self.transaction()
        await undone.start()
        rows = await super().fetch(f"explain (analyze, buffers) {query}", *args)
        await undone.rollback()
        self.plans.append("\n".join(row[0] for row in rows))


async def looks(conn: asyncpg.Connection) -> dict[str, int]:
    return {row[0]: row[1] for row in await conn.fetch(LOOKS)}


def report(name: str, plans: list[str], begun: float) -> None:
    if not IS_LONG:
        return
    for plan in plans:
        lines = [line.strip() for line in plan.splitlines()]
        buffers = next((line for line in lines if line.startswith("Buffers")), "")
        times = [line for line in lines if line.startswith(("Planning Time", "Execution Time"))]
        sys.stdout.write(f"{name}: {' '.join(times)}; {buffers}\n")
    sys.stdout.write(f"{name}: {(time.monotonic() - begun) * 1000:.1f} ms in all\n")


def buffers_read(plan: str) -> int:
    """Return the buffers that were read, from memory or from disk; none if it is known beforehand that none match."""
    whole = next((line for line in plan.splitlines() if "Buffers:" in line), "")
    return sum(int(number) for number in re.findall(r"(?:hit|read)=(\d+)", whole))


def rows_read(plan: str) -> int:
    """Return how many rows a plan's scans have read, wanted or not."""
    read = 0
    for line in plan.splitlines():
        if found := re.search(r"(?<!Bitmap Index )Scan.*actual.* rows=([0-9.]+) loops=(\d+)", line):
            loops = int(found[2])
            read += round(float(found[1]) * loops)
        elif found := re.search(r"Rows Removed by Filter: (\d+)", line):
            read += int(found[1]) * loops
    return read
