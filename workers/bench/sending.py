"""Measure delivering: the bare POST, the pipeline around it, its fan-out, its latency and its memory."""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence

import aiohttp
from yarl import URL

from workers.bench.environment.history import create_webhooks
from workers.bench.environment.lab import Endpoint, Lab, endpoint_of
from workers.bench.environment.marketplace import STORED_QUERY, change
from workers.bench.environment.pipeline import Pipeline
from workers.bench.environment.processes import peak_mib
from workers.bench.figures import Figure, median_of

#: POSTs in flight, as many as a webhook's own limit allows.
_CONNECTIONS = 100
_FANOUT = 100
_IN_FLIGHT = 1000
#: Without the last tenth, which is reserved for webhooks with nothing in flight.
_PLACES = 1200
#: Seconds, longer than the doorbell goes on looking after a ring, so that the next commit finds all idle.
_IDLE_S = 0.15

_PER_EVENT = "per delivered event"


async def bare_post(endpoint: Endpoint, posts: int) -> float:
    """Return the CPU time in ms for one POST by aiohttp alone, over as many connections as a webhook may have.

    It sends the headers and the body of the last delivery that came to `/hook`.
    """
    left = iter(range(posts))
    target, body = URL(f"{endpoint.url}/hook"), await endpoint.ask("/body")
    headers = _headers_of(await endpoint.ask("/head"))

    async def post_some(session: aiohttp.ClientSession) -> None:
        for _ in left:
            async with session.post(target, data=body, headers=headers) as response:
                await response.read()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_CONNECTIONS)) as session:
        started = time.thread_time()
        await asyncio.gather(*(post_some(session) for _ in range(_CONNECTIONS)))
        return (time.thread_time() - started) / posts * 1000


def _headers_of(head: bytes) -> list[tuple[str, str]]:
    """Return the headers of a head, except those that aiohttp adds itself."""
    pairs = [line.partition(": ")[::2] for line in head.decode("latin-1").split("\r\n")[1:]]
    return [(name, value) for name, value in pairs if name.lower() not in ("host", "content-length")]


async def measure_pipeline(lab: Lab) -> list[Figure]:
    """Measure one webhook. Bare POSTs of the same bytes alternate with it, so that both meet the same load."""
    ids, rounds = range(1, lab.scale.invoices + 1), []
    async with lab.database() as site, site.running("worker") as worker, endpoint_of(lab) as endpoint:
        pipeline = Pipeline(site=site, worker=worker, endpoint=endpoint)
        await create_webhooks(site.conn, site.secret_key, f"{lab.receiver}/hook", STORED_QUERY)
        await pipeline.warm_up(ids, len(ids))
        for _ in range(lab.scale.rounds):
            bare = await bare_post(endpoint, len(ids))
            rounds.append({"bare": bare, **await pipeline.deliver(ids, len(ids))})
        written = await _written(pipeline, ids)
    ratio = statistics.median(one["worker"] / one["bare"] for one in rounds)
    return [
        _figure(
            "bare_post.cpu_ms",
            rounds,
            "bare",
            "ms",
            "CPU of this process per POST of the same bytes: aiohttp's session alone",
        ),
        _figure("pipeline.worker_cpu_ms", rounds, "worker", "ms", f"CPU of the worker {_PER_EVENT}, 1 webhook"),
        Figure(key="pipeline.worker_ratio", value=ratio, unit="×", counts="the worker's CPU against the bare POST's"),
        _figure(
            "pipeline.total_cpu_ms",
            rounds,
            "total",
            "ms",
            f"CPU of worker, PostgreSQL (without the writer's backend) and Redis {_PER_EVENT}",
        ),
        _figure(
            "pipeline.writer_ms", rounds, "writer", "ms", f"wall time of the statement that changes {len(ids)} invoices"
        ),
        _figure("pipeline.events_per_s", rounds, "per_s", "1/s", "wall time from its end to the last POST, 1 worker"),
        _figure(
            "pipeline.publish_per_s", rounds, "publish", "1/s", "of it to the end of the last publishing transaction"
        ),
        _figure(
            "pipeline.deliver_per_s", rounds, "deliver", "1/s", "of it from the first claim to the last recorded result"
        ),
        *written,
    ]


async def _written(pipeline: Pipeline, ids: Sequence[int]) -> list[Figure]:
    """Measure by its log what PostgreSQL writes, without the images of pages that follow a checkpoint."""
    conn = pipeline.site.conn
    await conn.execute("create extension if not exists pg_walinspect")
    since = await conn.fetchval("select pg_current_wal_insert_lsn()")
    await pipeline.deliver(ids, len(ids))
    row = await conn.fetchrow(
        """
        select sum(record_size)::float8 as bytes,
          sum(count) filter (where kind ~ '^Heap2?/(MULTI_|HOT_)?(INSERT|UPDATE|DELETE)')::float8 as rows
        from pg_get_wal_stats($1, pg_current_wal_insert_lsn(), true)
          w(kind, count, count_share, record_size, record_share, fpi_size, fpi_share, size, share)
        """,
        since,
    )
    assert row is not None
    written = [{name: value / len(ids) for name, value in row.items()}]
    log = f"PostgreSQL's log {_PER_EVENT} and of the change itself, without images of full pages"
    return [
        _figure("pipeline.wal_bytes", written, "bytes", "B", log),
        _figure("pipeline.rows_written", written, "rows", "", "rows inserted, updated and deleted for that"),
    ]


def _figure(key: str, rounds: Sequence[Mapping[str, float]], name: str, unit: str, counts: str) -> Figure:
    return Figure(key=key, value=median_of(rounds, name), unit=unit, counts=counts)


async def measure_fanout(lab: Lab) -> list[Figure]:
    """Measure a hundred webhooks per event: with one query, and with a hundred different ones."""
    same = await _fanout(lab, are_distinct=False)
    distinct = await _fanout(lab, are_distinct=True)
    return [
        _figure(
            "fanout.same_query.cpu_ms", same, "worker", "ms", f"CPU of the worker per POST, {_FANOUT} webhooks, 1 query"
        ),
        _figure(
            "fanout.distinct_queries.cpu_ms",
            distinct,
            "worker",
            "ms",
            f"the same, {_FANOUT} webhooks, each its own query",
        ),
    ]


async def _fanout(lab: Lab, *, are_distinct: bool) -> list[dict[str, float]]:
    ids = range(1, lab.scale.fanout_invoices + 1)
    async with lab.database() as site, site.running("worker") as worker, endpoint_of(lab) as endpoint:
        pipeline = Pipeline(site=site, worker=worker, endpoint=endpoint)
        await create_webhooks(
            site.conn,
            site.secret_key,
            f"{lab.receiver}/hook",
            STORED_QUERY,
            count=_FANOUT,
            are_distinct=are_distinct,
        )
        await pipeline.warm_up(ids, _FANOUT * len(ids))
        return [await pipeline.deliver(ids, _FANOUT * len(ids)) for _ in range(lab.scale.rounds)]


async def measure_latency(lab: Lab) -> list[Figure]:
    """Measure the latency of single changes while everything is idle."""
    taken = []
    async with lab.database() as site, site.running("worker") as worker, endpoint_of(lab) as endpoint:
        pipeline = Pipeline(site=site, worker=worker, endpoint=endpoint)
        await create_webhooks(site.conn, site.secret_key, f"{lab.receiver}/hook", STORED_QUERY)
        await pipeline.warm_up([1], 1)
        for number in range(lab.scale.latencies):
            taken.append(await _latency(pipeline, number % lab.scale.invoices + 1))
            await asyncio.sleep(_IDLE_S)
    cuts = statistics.quantiles(taken, n=100, method="inclusive")
    counts = f"wall time from COMMIT being sent to the whole POST being there, {len(taken)} single changes"
    return [
        Figure(key="latency.p50_ms", value=cuts[49] * 1000, unit="ms", counts=counts),
        Figure(key="latency.p99_ms", value=cuts[98] * 1000, unit="ms", counts=counts),
    ]


async def _latency(pipeline: Pipeline, invoice_id: int) -> float:
    await pipeline.endpoint.ask("/reset")
    async with pipeline.site.conn.transaction():
        await change(pipeline.site.conn, [invoice_id])
        committed_at = time.monotonic()
    await pipeline.settled(1)
    return await pipeline.endpoint.last_at() - committed_at


async def measure_memory(lab: Lab) -> list[Figure]:
    """Measure the memory of a worker with a thousand POSTs in flight to endpoints that don't answer."""
    webhooks = _IN_FLIGHT // _CONNECTIONS
    places = {"TELLGRAPH_DELIVER_MAX_IN_FLIGHT": str(_PLACES)}
    async with lab.database() as site, site.running("worker", **places) as worker, endpoint_of(lab) as endpoint:
        await create_webhooks(
            site.conn, site.secret_key, f"{lab.receiver}/held", STORED_QUERY, count=webhooks, are_distinct=True
        )
        pipeline = Pipeline(site=site, worker=worker, endpoint=endpoint)
        await endpoint.ask("/reset")
        await change(site.conn, range(1, _CONNECTIONS + 1))

        async def all_in_flight() -> bool:
            return await endpoint.posts() >= _IN_FLIGHT

        await site.until(all_in_flight, worker)
        peak = peak_mib(worker.pid)
        await endpoint.ask("/release")
        await pipeline.settled(_IN_FLIGHT)
    counts = f"most memory resident of the worker, up to {_IN_FLIGHT} POSTs in flight to {webhooks} webhooks"
    return [Figure(key="memory.worker_mib", value=peak, unit="MiB", counts=counts)]
