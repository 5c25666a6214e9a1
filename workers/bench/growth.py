"""Measure the cost of an event with many webhooks, with others of its type, and with a long history, and without."""

import statistics
from collections.abc import Sequence
from contextlib import AsyncExitStack

from workers.bench.environment.history import create_history, create_others_webhooks, create_webhooks
from workers.bench.environment.lab import Endpoint, Lab, endpoint_of
from workers.bench.environment.marketplace import STORED_QUERY
from workers.bench.environment.pipeline import Pipeline
from workers.bench.figures import Figure, median_of

_FEW_WEBHOOKS = 10
#: A query that reads no column that changes here.
_OTHER_QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { buyerFirstName } } }"


async def measure_growth(lab: Lab) -> list[Figure]:
    """Deliver one event after the other on three sites. On each site, one webhook gets every event."""
    ids, scale = range(1, lab.scale.invoices + 1), lab.scale
    async with AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(endpoint_of(lab))
        sites = [
            await _site(stack, lab, endpoint, webhooks=_FEW_WEBHOOKS, past_events=0),
            await _site(stack, lab, endpoint, webhooks=scale.webhooks, past_events=0),
            await _site(stack, lab, endpoint, webhooks=_FEW_WEBHOOKS, past_events=scale.past_events),
        ]
        for site in sites:
            await site.warm_up(ids, len(ids))
        rounds = [await _round(sites, ids, number) for number in range(scale.growth_rounds)]
    counts = "CPU of worker and PostgreSQL per delivered event: with {} against {}"
    return [
        Figure(
            key="growth.webhooks_ratio",
            value=statistics.median(many / few for few, many, _ in rounds),
            unit="×",
            counts=counts.format(f"{scale.webhooks:,} webhooks of as many sellers", f"{_FEW_WEBHOOKS}"),
        ),
        Figure(
            key="growth.history_ratio",
            value=statistics.median(old / few for few, _, old in rounds),
            unit="×",
            counts=counts.format(f"{scale.past_events:,} past events", "none"),
        ),
    ]


async def measure_unwatched(lab: Lab) -> list[Figure]:
    """Make the same changes on one site, first without those webhooks and then with them."""
    ids, others = range(1, lab.scale.unwatched_invoices + 1), lab.scale.unwatched_webhooks
    async with lab.database() as site, site.running("worker") as worker, endpoint_of(lab) as endpoint:
        pipeline = Pipeline(site=site, worker=worker, endpoint=endpoint)
        await create_webhooks(site.conn, site.secret_key, f"{lab.receiver}/hook", STORED_QUERY)
        await pipeline.warm_up(ids, len(ids))
        alone = [await pipeline.deliver(ids, len(ids)) for _ in range(lab.scale.rounds)]
        await create_webhooks(
            site.conn, site.secret_key, f"{lab.receiver}/hook", _OTHER_QUERY, count=others, are_distinct=True
        )
        await pipeline.warm_up(ids, len(ids))
        beside = [await pipeline.deliver(ids, len(ids)) for _ in range(lab.scale.rounds)]
    ratio = median_of(beside, "total") / median_of(alone, "total")
    counts = f"CPU of worker and PostgreSQL per delivered event: beside {others:,} webhooks that don't watch it"
    return [Figure(key="unwatched.ratio", value=ratio, unit="×", counts=f"{counts}, against none")]


async def _round(sites: Sequence[Pipeline], ids: Sequence[int], number: int) -> list[float]:
    """Return the CPU time per event on each site, in the order of the sites. Each round begins with another site."""
    found = [0.0] * len(sites)
    for turn in range(len(sites)):
        place = (number + turn) % len(sites)
        found[place] = (await sites[place].deliver(ids, len(ids)))["total"]
    return found


async def _site(stack: AsyncExitStack, lab: Lab, endpoint: Endpoint, *, webhooks: int, past_events: int) -> Pipeline:
    site = await stack.enter_async_context(lab.database())
    await create_webhooks(site.conn, site.secret_key, f"{lab.receiver}/hook", STORED_QUERY)
    await create_others_webhooks(site.conn, count=webhooks - 1)
    if past_events:
        await create_history(site.conn, events=past_events, invoices=lab.scale.invoices)
    worker = await stack.enter_async_context(site.running("worker"))
    return Pipeline(site=site, worker=worker, endpoint=endpoint)
