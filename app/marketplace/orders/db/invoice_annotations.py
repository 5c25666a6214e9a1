"""Invoice annotations: notes about an invoice that somebody has to resolve, and their types."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import EVERYONE, OfSeller, Reference, Table, part_of
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId
from app.marketplace.orders.db.invoices import INVOICES, InvoiceId

InvoiceAnnotationTypeId = NewType("InvoiceAnnotationTypeId", int)
InvoiceAnnotationId = NewType("InvoiceAnnotationId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAnnotationType:
    """A kind of annotations, with what may be done with them by whom.

    Customers have no API keys. What they may do is for the shop that shows them their orders.
    """

    id: InvoiceAnnotationTypeId
    name: str
    description: str
    creatable_by_operator: bool
    creatable_by_seller: bool
    creatable_by_customer: bool
    editable_by_operator: bool
    editable_by_seller: bool
    editable_by_customer: bool
    resolvable_by_operator: bool
    resolvable_by_seller: bool
    resolvable_by_customer: bool
    viewable_by_operator: bool
    viewable_by_seller: bool
    viewable_by_customer: bool
    discarded_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAnnotation:
    """A note about an invoice.

    Attributes:
        seller_id: The seller of the invoice, if the type lets sellers see the note; else 0.
    """

    id: InvoiceAnnotationId
    invoice_id: InvoiceId
    invoice_annotation_type_id: InvoiceAnnotationTypeId
    seller_id: SellerId
    content: str
    is_resolved: bool
    created_at: datetime
    updated_at: datetime


INVOICE_ANNOTATION_TYPES = Table(
    "invoice_annotation_types",
    InvoiceAnnotationType,
    type_name="InvoiceAnnotationType",
    seen_by=EVERYONE,
)

INVOICE_ANNOTATIONS = Table(
    "invoice_annotations",
    InvoiceAnnotation,
    type_name="InvoiceAnnotation",
    seen_by=OfSeller(),
    keys={
        "invoice_id": part_of(INVOICES),
        "invoice_annotation_type_id": INVOICE_ANNOTATION_TYPES,
        "seller_id": Reference(to=SELLERS, is_enforced=False),
    },
    is_subscribable=True,
)


async def get_annotation(
    conn: Connection, annotation_id: InvoiceAnnotationId, *, seller_id: SellerId | None
) -> InvoiceAnnotation:
    """Return an annotation. Its invoice must be locked before it is changed.

    Args:
        seller_id: The seller that must see it. None accepts all.

    Raises:
        NotFound: There is none, or the seller doesn't see it. The field is `invoice_annotation_id`.
    """
    record = await conn.fetchrow(
        f"select {INVOICE_ANNOTATIONS.select_list('a')} from invoice_annotations a"
        " where a.id = $1 and ($2::bigint is null or a.seller_id = $2)",
        annotation_id,
        seller_id,
    )
    if record is None:
        raise NotFound.at("invoice_annotation_id", "there is no such annotation")
    return INVOICE_ANNOTATIONS.from_record(record)


async def get_annotation_type(
    conn: Connection, type_id: InvoiceAnnotationTypeId, *, is_kept: bool = False
) -> InvoiceAnnotationType:
    """Return a type of annotations, a discarded one, too.

    Args:
        is_kept: Whether nobody can change it until the transaction ends. Its invoice must be locked before.

    Raises:
        NotFound: There is none. The field is `invoice_annotation_type_id`.
    """
    record = await conn.fetchrow(
        f"select {INVOICE_ANNOTATION_TYPES.select_list('t')} from invoice_annotation_types t where t.id = $1"
        f"{' for share' if is_kept else ''}",
        type_id,
    )
    if record is None:
        raise NotFound.at("invoice_annotation_type_id", "there is no such annotation type")
    return INVOICE_ANNOTATION_TYPES.from_record(record)


async def has_more_annotations(conn: Connection, type_id: InvoiceAnnotationTypeId, number: int) -> bool:
    """Return whether there are more annotations of a type than a number. It reads no more than that."""
    counted = await conn.fetchval(
        "select count(*) from (select from invoice_annotations where invoice_annotation_type_id = $1 limit $2) a",
        type_id,
        number + 1,
    )
    return bool(counted > number)


async def touch_annotated_invoices(conn: Connection, type_id: InvoiceAnnotationTypeId) -> None:
    """Set `updated_at` of all invoices with annotations of a type, and of their orders, in key order.

    Orders are locked before invoices, and both before the type: as by whoever annotates an invoice.
    """
    annotated = "select a.invoice_id from invoice_annotations a where a.invoice_annotation_type_id = $1"
    await conn.execute(
        "with o as (select id from orders where id in"
        f" (select i.order_id from invoices i where i.id in ({annotated})) order by id for no key update)"
        " update orders set updated_at = now() from o where orders.id = o.id",
        type_id,
    )
    await conn.execute(
        f"with i as (select id from invoices where id in ({annotated}) order by id for no key update)"
        " update invoices set updated_at = now() from i where invoices.id = i.id",
        type_id,
    )
