"""Measure the cost of a change with webhooks of the same type that watch other columns."""

from workers.bench.figures import Figure, median_of
from workers.bench.history import create_webhooks
from workers.bench.lab import Lab, endpoint_of
from workers.bench.marketplace import STORED_QUERY
from workers.bench.sending import Pipeline

#: A query that reads no column that changes here.
_OTHER_QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { buyerFirstName } } }"


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
