from typing import Any

from app.db.pool import Connection
from app.marketplace.remittances.db.remittances import REMITTANCE_ADVICES, REMITTANCES, Remittance, RemittanceAdvice
from tests.builders.invoices import create_invoice
from tests.builders.rows import insert_row
from tests.builders.sellers import create_seller


async def create_remittance_advice(conn: Connection, **overrides: Any) -> RemittanceAdvice:
    """A payment of 18.00 AUD that has not been made yet."""
    if "seller_id" not in overrides:
        overrides["seller_id"] = (await create_seller(conn)).id
    return await insert_row(conn, REMITTANCE_ADVICES, {"total_cents": 1800, "currency": "AUD"}, overrides)


async def create_remittance(conn: Connection, **overrides: Any) -> Remittance:
    """18.00 AUD of an invoice of 20.00, not released."""
    if "invoice_id" not in overrides:
        overrides["invoice_id"] = (await create_invoice(conn)).id
    seller_id = await conn.fetchval("select seller_id from invoices where id = $1", overrides["invoice_id"])
    defaults = {"seller_id": seller_id, "amount_cents": 1800, "commission_amount_cents": 200, "currency": "AUD"}
    return await insert_row(conn, REMITTANCES, defaults, overrides)
