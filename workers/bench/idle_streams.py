"""Measure what open streams cost one API process while nothing happens, and how soon a commit reaches one of them."""

import asyncio
import statistics
import subprocess
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp

from app.auth.viewers import create_key
from app.errors import TellgraphError
from schema.entities.global_ids import encode
from workers.bench.environment.history import create_webhooks
from workers.bench.environment.lab import Lab, Site, free_port
from workers.bench.environment.marketplace import STORED_QUERY
from workers.bench.environment.processes import cpu_of
from workers.bench.figures import Figure

_COMMITS = 100
_PAUSE_S = 0.05
_HEADERS = {"Accept": "text/event-stream"}
_ACTIVITY = "subscription { webhookActivity(states: [HELD]) { id } }"
_MESSAGES = 'subscription { webhookMessages(webhookId: "%s", inFlight: 1000) { id body headers { name value } } }'
_INITIALISED = {"type": "connection_init", "payload": {}}


async def measure_idle_streams(lab: Lab) -> list[Figure]:
    """Watch a process with idle streams, by Server-Sent Events and by websockets; then commit messages one by one."""
    streams, idle_s = lab.scale.idle_streams, lab.scale.idle_s
    limit = str(2 * streams)
    settings = {"TELLGRAPH_RATE_BUCKET": "0", "TELLGRAPH_MAX_CONNECTIONS": limit, "TELLGRAPH_STREAMS_PER_KEY": limit}
    figures = []
    for name in ("sse", "websocket"):
        port = free_port()
        async with (
            lab.database() as site,
            site.running("serve", TELLGRAPH_PORT=str(port), **settings) as api,
            AsyncExitStack() as stack,
        ):
            key = await create_key(site.conn, name="bench", seller_id=None)
            connector = aiohttp.TCPConnector(limit=0)
            session = await stack.enter_async_context(
                aiohttp.ClientSession(
                    f"http://127.0.0.1:{port}",
                    headers={"Authorization": f"Bearer {key}"},
                    connector=connector,
                    timeout=aiohttp.ClientTimeout(total=None),
                )
            )
            await site.until_ready(session, api)
            # What the first stream alone brings with it.
            await _open(stack, session, name)
            before = _resident(api)
            for _ in range(streams):
                await _open(stack, session, name)
            grown = _resident(api) - before
            began, cpu = time.monotonic(), cpu_of([api.pid])[api.pid]
            await asyncio.sleep(idle_s)
            share = (cpu_of([api.pid])[api.pid] - cpu) / (time.monotonic() - began)
            figures += [
                Figure(
                    key=f"idle_streams.{name}_mib",
                    value=grown / 2**20,
                    unit="MiB",
                    counts=f"memory of one API process for {streams:,} idle streams, by {name}",
                ),
                Figure(
                    key=f"idle_streams.{name}_core",
                    value=share * 100,
                    unit="%",
                    counts=f"of a core for the same, over {idle_s:.0f} s",
                ),
            ]
            if name == "sse":
                figures.append(await _measure_commits(site, session))
    return figures


async def _open(stack: AsyncExitStack, session: aiohttp.ClientSession, name: str) -> None:
    if name == "sse":
        response = await stack.enter_async_context(
            session.post("/graphql", json={"query": _ACTIVITY}, headers=_HEADERS)
        )
        if response.status != 200:
            raise TellgraphError(f"The API answered {response.status}.")
        await response.content.readline()
        return
    socket = await stack.enter_async_context(session.ws_connect("/graphql", protocols=["graphql-transport-ws"]))
    await socket.send_json(_INITIALISED)
    await socket.receive_json()
    await socket.send_json({"id": "1", "type": "subscribe", "payload": {"query": _ACTIVITY}})
    # It answers a query only after it has read the subscription.
    await socket.send_json({"id": "2", "type": "subscribe", "payload": {"query": "{ __typename }"}})
    await socket.receive_json()
    # The client answers the server's pings while it reads.
    reading = asyncio.ensure_future(socket.receive())
    stack.callback(reading.cancel)


async def _measure_commits(site: Site, session: aiohttp.ClientSession) -> Figure:
    """Measure from before the commit of a message's event until the message has been read, beside the idle streams."""
    await create_webhooks(site.conn, site.secret_key, "https://receiver.example", STORED_QUERY)
    webhook_id = await site.conn.fetchval(
        "update webhooks set delivery = 'PULL', url = null, concurrent_send_limit = 1000 returning id"
    )
    await site.conn.execute("insert into payloads (digest, body) values (sha256('{}'), '{}') on conflict do nothing")
    taken_ms = []
    async with session.post(
        "/graphql", json={"query": _MESSAGES % encode("Webhook", webhook_id)}, headers=_HEADERS
    ) as response:
        for number in range(_COMMITS):
            began = time.perf_counter()
            await site.conn.execute(
                "insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, payload_digest,"
                " changed, changed_at, due_at, is_pulled) values ($1, 'Invoice', $2, 'update', 'PENDING',"
                " sha256('{}'), '{}', now(), now(), true)",
                webhook_id,
                number + 1,
            )
            while not (line := await response.content.readline()).startswith(b"data: {"):
                pass
            if b'"errors"' in line:
                raise TellgraphError(line[:500].decode(errors="replace"))
            taken_ms.append((time.perf_counter() - began) * 1000)
            await asyncio.sleep(_PAUSE_S)
    return Figure(
        key="idle_streams.commit_ms",
        value=statistics.median(taken_ms),
        unit="ms",
        counts="from before the commit of an event until a stream of webhookMessages has it, p50, beside the idle ones",
    )


def _resident(process: subprocess.Popen[bytes]) -> int:
    """Return the bytes of memory that a process has."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
