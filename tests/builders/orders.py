from itertools import count
from typing import Any

from app.db.pool import Connection
from app.marketplace.orders.db.orders import ORDERS, Order
from app.marketplace.orders.domain.order import OrderStatus
from tests.builders.rows import insert_row

_numbers = count(1)


async def create_order(conn: Connection, **overrides: Any) -> Order:
    """A complete order of 20.00 AUD, without invoices."""
    defaults = {
        "token": f"token-{next(_numbers)}",
        "status": OrderStatus.COMPLETE,
        "first_name": "Ada",
        "surname": "Byron",
        "email_address": "ada@buyers.example",
        "total_cents": 2000,
        "subtotal_cents": 2000,
        "currency": "AUD",
    }
    return await insert_row(conn, ORDERS, defaults, overrides)
