"""InvoiceAmendment: what changed an invoice's amounts after the sale."""

from datetime import datetime
from decimal import Decimal

import strawberry

from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENT_LINE_ITEMS, INVOICE_AMENDMENTS
from app.marketplace.orders.db.invoice_amendments import InvoiceAmendment as InvoiceAmendmentRow
from app.marketplace.orders.db.invoice_amendments import InvoiceAmendmentLineItem as LineItemRow
from app.marketplace.orders.db.invoices import INVOICES
from schema.entities.fields import cents, column, computed, entity, formatted, global_id, legacy_id
from schema.entities.relations import relation, relation_list
from schema.enums.marketplace import (
    InvoiceAmendmentLineItemStatusEnum,
)
from schema.types.node import Node
from schema.types.orders.invoice import Invoice
from schema.types.orders.line_item import LineItem
from schema.types.orders.order import Order

_ITEM_AMOUNT = "Change of the invoice for the whole quantity, the same as `total`: commission and remittance together."
_ITEM_TAX = "Tax contained in it, the same as `tax`; null when it is not known."
_COMMISSION = "The operator's part of the total. Negative for a refund."
_COMMISSION_TAX = "Tax contained in the commission."
_REMITTANCE = "The seller's part of the total. Negative for a refund."
_REMITTANCE_TAX = "Tax contained in the remittance; null when it is not known."


def _custom_tax_rate(row: LineItemRow) -> Decimal | None:
    return None if row.custom is None or row.tax_rate is None else Decimal(repr(row.tax_rate))


def _total(row: LineItemRow) -> int:
    return row.total_cents


def _tax(row: LineItemRow) -> int | None:
    return row.tax_cents


def _remittance(row: LineItemRow) -> int:
    return row.total_cents - row.commission_amount_cents


def _remittance_tax(row: LineItemRow) -> int | None:
    return None if row.tax_cents is None else row.tax_cents - row.commission_tax_cents


def _remittance_total(row: InvoiceAmendmentRow) -> int:
    return row.remittance_cents


def _remittance_tax_total(row: InvoiceAmendmentRow) -> int:
    return row.tax_cents - row.commission_tax_total_cents


@entity(
    INVOICE_AMENDMENT_LINE_ITEMS,
    description="What an amendment says about one line item, or about a custom amount.",
)
class InvoiceAmendmentLineItem(Node):
    id: strawberry.ID = global_id("InvoiceAmendmentLineItem")
    quantity: int = column("How many items the amendment is about.")
    status: InvoiceAmendmentLineItemStatusEnum = column("What became of them.")
    custom: str | None = column(
        "What a custom line is about, such as a fee, or `Adjustment`: it makes the lines add up. Null for a line item."
    )
    dispatched: bool = column("Whether the items had been sent.", "is_dispatched")
    tax_rate: float | None = column("Rate of tax, as a fraction: 0.1 is 10 %. Null when it is not known.")
    custom_line_item_tax_rate: Decimal | None = computed(
        _custom_tax_rate,
        reads=("custom", "tax_rate"),
        description="Rate of tax of a custom line, as a fraction; null for a line item.",
    )
    amount_cents: int | None = cents(
        "Change of the invoice for a single item, rounded towards 0. Negative for a refund.", "amount_cents"
    )
    amount_formatted: str | None = formatted(
        "Change of the invoice for a single item, rounded towards 0. Negative for a refund.", "amount_cents"
    )
    total_cents: int | None = cents(
        "Change of the invoice for the whole quantity. Negative for a refund.", "total_cents"
    )
    total_formatted: str | None = formatted(
        "Change of the invoice for the whole quantity. Negative for a refund.", "total_cents"
    )
    tax_cents: int | None = cents("Tax contained in the total; null when it is not known.", "tax_cents")
    tax_formatted: str | None = formatted("Tax contained in the total; null when it is not known.", "tax_cents")
    line_item_amount_cents: int | None = cents(
        _ITEM_AMOUNT, "line_item_amount_cents", of=_total, reads=("total_cents",)
    )
    line_item_amount_formatted: str | None = formatted(
        _ITEM_AMOUNT, "line_item_amount_cents", of=_total, reads=("total_cents",)
    )
    line_item_tax_cents: int | None = cents(_ITEM_TAX, "line_item_tax_cents", of=_tax, reads=("tax_cents",))
    line_item_tax_formatted: str | None = formatted(_ITEM_TAX, "line_item_tax_cents", of=_tax, reads=("tax_cents",))
    commission_amount_cents: int | None = cents(_COMMISSION, "commission_amount_cents")
    commission_amount_formatted: str | None = formatted(_COMMISSION, "commission_amount_cents")
    commission_tax_cents: int | None = cents(_COMMISSION_TAX, "commission_tax_cents")
    commission_tax_formatted: str | None = formatted(_COMMISSION_TAX, "commission_tax_cents")
    remittance_amount_cents: int | None = cents(
        _REMITTANCE, "remittance_amount_cents", of=_remittance, reads=("total_cents", "commission_amount_cents")
    )
    remittance_amount_formatted: str | None = formatted(
        _REMITTANCE, "remittance_amount_cents", of=_remittance, reads=("total_cents", "commission_amount_cents")
    )
    remittance_tax_cents: int | None = cents(
        _REMITTANCE_TAX, "remittance_tax_cents", of=_remittance_tax, reads=("tax_cents", "commission_tax_cents")
    )
    remittance_tax_formatted: str | None = formatted(
        _REMITTANCE_TAX, "remittance_tax_cents", of=_remittance_tax, reads=("tax_cents", "commission_tax_cents")
    )
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
    external_tax_applied: bool = column(
        "Whether the invoice's taxes were given with the order, and not computed from rates.",
        "is_external_tax_applied",
    )
    total_cents: int | None = cents(
        "Change of what the buyer pays: the sum of the lines. Negative for a refund.", "total_cents"
    )
    total_formatted: str | None = formatted(
        "Change of what the buyer pays: the sum of the lines. Negative for a refund.", "total_cents"
    )
    tax_cents: int | None = cents("Tax contained in the total.", "tax_cents")
    tax_formatted: str | None = formatted("Tax contained in the total.", "tax_cents")
    remittance_cents: int | None = cents(
        "Change of what the seller is paid. Negative for a refund.", "remittance_cents"
    )
    remittance_formatted: str | None = formatted(
        "Change of what the seller is paid. Negative for a refund.", "remittance_cents"
    )
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
    commission_amount_total_cents: int | None = cents("Sum of the lines' commissions.", "commission_amount_total_cents")
    commission_amount_total_formatted: str | None = formatted(
        "Sum of the lines' commissions.", "commission_amount_total_cents"
    )
    commission_tax_total_cents: int | None = cents(
        "Sum of the tax in the lines' commissions.", "commission_tax_total_cents"
    )
    commission_tax_total_formatted: str | None = formatted(
        "Sum of the tax in the lines' commissions.", "commission_tax_total_cents"
    )
    remittance_amount_total_cents: int | None = cents(
        "Sum of the lines' remittances: the same as `remittance`.",
        "remittance_amount_total_cents",
        of=_remittance_total,
        reads=("remittance_cents",),
    )
    remittance_amount_total_formatted: str | None = formatted(
        "Sum of the lines' remittances: the same as `remittance`.",
        "remittance_amount_total_cents",
        of=_remittance_total,
        reads=("remittance_cents",),
    )
    remittance_tax_total_cents: int | None = cents(
        "Sum of the tax in the lines' remittances.",
        "remittance_tax_total_cents",
        of=_remittance_tax_total,
        reads=("tax_cents", "commission_tax_total_cents"),
    )
    remittance_tax_total_formatted: str | None = formatted(
        "Sum of the tax in the lines' remittances.",
        "remittance_tax_total_cents",
        of=_remittance_tax_total,
        reads=("tax_cents", "commission_tax_total_cents"),
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
