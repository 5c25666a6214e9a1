"""A small believable marketplace, written in bulk: one statement for each table, in one transaction."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, TypeVar

from databases import Database

from app import clock
from app.db.adverts import ADVERTS, Advert
from app.db.invoices import INVOICES, LINE_ITEMS, Invoice, LineItem
from app.db.orders import ORDERS
from app.db.pool import Connection, transaction
from app.db.refund_requests import REFUND_REQUEST_LINE_ITEMS, REFUND_REQUESTS
from app.db.sellers import SELLERS, Seller
from app.db.shipments import SHIPMENT_CARRIERS, SHIPMENTS, SHIPPED_ITEMS, ShipmentCarrier
from app.db.table import Table
from app.db.variants import VARIANTS, Variant
from app.db.write import insert_rows
from app.domain.invoice import InvoiceStatusFlag, flags_after_shipping
from app.domain.order import DeliveryType, LineItemStatus, OrderStatus
from app.domain.purchase import Part, PricedLine, Terms, order_amounts, split
from app.domain.refund_request import (
    RefundRequestInitiator,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
)
from app.domain.shipment import tracking_link
from app.domain.stock import Offer, Wanted
from app.errors import Conflict
from app.seed.names import CARRIERS
from app.seed.plan import CURRENCY, TAX_RATE, Plan, PlannedOrder, Progress, Size, make_plan

__all__ = ["Seeded", "Size", "is_empty", "seed_marketplace"]

#: Rows of one statement: bounds the JSON that one parameter carries.
_CHUNK_ROWS = 5_000
_SHIPPING = Terms(shipping_description="Standard", shipping_cost_cents=990, tax_rate=TAX_RATE)

Row = TypeVar("Row")
Values = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """How many rows were written of what people look for."""

    sellers: int
    adverts: int
    variants: int
    orders: int
    invoices: int
    shipments: int
    refund_requests: int


@dataclass(frozen=True, slots=True)
class _Sold:
    """An invoice with its lines, and the order that it is a part of."""

    order: PlannedOrder
    invoice: Invoice
    lines: Sequence[LineItem]

    @property
    def sent(self) -> dict[int, int]:
        """Line item → how many of it are sent."""
        return {line.id: n for line in self.lines if (n := line.quantity - line.quantity_awaiting_dispatch)}


async def is_empty(database: Database) -> bool:
    """Whether there is no seller yet."""
    async with transaction(database) as conn:
        return not await conn.fetchval("select exists (select from sellers)")


async def seed_marketplace(
    database: Database, *, seed: int = 1, again: bool = False, size: Size | None = None
) -> Seeded:
    """Write a marketplace: the same names, prices, quantities and states for the same seed.

    Ids, times (the four weeks up to now) and the orders' tokens differ from one seeding to the next.
    Args:   again — also beside sellers that are there already.
    Raises: Conflict when there are sellers and `again` was not given; then nothing is written.
    """
    async with transaction(database, actor="seed") as conn:
        # Two seedings at once would both find no sellers.
        await conn.execute("lock table sellers in share row exclusive mode")
        if not again and await conn.fetchval("select exists (select from sellers)"):
            raise Conflict("There are sellers already: nothing was seeded. To add more beside them: --again.")
        carriers = await _carriers(conn)
        plan = make_plan(seed, size=size or Size(), carriers=len(carriers), now=clock.now())
        sellers, adverts, variants = await _catalogue(conn, plan)
        sold = await _sales(conn, plan, adverts, variants)
        return Seeded(
            sellers=len(sellers),
            adverts=len(adverts),
            variants=len(variants),
            orders=len(plan.orders),
            invoices=len(sold),
            shipments=await _shipments(conn, sold, carriers),
            refund_requests=await _refund_requests(conn, sold),
        )


async def _insert(conn: Connection, table: Table[Row], values: Sequence[Mapping[str, object]]) -> list[Row]:
    """Insert any number of rows, none as well, and return them in the order given."""
    rows: list[Row] = []
    for start in range(0, len(values), _CHUNK_ROWS):
        rows += await insert_rows(conn, table, values[start : start + _CHUNK_ROWS])
    return rows


async def _carriers(conn: Connection) -> list[ShipmentCarrier]:
    """Ours, of which some may be there already: names are unique."""
    await conn.execute(
        "insert into shipment_carriers (name, tracking_link_template)"
        " select * from unnest($1::text[], $2::text[]) on conflict do nothing",
        [name for name, _ in CARRIERS],
        [template for _, template in CARRIERS],
    )
    records = await conn.fetch(
        f"select {SHIPMENT_CARRIERS.select_list('c')} from shipment_carriers c"
        " where c.name = any($1::text[]) order by array_position($1::text[], c.name)",
        [name for name, _ in CARRIERS],
    )
    return SHIPMENT_CARRIERS.rows(records)


async def _catalogue(conn: Connection, plan: Plan) -> tuple[list[Seller], list[Advert], list[Variant]]:
    sellers = await _insert(
        conn,
        SELLERS,
        [
            {
                "business_name": shop.business_name,
                "legal_business_name": shop.legal_business_name,
                "email_address": f"orders@{shop.domain}",
                "is_online": True,
                "is_retailer": True,
            }
            for shop in plan.shops
        ],
    )
    adverts = await _insert(
        conn,
        ADVERTS,
        [
            {
                "seller_id": sellers[shop].id,
                "title": article.title,
                "description": article.description,
                "code": article.code,
            }
            for shop, article in plan.articles
        ],
    )
    bought: Counter[int] = Counter()
    for order in plan.orders:
        bought.update({line.variant: line.quantity for line in order.lines})
    variants = await _insert(
        conn,
        VARIANTS,
        [
            {
                "advert_id": adverts[variant.article].id,
                "seller_id": sellers[variant.shop].id,
                "label": variant.label,
                "sku": variant.sku,
                "barcode": variant.barcode,
                "price_cents": variant.price_cents,
                "sale_price_cents": variant.sale_price_cents,
                # What is left after the orders, which were made before now.
                "count_on_hand": max(variant.count_on_hand - bought[place], 0),
                "has_infinite_quantity": variant.has_infinite_quantity,
            }
            for place, variant in enumerate(plan.variants)
        ],
    )
    return sellers, adverts, variants


async def _sales(
    conn: Connection, plan: Plan, adverts: Sequence[Advert], variants: Sequence[Variant]
) -> list[_Sold]:
    by_id = {variant.id: variant for variant in variants}
    advert_by_id = {advert.id: advert for advert in adverts}
    parts = [_parts(order, plan, variants) for order in plan.orders]
    orders = await _insert(
        conn, ORDERS, [_order(order, of_order) for order, of_order in zip(plan.orders, parts, strict=True)]
    )
    of_invoices = [
        (order, row.id, part)
        for order, row, of_order in zip(plan.orders, orders, parts, strict=True)
        for part in of_order
    ]
    invoices = await _insert(conn, INVOICES, [_invoice(*each) for each in of_invoices])
    lines = await _insert(
        conn,
        LINE_ITEMS,
        [
            _line_item(order, invoice, line, is_first=place == 0)
            | _copies(variant := by_id[line.wanted.variant_id], advert_by_id[variant.advert_id])  # type: ignore[index]
            for (order, _, part), invoice in zip(of_invoices, invoices, strict=True)
            for place, line in enumerate(part.lines)
        ],
    )
    of_invoice: dict[int, list[LineItem]] = {}
    for line_item in lines:
        of_invoice.setdefault(line_item.invoice_id, []).append(line_item)
    return [
        _Sold(order, invoice, of_invoice[invoice.id])
        for (order, _, _), invoice in zip(of_invoices, invoices, strict=True)
    ]
