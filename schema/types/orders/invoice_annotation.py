"""InvoiceAnnotation: a note about an invoice; and InvoiceAnnotationType."""

from datetime import datetime

import strawberry

from app.marketplace.orders.db.invoice_annotations import INVOICE_ANNOTATION_TYPES, INVOICE_ANNOTATIONS
from schema.entities.fields import column, entity, global_id
from schema.entities.relations import relation
from schema.types.node import Node
from schema.types.orders.invoice import Invoice


@entity(INVOICE_ANNOTATION_TYPES, description="A kind of annotations, with what may be done with them by whom.")
class InvoiceAnnotationType(Node):
    id: strawberry.ID = global_id("InvoiceAnnotationType")
    created_at: datetime = column("When the type was made.")
    updated_at: datetime = column("When the type was last changed.")
    discarded_at: datetime | None = column("When it was discarded: since then, no annotation is made of it.")
    name: str = column("Its name.")
    description: str = column("What its annotations are for.")
    creatable_by_operator: bool = column("Whether the operator may make such annotations.")
    creatable_by_seller: bool = column("Whether the seller of an invoice may make such annotations.")
    creatable_by_customer: bool = column(
        "Whether your shop is to let the customer make them. Customers have no API keys."
    )
    editable_by_operator: bool = column("Whether the operator may change their text.")
    editable_by_seller: bool = column("Whether the seller of the invoice, if it sees them, may change their text.")
    editable_by_customer: bool = column("Whether your shop is to let the customer change their text.")
    resolvable_by_operator: bool = column("Whether the operator may close them, or open them again.")
    resolvable_by_seller: bool = column(
        "Whether the seller of the invoice, if it sees them, may close them, or open them again."
    )
    resolvable_by_customer: bool = column("Whether your shop is to let the customer close them.")
    viewable_by_operator: bool = column("True: the operator sees all annotations.")
    viewable_by_seller: bool = column("Whether the seller of the invoice sees them.")
    viewable_by_customer: bool = column("Whether your shop is to show them to the customer.")


@entity(INVOICE_ANNOTATIONS, description="A note about an invoice that somebody is to resolve.")
class InvoiceAnnotation(Node):
    id: strawberry.ID = global_id("InvoiceAnnotation")
    created_at: datetime = column("When the note was made.")
    updated_at: datetime = column("When the note was last changed.")
    content: str = column("What is to be known or done.")
    resolved: bool = column("Whether it has been dealt with.", "is_resolved")
    invoice: Invoice = relation(INVOICE_ANNOTATIONS.invoice_id, description="The invoice that it is about.")
    invoice_annotation_type: InvoiceAnnotationType = relation(
        INVOICE_ANNOTATIONS.invoice_annotation_type_id, description="Its type, which says who may do what with it."
    )
