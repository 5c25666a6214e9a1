"""Samples of what may grow: the memory and file descriptors of processes, and the size of the queue's tables."""

from dataclasses import dataclass, field
from itertools import pairwise
from statistics import linear_regression

import asyncpg
import psutil

#: A process grows at first, whatever it does.
WARM_UP_S = 60.0
TABLES = ("change_events_open", "webhook_events_open")
_MIB = 1024 * 1024


@dataclass(slots=True)
class Gauge:
    """One quantity over time: seconds since the start, and the value."""

    samples: list[tuple[float, float]] = field(default_factory=list)

    def note(self, at_s: float, value: float) -> None:
        self.samples.append((at_s, value))

    @property
    def last(self) -> float:
        return self.samples[-1][1]

    @property
    def most(self) -> float:
        return max(value for _, value in self.samples)

    def slope_per_hour(self) -> float | None:
        """Return the growth per hour after the warm-up, by least squares; None: there are too few samples."""
        kept = [(at, value) for at, value in self.samples if at >= WARM_UP_S]
        if len(kept) < 3 or all(one == other for (one, _), (other, _) in pairwise(kept)):
            return None
        return linear_regression(*zip(*kept, strict=True)).slope * 3600


@dataclass(slots=True)
class Gauges:
    """Memory (MiB) and descriptors of each process, and the size (MiB) of each table with its indexes."""

    memory: dict[str, Gauge] = field(default_factory=dict)
    descriptors: dict[str, Gauge] = field(default_factory=dict)
    tables: dict[str, Gauge] = field(default_factory=dict)

    def note_process(self, name: str, pid: int, at_s: float) -> None:
        process = psutil.Process(pid)
        self.memory.setdefault(name, Gauge()).note(at_s, process.memory_info().rss / _MIB)
        self.descriptors.setdefault(name, Gauge()).note(at_s, process.num_fds())

    async def note_tables(self, conn: asyncpg.Connection, at_s: float) -> None:
        for table in TABLES:
            size = await conn.fetchval("select pg_total_relation_size($1::text::regclass)", table)
            self.tables.setdefault(table, Gauge()).note(at_s, size / _MIB)
