"""Invoice annotations: creating, changing and resolving notes about an invoice."""

from typing import Any

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.db.write import insert_row, update_row
from app.kernel.problems import MAX_LONG_TEXT, blank_problems, text_problem
from app.marketplace.orders.db.invoice_annotations import (
    INVOICE_ANNOTATIONS,
    InvoiceAnnotation,
    InvoiceAnnotationId,
    find_annotated_invoice,
)
from app.marketplace.orders.db.invoices import InvoiceId, lock_invoice, touch_invoice


async def create_annotation(
    database: Database, viewer: Viewer, invoice_id: InvoiceId, content: str
) -> InvoiceAnnotation:
    """Annotate an invoice. For the operator and the invoice's seller. Raises NotFound; InvalidInput."""
    _check(content)
    async with transaction(database, actor=viewer.actor) as conn:
        invoice = await lock_invoice(conn, invoice_id, seller_id=viewer.seller_id)
        await touch_invoice(conn, invoice.id)
        return await insert_row(conn, INVOICE_ANNOTATIONS, invoice_id=invoice.id, content=content)


async def update_annotation(
    database: Database, viewer: Viewer, annotation_id: InvoiceAnnotationId, content: str
) -> InvoiceAnnotation:
    """Change the text of an annotation. For the operator and the invoice's seller. Raises NotFound; InvalidInput."""
    _check(content)
    return await _update(database, viewer, annotation_id, {"content": content})


async def resolve_annotation(
    database: Database, viewer: Viewer, annotation_id: InvoiceAnnotationId, *, is_resolved: bool
) -> InvoiceAnnotation:
    """Close an annotation, or open it again. For the operator and the invoice's seller. Raises NotFound."""
    return await _update(database, viewer, annotation_id, {"is_resolved": is_resolved})


def _check(content: str) -> None:
    problems = blank_problems({"content": content})
    if (message := text_problem(content, MAX_LONG_TEXT)) is not None:
        problems.add("content", message)
    problems.check()


async def _update(
    database: Database, viewer: Viewer, annotation_id: InvoiceAnnotationId, values: dict[str, Any]
) -> InvoiceAnnotation:
    async with transaction(database, actor=viewer.actor) as conn:
        invoice_id = await find_annotated_invoice(conn, annotation_id, seller_id=viewer.seller_id)
        await lock_invoice(conn, invoice_id, seller_id=viewer.seller_id)
        await touch_invoice(conn, invoice_id)
        return await update_row(conn, INVOICE_ANNOTATIONS, annotation_id, values)
