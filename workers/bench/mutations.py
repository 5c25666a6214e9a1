"""Measure what mutations cost over HTTP: orders, their parcels and refunds, and stock, one after the other."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson

from app.db.pool import Connection
from schema.entities import global_ids
from workers.bench.environment.lab import Lab, free_port
from workers.bench.environment.processes import CpuSeconds, Meter
from workers.bench.figures import Figure
from workers.bench.reading import ask

_DOCUMENTS = {
    "orderCreate": """
      mutation($input: OrderCreateMutationInput!) { orderCreate(input: $input) {
        errors { messages } order { id legacyId totalCents invoices { nodes { id totalCents lineItems { id } } } }
      } }
    """,
    "shipmentCreate": """
      mutation($input: ShipmentCreateMutationInput!) { shipmentCreate(input: $input) {
        errors { messages } shipment { id legacyId dispatchedAt shippedItems { id quantity } }
      } }
    """,
    "refundRequestCreate": """
      mutation($input: RefundRequestCreateMutationInput!) { refundRequestCreate(input: $input) {
        errors { messages } refundRequest { id legacyId status totalCents lineItems { id quantity } }
      } }
    """,
    "variantUpdate": """
      mutation($input: VariantUpdateMutationInput!) { variantUpdate(input: $input) {
        errors { messages } variant { id legacyId sku countOnHand }
      } }
    """,
}
#: What each one does, for the description of its figures.
_DOES = {
    "orderCreate": "a paid order of two lines of one seller",
    "shipmentCreate": "a parcel with one of these lines",
    "refundRequestCreate": "a request about this line",
    "variantUpdate": "one number of the stock",
}
#: Of one seller, never sold out.
_VARIANTS = """
insert into variants (advert_id, seller_id, label, sku, has_infinite_quantity, price_cents)
select 1, 1, 'Red', 'K-RED-' || n, true, 1000 from generate_series(1, 2) n returning id
"""
_TABLES = ("orders", "invoices", "line_items", "shipments", "refund_requests")
#: Calls before any is counted: PostgreSQL keeps plans from a statement's sixth execution on.
_UNTIL_WARM = 20

_Input = Mapping[str, Any]


async def measure_mutations(lab: Lab) -> list[Figure]:
    """Create orders, send and refund a line of each, and change stock. Count what each mutation costs."""
    calls, port = lab.scale.requests, free_port()
    async with (
        lab.database() as site,
        site.running("serve", TELLGRAPH_PORT=str(port), TELLGRAPH_RATE_BUCKET="0") as api,
    ):
        variants, carrier = await _prepare(site.conn)
        await site.settle()
        assert lab.postgres.pid is not None
        assert lab.redis.pid is not None
        meter = Meter(workers=[api.pid], postgres=lab.postgres.pid, redis=lab.redis.pid, uncounted=())
        async with site.asking(api, port) as session:
            caller = _Caller(session=session, meter=meter)
            lines = [{"variantId": one, "quantity": 2} for one in variants]
            buyer = {"firstName": "Ada", "emailAddress": "ada@buyers.example", "status": "COMPLETE"}
            orders = await caller.call("orderCreate", [{"order": buyer, "lineItems": lines}] * (calls + _UNTIL_WARM))
            invoices = [order["order"]["invoices"]["nodes"][0] for order in orders]
            await caller.call("shipmentCreate", [_parcel(invoice, carrier) for invoice in invoices])
            await caller.call("refundRequestCreate", [_request(invoice) for invoice in invoices])
            await caller.call("variantUpdate", [_stock(variants[0], number) for number in range(len(orders))])
    return [figure for name, spent in caller.spent.items() for figure in _figures(name, spent, calls)]


class _Caller:
    """Sends mutations, and measures all calls of each but the first ones."""

    def __init__(self, *, session: aiohttp.ClientSession, meter: Meter) -> None:
        self._session, self._meter = session, meter
        self.spent: dict[str, CpuSeconds] = {}

    async def call(self, name: str, inputs: Iterable[_Input]) -> list[Any]:
        """Call a mutation with each of these inputs. Return the payloads."""
        payloads, before = [], self._meter.read()
        for number, given in enumerate(inputs):
            if number == _UNTIL_WARM:
                before = self._meter.read()
            answer = orjson.loads(await ask(self._session, _DOCUMENTS[name], {"input": given}))
            payloads.append(answer["data"][name])
        self.spent[name] = self._meter.since(before)
        return payloads


async def _prepare(conn: Connection) -> tuple[list[str], str]:
    """Create variants and a carrier. Return their global ids."""
    for table in _TABLES:
        # The marketplace was made with ids of its own choice.
        await conn.execute(f"select setval(pg_get_serial_sequence('{table}', 'id'), max(id)) from {table}")
    variants = [global_ids.encode("Variant", row["id"]) for row in await conn.fetch(_VARIANTS)]
    carrier = await conn.fetchval("insert into shipment_carriers (name) values ('Bench') returning id")
    return variants, global_ids.encode("ShipmentCarrier", carrier)


def _parcel(invoice: Mapping[str, Any], carrier: str) -> _Input:
    return {
        "invoiceId": invoice["id"],
        "dispatchedAt": datetime.now(UTC).date().isoformat(),
        "postageCarrierId": carrier,
        "trackingNumber": "T-1",
        "shippedItems": [{"lineItemId": invoice["lineItems"][0]["id"], "quantity": 2}],
    }


def _request(invoice: Mapping[str, Any]) -> _Input:
    line = {"lineItemId": invoice["lineItems"][0]["id"], "quantity": 1, "reason": "Broken"}
    return {"invoiceId": invoice["id"], "lineItems": [line], "notes": []}


def _stock(variant: str, number: int) -> _Input:
    return {"variantId": variant, "attributes": {"countOnHand": 1 + number}}


def _figures(name: str, spent: CpuSeconds, calls: int) -> list[Figure]:
    counts = f"CPU per {name}: {_DOES[name]}, capture and audit included, one call after the other"
    return [
        Figure(
            key=f"mutations.{name}.api_cpu_ms",
            value=spent.worker / calls * 1000,
            unit="ms",
            counts=f"the API's {counts}",
        ),
        Figure(
            key=f"mutations.{name}.postgres_cpu_ms",
            value=spent.postgres / calls * 1000,
            unit="ms",
            counts=f"PostgreSQL's {counts}",
        ),
    ]
