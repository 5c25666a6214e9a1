"""InvoiceAnnotation: a note about an invoice."""

from datetime import datetime

import strawberry

from app.marketplace.orders.db.invoice_annotations import INVOICE_ANNOTATIONS
from schema.entities.fields import column, entity, global_id
from schema.entities.relations import relation
from schema.types.node import Node
from schema.types.orders.invoice import Invoice


@entity(INVOICE_ANNOTATIONS, description="A note about an invoice that somebody is to resolve.")
class InvoiceAnnotation(Node):
    id: strawberry.ID = global_id("InvoiceAnnotation")
    created_at: datetime = column("When the note was made.")
    updated_at: datetime = column("When the note was last changed.")
    content: str = column("What is to be known or done.")
    resolved: bool = column("Whether it has been dealt with.", "is_resolved")
    invoice: Invoice = relation(INVOICE_ANNOTATIONS.invoice_id, description="The invoice that it is about.")
