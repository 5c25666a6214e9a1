"""Measure the cost of a nested page over HTTP: several clients ask one API process at once."""

import asyncio
import itertools
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import orjson

from app.errors import TellgraphError
from workers.bench.environment.lab import Lab, free_port
from workers.bench.environment.marketplace import PAGE_QUERY
from workers.bench.environment.processes import cpu_of
from workers.bench.figures import Figure

_CLIENTS = 4
#: Requests after which a document is surely executed by its plan; and the number of measured requests after that.
_UNTIL_PLANNED = 20
_MORE = 5


async def measure_api(lab: Lab) -> list[Figure]:
    """Read twenty invoices with all their relations, each document first without and then with a plan."""
    requests, port = lab.scale.requests, free_port()
    async with (
        lab.database() as site,
        site.running("serve", TELLGRAPH_PORT=str(port), TELLGRAPH_RATE_BUCKET="0") as api,
        site.asking(api, port) as session,
    ):
        leaves = _leaves(orjson.loads(await ask(session, PAGE_QUERY)))
        # A comment is enough: documents are cached by their text.
        cold = await _run(session, api, (f"# {n}\n{PAGE_QUERY}" for n in range(requests // 2)), requests // 2)
        await _run(session, api, itertools.repeat(PAGE_QUERY, _UNTIL_PLANNED), _UNTIL_PLANNED)
        warm = await _run(session, api, itertools.repeat(PAGE_QUERY, _MORE * requests), _MORE * requests)
    counts = f"one API process, page of {leaves:,} leaves"
    return [
        Figure(
            key="api.requests_per_s",
            value=warm["per_s"],
            unit="1/s",
            counts=f"{counts}, by its plan, {_CLIENTS} clients, wall time; the clients share the machine",
        ),
        Figure(key="api.cpu_ms", value=warm["cpu_ms"], unit="ms", counts=f"its CPU per request, by its plan; {counts}"),
        Figure(
            key="api.cold_cpu_ms",
            value=cold["cpu_ms"],
            unit="ms",
            counts="the same, each document for the first time: parsed, checked, by the reference executor",
        ),
    ]


async def _run(
    session: aiohttp.ClientSession, api: subprocess.Popen[bytes], queries: Iterator[str], requests: int
) -> dict[str, float]:
    async def ask_some() -> None:
        for query in queries:
            await ask(session, query)

    before, started = cpu_of([api.pid]), time.monotonic()
    await asyncio.gather(*(ask_some() for _ in range(_CLIENTS)))
    taken_s, after = time.monotonic() - started, cpu_of([api.pid])
    return {"per_s": requests / taken_s, "cpu_ms": (after[api.pid] - before[api.pid]) / requests * 1000}


async def ask(session: aiohttp.ClientSession, query: str, variables: Mapping[str, object] | None = None) -> bytes:
    """Send an operation, and return the answer. Raise TellgraphError if it has errors or was refused."""
    async with session.post("/graphql", json={"query": query, "variables": variables}) as response:
        body = await response.read()
    if response.status != 200 or b'"errors":[' in body:
        raise TellgraphError(f"The API answered {response.status}: {body[:500].decode(errors='replace')}")
    return body


def _leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_leaves(one) for one in value.values())
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return sum(_leaves(one) for one in value)
    return 1
