"""Measure rendering: by plan and by the reference executor, and the statements of a batch."""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable

from asyncpg.connection import LoggedQuery

from app.auth.viewers import Viewer
from app.db.pool import connection
from app.errors import TellgraphError
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.engine.context import Context
from schema.engine.loaders import Loaders
from schema.engine.reader import Reader
from schema.stored.execute import execute_stored_query
from schema.stored.plan import plan_of
from schema.stored.validate import stored_query
from workers.bench.environment.history import create_webhooks
from workers.bench.environment.lab import Lab, Site
from workers.bench.environment.marketplace import STORED_QUERY, change, create_invoices, forget_changes
from workers.bench.figures import Figure
from workers.publish.job import publish_batch
from workers.resources import Resources, open_resources

_ENTITIES = 200
_ROUNDS = 9
_FEW, _MANY = 5, 500


async def measure_plan(lab: Lab) -> list[Figure]:
    """Render the same entities by the plan and by the reference executor in turn, as a batch does."""
    async with lab.database() as site:
        ids, query = range(1, _ENTITIES + 1), stored_query(schema._schema, STORED_QUERY, WebhookKlass.INVOICE)
        plan = plan_of(schema._schema, query)
        if plan is None:
            raise TellgraphError("There is no plan for the benchmark's query.")

        async def by_plan() -> dict[int, bytes]:
            return await plan.render(Reader(site.conn), Viewer(None), ids)

        async def by_reference() -> dict[int, bytes]:
            context = _context(site)
            bodies = await asyncio.gather(*(execute_stored_query(schema, query, one, context) for one in ids))
            return dict(zip(ids, bodies, strict=True))

        if await by_plan() != await by_reference():
            raise TellgraphError("The plan and the reference executor gave different results.")
        rounds = [(await _cpu_ms(by_plan), await _cpu_ms(by_reference)) for _ in range(_ROUNDS)]
    counts = f"CPU of this process per entity, reads included, batch of {_ENTITIES}"
    return [
        Figure(key="plan.cpu_ms", value=statistics.median(one for one, _ in rounds), unit="ms", counts=counts),
        Figure(
            key="plan.reference_cpu_ms", value=statistics.median(one for _, one in rounds), unit="ms", counts=counts
        ),
        Figure(
            key="plan.speedup",
            value=statistics.median(reference / plan for plan, reference in rounds),
            unit="×",
            counts="the reference executor's CPU against the plan's, same entities, equal bytes",
        ),
    ]


async def _cpu_ms(render: Callable[[], Awaitable[object]]) -> float:
    # Garbage of the other executor would otherwise be collected during this measurement.
    gc.collect()
    started = time.thread_time()
    await render()
    return (time.thread_time() - started) / _ENTITIES * 1000


def _context(site: Site) -> Context:
    reader, viewer = Reader(site.conn), Viewer(None)
    return Context(viewer=viewer, reader=reader, loaders=Loaders(reader, viewer), settings=site.settings)


async def measure_statements(lab: Lab) -> list[Figure]:
    """Count the statements of one publishing transaction, with few events and with many."""
    async with lab.database() as site, open_resources(site.settings) as resources:
        ids = await _invoices_of_one_shard(site, first=lab.scale.invoices + 1)
        await create_webhooks(site.conn, site.secret_key, f"{lab.receiver}/hook", STORED_QUERY)
        # The first batch takes the statements that a new connection runs once.
        await _statements(site, resources, ids[:1])
        few = await _statements(site, resources, ids[:_FEW])
        many = await _statements(site, resources, ids)
    counts = "SQL statements of the publishing transaction, its begin and commit included, batch of {} events"
    return [
        Figure(key=f"statements.batch_{_FEW}", value=few, unit="", counts=counts.format(_FEW)),
        Figure(key=f"statements.batch_{_MANY}", value=many, unit="", counts=counts.format(_MANY)),
    ]


async def _invoices_of_one_shard(site: Site, *, first: int) -> list[int]:
    """Return ids of invoices in one shard."""
    rows = await site.conn.fetch(
        "select n from generate_series($1::bigint, $1 + 100 * $2::bigint) n"
        " where hashint8extended(n, hashtext('Invoice')) & 63 = 0 order by n limit $2",
        first,
        _MANY,
    )
    ids = [row["n"] for row in rows]
    await create_invoices(site.conn, ids)
    return ids


async def _statements(site: Site, resources: Resources, ids: list[int]) -> int:
    found: list[str] = []

    def log(query: LoggedQuery) -> None:
        # After the commit, a step that took long looks for attempts that have failed meanwhile.
        if "COMMIT;" not in found:
            found.append(query.query)

    await forget_changes(site.conn)
    await change(site.conn, ids)
    # An invoice's change is also a change of its order, in another shard. That is not counted here.
    await site.conn.execute("delete from change_events where entity_type <> 'Invoice'")
    # The pool gives each task one connection, so publishing uses this one.
    async with connection(resources.database) as conn:
        conn.add_query_logger(log)
        published = await publish_batch(resources)
        conn.remove_query_logger(log)
    if published != len(ids):
        raise TellgraphError(f"A batch of {len(ids)} events published {published}.")
    return len(found)
