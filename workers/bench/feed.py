"""Measure what a pulled event costs, beside a pushed one: rendered, handed over by the API, acknowledged."""

import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
import orjson

from app.errors import TellgraphError
from app.kernel.parsed_json import ParsedJson
from schema.entities.global_ids import encode
from workers.bench.environment.history import create_webhooks
from workers.bench.environment.lab import Lab, Site, endpoint_of, free_port
from workers.bench.environment.marketplace import STORED_QUERY, change
from workers.bench.environment.pipeline import Pipeline
from workers.bench.environment.processes import cpu_of
from workers.bench.figures import Figure, median_of

_BATCH = 100
_TAKE = """mutation($id: ID!, $first: Int!) {
  webhookMessagesTake(input: {webhookId: $id, first: $first, waitSeconds: 10}) {
    errors { messages } messages { id body headers { name value } }
  }
}"""
_ACKNOWLEDGE = """mutation($id: ID!, $ids: [ID!]!) {
  webhookMessagesAcknowledge(input: {webhookId: $id, ids: $ids}) { errors { messages } expiredIds }
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taker:
    """A receiver that takes a hundred messages of a webhook at once, and acknowledges them together."""

    pipeline: Pipeline
    api: subprocess.Popen[bytes]
    session: aiohttp.ClientSession
    webhook_id: str

    async def take(self, ids: Sequence[int]) -> dict[str, float]:
        """Change these invoices in one statement, and take and acknowledge their events.

        Returns:
            CPU per event in ms: of the API, and in total; and events per second from the statement's end to the last
            acknowledgement.
        """
        meter = await self.pipeline.meter()
        before, api_before = meter.read(), cpu_of([self.api.pid])
        await change(self.pipeline.site.conn, ids)
        changed, taken = time.monotonic(), 0
        while taken < len(ids):
            messages = (await self._ask(_TAKE, first=_BATCH))["messages"]
            answer = await self._ask(_ACKNOWLEDGE, ids=[one["id"] for one in messages]) if messages else {}
            if answer.get("expiredIds"):
                raise TellgraphError("Leases of messages ended before they were acknowledged.")
            taken += len(messages)
        took_s = time.monotonic() - changed
        spent, api_after = meter.since(before), cpu_of([self.api.pid])
        api_s = api_after[self.api.pid] - api_before[self.api.pid]
        return {
            "api": api_s / len(ids) * 1000,
            "total": (spent.total + api_s) / len(ids) * 1000,
            "per_s": len(ids) / took_s,
        }

    async def _ask(self, query: str, **variables: object) -> ParsedJson:
        given = {"query": query, "variables": {"id": self.webhook_id, **variables}}
        async with self.session.post("/graphql", json=given) as response:
            answer = orjson.loads(await response.read())
        payload = next(iter((answer.get("data") or {}).values()), None)
        if payload is None or payload["errors"]:
            raise TellgraphError(f"The API answered {response.status}: {answer}")
        return payload


async def measure_feed(lab: Lab) -> list[Figure]:
    """Measure one pulled and one pushed webhook in turns, so that both meet the same load."""
    ids, port = range(1, lab.scale.invoices + 1), free_port()
    pushed, pulled = [], []
    async with (
        lab.database() as push_site,
        push_site.running("worker") as push_worker,
        lab.database() as site,
        site.running("worker") as worker,
        site.running("serve", TELLGRAPH_PORT=str(port), TELLGRAPH_RATE_BUCKET="0") as api,
        endpoint_of(lab) as endpoint,
    ):
        await create_webhooks(push_site.conn, push_site.secret_key, f"{lab.receiver}/hook", STORED_QUERY)
        await create_webhooks(site.conn, site.secret_key, f"{lab.receiver}/hook", STORED_QUERY)
        push = Pipeline(site=push_site, worker=push_worker, endpoint=endpoint)
        pull = Pipeline(site=site, worker=worker, endpoint=endpoint)
        await push.warm_up(ids, len(ids))
        async with site.asking(api, port) as session:
            taker = _Taker(pipeline=pull, api=api, session=session, webhook_id=await _make_pulled(site))
            # The documents get their plans, and PostgreSQL its statistics.
            await taker.take(ids)
            await site.settle()
            await taker.take(ids)
            for _ in range(lab.scale.rounds):
                pushed.append(await push.deliver(ids, len(ids)))
                pulled.append(await taker.take(ids))
    counts = f"takes and acknowledgements of {_BATCH}, one receiver"
    ratio = statistics.median(one["total"] / other["total"] for one, other in zip(pulled, pushed, strict=True))
    return [
        Figure(
            key="feed.total_cpu_ms",
            value=median_of(pulled, "total"),
            unit="ms",
            counts=f"CPU of API, worker, PostgreSQL and Redis per pulled event, {counts}",
        ),
        Figure(key="feed.api_cpu_ms", value=median_of(pulled, "api"), unit="ms", counts="of it the API's"),
        Figure(key="feed.events_per_s", value=median_of(pulled, "per_s"), unit="1/s", counts=f"wall time, {counts}"),
        Figure(key="feed.ratio", value=ratio, unit="×", counts="the total against that of a pushed event, in turns"),
    ]


async def _make_pulled(site: Site) -> str:
    """Have the site's webhook pulled. Return its global id."""
    webhook_id = await site.conn.fetchval("update webhooks set delivery = 'PULL', url = null returning id")
    return encode("Webhook", webhook_id)
