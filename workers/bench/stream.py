"""Measure the cost of an event in a stream of small transactions, as in ordinary use, at several rates."""

import asyncio
import statistics
import time
from collections.abc import Sequence

from workers.bench.environment.history import create_webhooks
from workers.bench.environment.lab import Lab, endpoint_of
from workers.bench.environment.marketplace import STORED_QUERY, change
from workers.bench.environment.pipeline import Pipeline
from workers.bench.figures import Figure

#: Changes per second.
_RATES = (50, 100, 200, 400, 800)


async def measure_stream(lab: Lab) -> list[Figure]:
    """Make one change per transaction, each of another invoice, at an even pace."""
    figures = []
    async with lab.database() as site, site.running("worker") as worker, endpoint_of(lab) as endpoint:
        pipeline = Pipeline(site=site, worker=worker, endpoint=endpoint)
        await create_webhooks(site.conn, site.secret_key, f"{lab.receiver}/hook", STORED_QUERY)
        ids = range(1, lab.scale.invoices + 1)
        await pipeline.warm_up(ids, len(ids))
        for rate in _RATES:
            changed = ids[: round(rate * lab.scale.stream_s)]
            figures += await _at_rate(pipeline, changed, rate)
    return figures


async def _at_rate(pipeline: Pipeline, ids: Sequence[int], rate: int) -> list[Figure]:
    await pipeline.endpoint.ask("/reset")
    meter = await pipeline.meter()
    before = meter.read()
    sent_at = await _change_evenly(pipeline, ids, rate)
    await pipeline.settled(len(ids))
    spent = meter.since(before)
    # POSTs arrive nearly in the order of the changes, so the n-th arrival is compared with the n-th change.
    taken = [there - sent for sent, there in zip(sent_at, await pipeline.endpoint.times(), strict=True)]
    counts = f"{len(ids)} single transactions, {rate} per second"
    return [
        Figure(
            key=f"stream.{rate}.cpu_ms",
            value=spent.total / len(ids) * 1000,
            unit="ms",
            counts=f"CPU of worker, PostgreSQL (without the writer's backend) and Redis per event, {counts}",
        ),
        *(
            Figure(
                key=f"stream.{rate}.p{percent}_ms",
                value=statistics.quantiles(taken, n=100, method="inclusive")[percent - 1] * 1000,
                unit="ms",
                counts=f"wall time from the change being sent to the whole POST being there, {counts}",
            )
            for percent in (50, 99)
        ),
    ]


async def _change_evenly(pipeline: Pipeline, ids: Sequence[int], rate: int) -> list[float]:
    """Change the invoices one by one. Return the time at which each change was sent."""
    begun, sent_at = time.monotonic(), []
    for number, invoice_id in enumerate(ids):
        await asyncio.sleep(max(begun + number / rate - time.monotonic(), 0))
        sent_at.append(time.monotonic())
        await change(pipeline.site.conn, [invoice_id])
    return sent_at
