from typing import Any

from app.db.pool import Connection
from app.marketplace.orders.db.adjustments import ADJUSTMENTS, Adjustment
from app.marketplace.orders.db.invoice_annotations import (
    INVOICE_ANNOTATION_TYPES,
    INVOICE_ANNOTATIONS,
    InvoiceAnnotation,
    InvoiceAnnotationType,
)
from app.marketplace.orders.db.payment_events import PAYMENT_EVENTS, PaymentEvent
from tests.builders.invoices import create_invoice
from tests.builders.orders import create_order
from tests.builders.rows import insert_row


async def create_adjustment(conn: Connection, **overrides: Any) -> Adjustment:
    """A promotion of 5.00 AUD of an invoice; `line_item_id` makes it one of a line."""
    if not {"invoice_id", "line_item_id"} & overrides.keys():
        overrides["invoice_id"] = (await create_invoice(conn)).id
    defaults = {
        "adjustment_type": "PROMOTION",
        "applies_to": "SUBTOTAL_DISCOUNT",
        "amount_cents": -500,
        "currency": "AUD",
    }
    return await insert_row(conn, ADJUSTMENTS, defaults, overrides)


async def create_invoice_annotation_type(conn: Connection, **overrides: Any) -> InvoiceAnnotationType:
    """A type of which the operator and sellers may do everything."""
    return await insert_row(conn, INVOICE_ANNOTATION_TYPES, {"name": "Call", "description": "Calls"}, overrides)


async def create_invoice_annotation(conn: Connection, **overrides: Any) -> InvoiceAnnotation:
    if "invoice_id" not in overrides:
        overrides["invoice_id"] = (await create_invoice(conn)).id
    if "invoice_annotation_type_id" not in overrides:
        overrides["invoice_annotation_type_id"] = (await create_invoice_annotation_type(conn)).id
    return await insert_row(conn, INVOICE_ANNOTATIONS, {"content": "Call the buyer."}, overrides)


async def create_payment_event(conn: Connection, **overrides: Any) -> PaymentEvent:
    """A payment of 20.00 AUD that went through."""
    if "order_id" not in overrides:
        overrides["order_id"] = (await create_order(conn)).id
    defaults = {"amount_cents": 2000, "currency": "AUD", "is_successful": True, "transaction_id": "tx-1"}
    return await insert_row(conn, PAYMENT_EVENTS, defaults, overrides)
