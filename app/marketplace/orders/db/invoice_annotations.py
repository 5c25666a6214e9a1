"""Invoice annotations: notes about an invoice that somebody has to resolve."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import Table, Through, part_of
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.orders.db.invoices import INVOICES, InvoiceId

InvoiceAnnotationId = NewType("InvoiceAnnotationId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAnnotation:
    id: InvoiceAnnotationId
    invoice_id: InvoiceId
    content: str
    is_resolved: bool
    created_at: datetime
    updated_at: datetime


INVOICE_ANNOTATIONS = Table(
    "invoice_annotations",
    InvoiceAnnotation,
    type_name="InvoiceAnnotation",
    seen_by=Through("invoice_id"),
    keys={"invoice_id": part_of(INVOICES)},
    is_subscribable=True,
)


async def find_annotated_invoice(
    conn: Connection, annotation_id: InvoiceAnnotationId, *, seller_id: SellerId | None
) -> InvoiceId:
    """Return the invoice of an annotation. It must be locked before the annotation is changed.

    Args:
        seller_id: The seller that must own it. None accepts any seller.

    Raises:
        NotFound: There is none, or it is another seller's. The field is `invoice_annotation_id`.
    """
    found = await conn.fetchval(
        "select a.invoice_id from invoice_annotations a join invoices i on i.id = a.invoice_id"
        " where a.id = $1 and ($2::bigint is null or i.seller_id = $2)",
        annotation_id,
        seller_id,
    )
    if found is None:
        message = "there is no such annotation"
        raise NotFound(message, fields={"invoice_annotation_id": [message]})
    return InvoiceId(found)
