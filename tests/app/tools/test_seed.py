"""The small marketplace that demo and development begin with."""

from collections.abc import Mapping
from typing import Any

import pytest
from databases import Database
from graphql import GraphQLNonNull, GraphQLObjectType, get_named_type

from app.db.pool import Connection
from app.errors import Conflict
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.marketplace.orders.domain.order import DeliveryType, LineItemStatus, OrderStatus
from app.marketplace.refunds.domain.refund_request import RefundRequestLineItemStatus, RefundRequestStatus
from app.tools.seed.seeding import seed_small

_SOLD = """
select o.first_name, o.status, i.status_flags, i.total_cents, l.variant_sku, l.quantity, l.quantity_awaiting_dispatch
from orders o join invoices i on i.order_id = o.id join line_items l on l.invoice_id = i.id order by l.id
"""


async def test_seeds_every_state(conn: Connection, database: Database) -> None:
    await seed_small(database)

    assert await _values(conn, "unnest(status_flags) from invoices") == {*InvoiceStatusFlag}
    assert await _values(conn, "status from refund_requests") == {*RefundRequestStatus}
    assert await _values(conn, "status from refund_request_line_items") == {*RefundRequestLineItemStatus}
    assert await _values(conn, "status from line_items") == {*LineItemStatus}
    assert await _values(conn, "delivery_type from invoices") == {*DeliveryType}
    # NEW and CHECKOUT are before the payment: nobody has ordered yet.
    assert await _values(conn, "status from orders") == {*OrderStatus} - {"NEW", "CHECKOUT"}
    print(await _values(conn, "status from shipment_statuses"))


async def _values(conn: Connection, what: str) -> set[str]:
    return {row[0] for row in await conn.fetch(f"select distinct {what}")}
