"""Remittance and RemittanceAdvice: what sellers get of paid invoices, and the payments to them."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.marketplace.remittances.db.remittances import REMITTANCE_ADVICES, REMITTANCES
from app.marketplace.remittances.db.remittances import RemittanceAdvice as RemittanceAdviceRow
from schema.entities.fields import Amounts, column, computed, entity, global_id, legacy_id
from schema.entities.relations import relation, relation_list
from schema.types.catalogue.seller import Seller
from schema.types.node import Node
from schema.types.orders.invoice import Invoice
from schema.types.orders.invoice_amendment import InvoiceAmendment
from schema.types.owned.fields import AnImage, image_list


def _paid(row: RemittanceAdviceRow) -> int | None:
    return None if row.paid_at is None else row.total_cents


_AMOUNT = Amounts("What the seller gets. Negative for a refund.", "amount_cents")
_COMMISSION = Amounts("The operator's part. Negative for a refund.", "commission_amount_cents")
_TOTAL = Amounts("The sum of its remittances. If it is negative, the seller pays it back.", "total_cents")
_COMMISSION_TOTAL = Amounts("The operator's part: the sum of its remittances'.", "commission_amount_total_cents")
_PAID = Amounts(
    "What has been paid: the total, or null before the payment.",
    "total_paid_cents",
    of=_paid,
    reads=("total_cents", "paid_at"),
)


@entity(
    REMITTANCES,
    description="The seller's part of a paid invoice, or the change of it by an amendment.",
)
class Remittance(Node):
    id: strawberry.ID = global_id("Remittance")
    created_at: datetime = column("When the invoice was paid or amended.")
    released: bool = computed(
        lambda row: row.released_at is not None,
        reads=("released_at",),
        description="Whether the operator has released it, which puts it on a remittance advice.",
    )
    released_at: datetime | None = column("When it was released; null while it is not.")
    amount_cents: int | None = _AMOUNT.cents()
    amount_formatted: str | None = _AMOUNT.formatted()
    commission_amount_cents: int | None = _COMMISSION.cents()
    commission_amount_formatted: str | None = _COMMISSION.formatted()
    seller: Seller = relation(REMITTANCES.seller_id, description="Whose part it is.")
    invoice: Invoice = relation(REMITTANCES.invoice_id, description="The invoice, also of an amendment.")
    invoice_amendment: InvoiceAmendment | None = relation(
        REMITTANCES.invoice_amendment_id, description="The amendment; null if it is of the invoice itself."
    )
    remittance_advice: Annotated["RemittanceAdvice", strawberry.lazy("schema.types.remittances.remittance")] | None = (
        relation(REMITTANCES.remittance_advice_id, description="The payment that it is on; null until its release.")
    )


@entity(REMITTANCE_ADVICES, description="One payment to one seller in one currency, with all that it is for.")
class RemittanceAdvice(Node):
    id: strawberry.ID = global_id("RemittanceAdvice")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When its remittances were released.")
    updated_at: datetime = column("When it was last changed.")
    paid_at: datetime | None = column("When it was paid; null while it is not.")
    payment_reference: str | None = column("The payment's reference, as on a bank statement; null without one.")
    total_cents: int | None = _TOTAL.cents()
    total_formatted: str | None = _TOTAL.formatted()
    total_paid_cents: int | None = _PAID.cents()
    total_paid_formatted: str | None = _PAID.formatted()
    commission_amount_total_cents: int | None = _COMMISSION_TOTAL.cents()
    commission_amount_total_formatted: str | None = _COMMISSION_TOTAL.formatted()
    seller: Seller = relation(REMITTANCE_ADVICES.seller_id, description="Who is paid.")
    remittances: list[Remittance] = relation_list(
        REMITTANCES.remittance_advice_id, description="What is paid, at most 500."
    )
    attachments: list[AnImage] = image_list(REMITTANCE_ADVICES, "Pictures that belong to it, such as a receipt.")
