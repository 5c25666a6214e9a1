"""Write a small believable marketplace in one transaction, with one statement for each table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from databases import Database

from app.db.pool import Connection, transaction
from app.db.table import Table
from app.db.write import insert_rows
from app.kernel import clock
from app.marketplace.catalogue.db.adverts import ADVERTS, Advert
from app.marketplace.catalogue.db.sellers import SELLERS
from app.marketplace.catalogue.db.variants import VARIANTS, Variant
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS, LineItem
from app.marketplace.orders.db.orders import ORDERS
from app.marketplace.orders.db.shipments import SHIPMENTS, SHIPPED_ITEMS, ShipmentCarrier
from app.marketplace.refunds.db.refund_requests import REFUND_REQUEST_LINE_ITEMS, REFUND_REQUESTS
from app.tools.seed import rows
from app.tools.seed.plan import Plan, Size, make_plan
from app.tools.seed.reference import find_or_add_carriers
from app.tools.seed.rows import SeededInvoice
from app.tools.seed.start import begin, has_sellers

__all__ = ["SeedCounts", "Size", "has_sellers", "seed_marketplace"]

#: Rows of one statement: bounds the JSON that one parameter carries.
_CHUNK_ROWS = 5_000

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedCounts:
    """The numbers of rows that were written, of the main tables."""

    sellers: int
    adverts: int
    variants: int
    orders: int
    invoices: int
    shipments: int
    refund_requests: int


async def seed_marketplace(
    database: Database, *, seed: int = 1, again: bool = False, size: Size | None = None
) -> SeedCounts:
    """Write a marketplace, with the same names, prices, quantities and states for the same seed.

    Ids, times (the four weeks up to now) and the orders' tokens differ from one seeding to the next.

    Args:
        database: The database.
        seed: The random seed.
        again: Whether to seed even if there are sellers.
        size: The size; None: the small one.

    Raises:
        Conflict: There are sellers and `again` is False. Nothing is written.
    """
    async with transaction(database, actor="seed") as conn:
        await begin(conn, again=again)
        carriers = await find_or_add_carriers(conn)
        plan = make_plan(seed, size=size or Size(), carriers=len(carriers), now=clock.now())
        adverts, variants = await _insert_catalogue(conn, plan)
        sold = await _insert_sales(conn, plan, adverts, variants)
        return SeedCounts(
            sellers=len(plan.shops),
            adverts=len(adverts),
            variants=len(variants),
            orders=len(plan.orders),
            invoices=len(sold),
            shipments=await _insert_shipments(conn, [one for one in sold if one.sent], carriers),
            refund_requests=await _insert_refund_requests(conn, [one for one in sold if one.is_returning]),
        )


async def _insert(conn: Connection, table: Table[Row], values: Sequence[Mapping[str, object]]) -> list[Row]:
    """Insert any number of rows, and return them in the same order."""
    inserted: list[Row] = []
    for start in range(0, len(values), _CHUNK_ROWS):
        inserted += await insert_rows(conn, table, values[start : start + _CHUNK_ROWS])
    return inserted


async def _insert_catalogue(conn: Connection, plan: Plan) -> tuple[list[Advert], list[Variant]]:
    shops = [
        {
            "business_name": shop.business_name,
            "legal_business_name": shop.legal_business_name,
            "email_address": f"orders@{shop.domain}",
            "is_online": True,
            "is_retailer": True,
        }
        for shop in plan.shops
    ]
    sellers = await _insert(conn, SELLERS, shops)
    articles = [
        {
            "seller_id": sellers[shop].id,
            "title": article.title,
            "description": article.description,
            "code": article.code,
        }
        for shop, article in plan.articles
    ]
    adverts = await _insert(conn, ADVERTS, articles)
    # What is on hand is left after the orders.
    bought = Counter[int]()
    for line in chain.from_iterable(order.lines for order in plan.orders):
        bought[line.variant] += line.quantity
    variants = [
        {
            "advert_id": adverts[variant.article].id,
            "seller_id": sellers[variant.shop].id,
            "label": variant.label,
            "sku": variant.sku,
            "barcode": variant.barcode,
            "price_cents": variant.price_cents,
            "sale_price_cents": variant.sale_price_cents,
            "count_on_hand": max(variant.count_on_hand - bought[place], 0),
            "has_infinite_quantity": variant.has_infinite_quantity,
        }
        for place, variant in enumerate(plan.variants)
    ]
    return adverts, await _insert(conn, VARIANTS, variants)


async def _insert_sales(
    conn: Connection, plan: Plan, adverts: Sequence[Advert], variants: Sequence[Variant]
) -> list[SeededInvoice]:
    """Insert orders, their invoices and line items, in the order of the plan."""
    parts = [rows.parts(order, plan.variants, variants) for order in plan.orders]
    orders = await _insert(conn, ORDERS, list(map(rows.order_values, plan.orders, parts)))
    pieces = [
        (order, row.id, part)
        for order, row, of_order in zip(plan.orders, orders, parts, strict=True)
        for part in of_order
    ]
    invoices = await _insert(conn, INVOICES, [rows.invoice_values(*piece) for piece in pieces])
    offered = {
        int(variant.id): (variant, adverts[planned.article])
        for planned, variant in zip(plan.variants, variants, strict=True)
    }
    values = [
        rows.line_item_values(order, invoice.id, line, place, *offered[line.wanted.variant_id])
        for (order, _, part), invoice in zip(pieces, invoices, strict=True)
        for place, line in enumerate(part.lines)
    ]
    of_invoice: dict[int, list[LineItem]] = {}
    for item in await _insert(conn, LINE_ITEMS, values):
        of_invoice.setdefault(item.invoice_id, []).append(item)
    return [
        SeededInvoice(order, invoice, of_invoice[invoice.id])
        for (order, _, _), invoice in zip(pieces, invoices, strict=True)
    ]


async def _insert_shipments(
    conn: Connection, sent: Sequence[SeededInvoice], carriers: Sequence[ShipmentCarrier]
) -> int:
    shipments = await _insert(conn, SHIPMENTS, [rows.shipment_values(sold, carriers) for sold in sent])
    items = [
        {"shipment_id": shipment.id, "line_item_id": line.id, "quantity": quantity}
        for sold, shipment in zip(sent, shipments, strict=True)
        for line, quantity in sold.sent
    ]
    await _insert(conn, SHIPPED_ITEMS, items)
    return len(shipments)


async def _insert_refund_requests(conn: Connection, returning: Sequence[SeededInvoice]) -> int:
    requests = await _insert(conn, REFUND_REQUESTS, [rows.refund_request_values(sold) for sold in returning])
    items = [
        rows.refund_request_line_item_values(sold, request.id)
        for sold, request in zip(returning, requests, strict=True)
    ]
    await _insert(conn, REFUND_REQUEST_LINE_ITEMS, items)
    return len(requests)
