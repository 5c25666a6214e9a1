"""Measure the cost of a mutation over HTTP: orders of two lines, one after the other."""

from schema.entities import global_ids
from workers.bench.environment.lab import Lab, free_port
from workers.bench.environment.processes import Meter
from workers.bench.figures import Figure
from workers.bench.reading import ask

_CREATE = """
mutation($lines: [LineItemInput!]!) {
  orderCreate(input: {order: {firstName: "Ada", emailAddress: "ada@buyers.example"}, lineItems: $lines}) {
    errors { messages } order { id legacyId totalCents invoices { nodes { id totalCents } } }
  }
}
"""
#: Of one seller, never sold out.
_VARIANTS = """
insert into variants (advert_id, seller_id, label, sku, has_infinite_quantity, price_cents)
select 1, 1, 'Red', 'K-RED-' || n, true, 1000 from generate_series(1, 2) n returning id
"""
#: Orders before any is counted: PostgreSQL keeps plans from a statement's sixth execution on.
_UNTIL_WARM = 20


async def measure_orders(lab: Lab) -> list[Figure]:
    """Create orders of two lines, each with its invoice, and count what the API and PostgreSQL spend on each."""
    orders, port = lab.scale.requests, free_port()
    async with (
        lab.database() as site,
        site.running("serve", TELLGRAPH_PORT=str(port), TELLGRAPH_RATE_BUCKET="0") as api,
    ):
        for table in ("orders", "invoices", "line_items"):
            # The marketplace was made with ids of its own choice.
            await site.conn.execute(f"select setval(pg_get_serial_sequence('{table}', 'id'), max(id)) from {table}")
        ids = [row["id"] for row in await site.conn.fetch(_VARIANTS)]
        await site.settle()
        async with site.asking(api, port) as session:
            lines = [{"variantId": global_ids.encode("Variant", one), "quantity": 2} for one in ids]
            for _ in range(_UNTIL_WARM):
                await ask(session, _CREATE, {"lines": lines})
            assert lab.postgres.pid is not None
            assert lab.redis.pid is not None
            meter = Meter(workers=[api.pid], postgres=lab.postgres.pid, redis=lab.redis.pid, uncounted=())
            before = meter.read()
            for _ in range(orders):
                await ask(session, _CREATE, {"lines": lines})
            spent = meter.since(before)
    counts = "CPU per orderCreate of two lines of one seller, capture included, one after the other"
    return [
        Figure(key="orders.api_cpu_ms", value=spent.worker / orders * 1000, unit="ms", counts=f"the API's {counts}"),
        Figure(
            key="orders.postgres_cpu_ms",
            value=spent.postgres / orders * 1000,
            unit="ms",
            counts=f"PostgreSQL's {counts}",
        ),
    ]
