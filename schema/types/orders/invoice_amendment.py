"""InvoiceAmendment: what changed an invoice's amounts after the sale."""

from datetime import datetime

import strawberry

from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENT_LINE_ITEMS, INVOICE_AMENDMENTS
from app.marketplace.orders.db.invoices import INVOICES
from schema.entities.fields import cents, column, entity, formatted, global_id, legacy_id
from schema.entities.relations import relation, relation_list
from schema.enums.marketplace import (
    InvoiceAmendmentLineItemStatusEnum,
)
from schema.types.node import Node
from schema.types.orders.invoice import Invoice
from schema.types.orders.line_item import LineItem
from schema.types.orders.order import Order


@entity(
    INVOICE_AMENDMENT_LINE_ITEMS,
    description="What an amendment says about one line item, or about a custom amount.",
)
class InvoiceAmendmentLineItem(Node):
    id: strawberry.ID = global_id("InvoiceAmendmentLineItem")
    quantity: int = column("How many items the amendment is about.")
    status: InvoiceAmendmentLineItemStatusEnum = column("What became of them.")
    custom: str | None = column("What a custom line is about, such as a fee; null for a line item.")
    dispatched: bool = column("Whether the items had been sent.", "is_dispatched")
    tax_rate: float | None = column("Rate of tax, as a fraction: 0.1 is 10 %. Null when it is not known.")
    amount_cents: int | None = cents("Amount for a single item.", "amount_cents")
    amount_formatted: str | None = formatted("Amount for a single item.", "amount_cents")
    total_cents: int | None = cents("Amount for the whole quantity.", "total_cents")
    total_formatted: str | None = formatted("Amount for the whole quantity.", "total_cents")
    tax_cents: int | None = cents("Tax contained in the total; null when it is not known.", "tax_cents")
    tax_formatted: str | None = formatted("Tax contained in the total; null when it is not known.", "tax_cents")
    line_item: LineItem | None = relation(
        INVOICE_AMENDMENT_LINE_ITEMS.line_item_id, description="What was bought; null for a custom line."
    )


@entity(
    INVOICE_AMENDMENTS,
    description="What changed an invoice's amounts after the sale, such as a refund that was paid out.",
)
class InvoiceAmendment(Node):
    id: strawberry.ID = global_id("InvoiceAmendment")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the amendment was created.")
    updated_at: datetime = column("When the amendment itself was last changed; changes of its parts don't count.")
    remitted_at: datetime | None = column("When it was settled with the seller; null while it is not.")
    tax_rate: float | None = column("Rate of tax, as a fraction: 0.1 is 10 %. Null when no single rate applies.")
    total_cents: int | None = cents("What the buyer gets back.", "total_cents")
    total_formatted: str | None = formatted("What the buyer gets back.", "total_cents")
    tax_cents: int | None = cents("Tax contained in the total.", "tax_cents")
    tax_formatted: str | None = formatted("Tax contained in the total.", "tax_cents")
    remittance_cents: int | None = cents("By how much the seller is paid out less.", "remittance_cents")
    remittance_formatted: str | None = formatted("By how much the seller is paid out less.", "remittance_cents")
    line_item_amount_total_cents: int | None = cents(
        "Sum of the lines' totals; null when it is not known.", "line_item_amount_total_cents"
    )
    line_item_amount_total_formatted: str | None = formatted(
        "Sum of the lines' totals; null when it is not known.", "line_item_amount_total_cents"
    )
    line_item_tax_total_cents: int | None = cents(
        "Sum of the lines' tax; null when it is not known.", "line_item_tax_total_cents"
    )
    line_item_tax_total_formatted: str | None = formatted(
        "Sum of the lines' tax; null when it is not known.", "line_item_tax_total_cents"
    )
    invoice: Invoice = relation(INVOICE_AMENDMENTS.invoice_id, description="The invoice that was amended.")
    # Nullable, so that the error for a seller's key leaves the rest of the amendment standing.
    order: Order | None = relation(
        INVOICES.order_id,
        through=INVOICE_AMENDMENTS.invoice_id,
        description="The order of the invoice. For the operator only: an error for a seller's key.",
    )
    line_items: list[InvoiceAmendmentLineItem] = relation_list(
        INVOICE_AMENDMENT_LINE_ITEMS.invoice_amendment_id, description="What the amendment is made up of."
    )
