from typing import Any

from app.db.pool import Connection
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS, Invoice, LineItem
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.marketplace.orders.domain.order import DeliveryType
from tests.builders.orders import create_order
from tests.builders.rows import insert_row
from tests.builders.sellers import create_seller


async def create_invoice(conn: Connection, **overrides: Any) -> Invoice:
    """A paid invoice of 20.00 AUD to be sent, without line items."""
    if "order_id" not in overrides:
        overrides["order_id"] = (await create_order(conn)).id
    if "seller_id" not in overrides:
        overrides["seller_id"] = (await create_seller(conn)).id
    defaults = {
        "delivery_type": DeliveryType.BUY_ONLINE,
        "status_flags": [InvoiceStatusFlag.PAID],
        "buyer_first_name": "Ada",
        "buyer_surname": "Byron",
        "total_cents": 2000,
        "subtotal_cents": 2000,
        "currency": "AUD",
    }
    return await insert_row(conn, INVOICES, defaults, overrides)


async def create_line_item(conn: Connection, **overrides: Any) -> LineItem:
    """Two items at 10.00 AUD, of which nothing has been sent; copies of a variant without a link to it."""
    if "invoice_id" not in overrides:
        overrides["invoice_id"] = (await create_invoice(conn)).id
    quantity = overrides.get("quantity", 2)
    defaults = {
        "advert_title": "Kettle",
        "variant_name": "Red",
        "variant_sku": "K-RED",
        "quantity": quantity,
        "quantity_awaiting_dispatch": quantity,
        "quantity_returnable": quantity,
        "item_amount_cents": 1000,
        "total_cents": 1000 * quantity,
        "subtotal_cents": 1000 * quantity,
        "currency": "AUD",
    }
    return await insert_row(conn, LINE_ITEMS, defaults, overrides)
