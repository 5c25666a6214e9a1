"""Invoice annotations: notes about an invoice that somebody is to resolve."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.invoices import InvoiceId
from app.db.table import Table

InvoiceAnnotationId = NewType("InvoiceAnnotationId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAnnotation:
    id: InvoiceAnnotationId
    invoice_id: InvoiceId
    content: str
    is_resolved: bool
    created_at: datetime
    updated_at: datetime


INVOICE_ANNOTATIONS = Table("invoice_annotations", InvoiceAnnotation)
