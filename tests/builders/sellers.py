from typing import Any

from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SELLERS, Seller
from tests.builders.rows import insert_row


async def create_seller(conn: Connection, **overrides: Any) -> Seller:
    defaults = {"business_name": "Kettles & Co", "email_address": "orders@kettles.example"}
    return await insert_row(conn, SELLERS, defaults, overrides)
