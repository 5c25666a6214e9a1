"""InvoiceAmendment: what changed an invoice's amounts after the sale."""

from datetime import datetime
from decimal import Decimal

import strawberry

from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENT_LINE_ITEMS, INVOICE_AMENDMENTS
from app.marketplace.orders.db.invoice_amendments import InvoiceAmendment as InvoiceAmendmentRow
from app.marketplace.orders.db.invoice_amendments import InvoiceAmendmentLineItem as LineItemRow
from app.marketplace.orders.db.invoices import INVOICES
from schema.entities.fields import Amounts, column, computed, entity, global_id, legacy_id
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


_AMOUNT = Amounts("Change of the invoice for a single item, rounded towards 0. Negative for a refund.", "amount_cents")
_TOTAL = Amounts("Change of the invoice for the whole quantity. Negative for a refund.", "total_cents")
_TAX = Amounts("Tax contained in the total; null when it is not known.", "tax_cents")
_LINE_ITEM_AMOUNT = Amounts(_ITEM_AMOUNT, "line_item_amount_cents", of=_total, reads=("total_cents",))
_LINE_ITEM_TAX = Amounts(_ITEM_TAX, "line_item_tax_cents", of=_tax, reads=("tax_cents",))
_COMMISSION_AMOUNT = Amounts(_COMMISSION, "commission_amount_cents")
_LINE_COMMISSION_TAX = Amounts(_COMMISSION_TAX, "commission_tax_cents")
_REMITTANCE_AMOUNT = Amounts(
    _REMITTANCE, "remittance_amount_cents", of=_remittance, reads=("total_cents", "commission_amount_cents")
)
_LINE_REMITTANCE_TAX = Amounts(
    _REMITTANCE_TAX, "remittance_tax_cents", of=_remittance_tax, reads=("tax_cents", "commission_tax_cents")
)


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
    amount_cents: int | None = _AMOUNT.cents()
    amount_formatted: str | None = _AMOUNT.formatted()
    total_cents: int | None = _TOTAL.cents()
    total_formatted: str | None = _TOTAL.formatted()
    tax_cents: int | None = _TAX.cents()
    tax_formatted: str | None = _TAX.formatted()
    line_item_amount_cents: int | None = _LINE_ITEM_AMOUNT.cents()
    line_item_amount_formatted: str | None = _LINE_ITEM_AMOUNT.formatted()
    line_item_tax_cents: int | None = _LINE_ITEM_TAX.cents()
    line_item_tax_formatted: str | None = _LINE_ITEM_TAX.formatted()
    commission_amount_cents: int | None = _COMMISSION_AMOUNT.cents()
    commission_amount_formatted: str | None = _COMMISSION_AMOUNT.formatted()
    commission_tax_cents: int | None = _LINE_COMMISSION_TAX.cents()
    commission_tax_formatted: str | None = _LINE_COMMISSION_TAX.formatted()
    remittance_amount_cents: int | None = _REMITTANCE_AMOUNT.cents()
    remittance_amount_formatted: str | None = _REMITTANCE_AMOUNT.formatted()
    remittance_tax_cents: int | None = _LINE_REMITTANCE_TAX.cents()
    remittance_tax_formatted: str | None = _LINE_REMITTANCE_TAX.formatted()
    line_item: LineItem | None = relation(
        INVOICE_AMENDMENT_LINE_ITEMS.line_item_id, description="What was bought; null for a custom line."
    )


_WHOLE_TOTAL = Amounts("Change of what the buyer pays: the sum of the lines. Negative for a refund.", "total_cents")
_WHOLE_TAX = Amounts("Tax contained in the total.", "tax_cents")
_WHOLE_REMITTANCE = Amounts("Change of what the seller is paid. Negative for a refund.", "remittance_cents")
_LINE_ITEM_AMOUNT_TOTAL = Amounts(
    "Sum of the lines' totals; null when it is not known.", "line_item_amount_total_cents"
)
_LINE_ITEM_TAX_TOTAL = Amounts("Sum of the lines' tax; null when it is not known.", "line_item_tax_total_cents")
_COMMISSION_AMOUNT_TOTAL = Amounts("Sum of the lines' commissions.", "commission_amount_total_cents")
_COMMISSION_TAX_TOTAL = Amounts("Sum of the tax in the lines' commissions.", "commission_tax_total_cents")
_REMITTANCE_AMOUNT_TOTAL = Amounts(
    "Sum of the lines' remittances: the same as `remittance`.",
    "remittance_amount_total_cents",
    of=_remittance_total,
    reads=("remittance_cents",),
)
_REMITTANCE_TAX_TOTAL = Amounts(
    "Sum of the tax in the lines' remittances.",
    "remittance_tax_total_cents",
    of=_remittance_tax_total,
    reads=("tax_cents", "commission_tax_total_cents"),
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
    total_cents: int | None = _WHOLE_TOTAL.cents()
    total_formatted: str | None = _WHOLE_TOTAL.formatted()
    tax_cents: int | None = _WHOLE_TAX.cents()
    tax_formatted: str | None = _WHOLE_TAX.formatted()
    remittance_cents: int | None = _WHOLE_REMITTANCE.cents()
    remittance_formatted: str | None = _WHOLE_REMITTANCE.formatted()
    line_item_amount_total_cents: int | None = _LINE_ITEM_AMOUNT_TOTAL.cents()
    line_item_amount_total_formatted: str | None = _LINE_ITEM_AMOUNT_TOTAL.formatted()
    line_item_tax_total_cents: int | None = _LINE_ITEM_TAX_TOTAL.cents()
    line_item_tax_total_formatted: str | None = _LINE_ITEM_TAX_TOTAL.formatted()
    commission_amount_total_cents: int | None = _COMMISSION_AMOUNT_TOTAL.cents()
    commission_amount_total_formatted: str | None = _COMMISSION_AMOUNT_TOTAL.formatted()
    commission_tax_total_cents: int | None = _COMMISSION_TAX_TOTAL.cents()
    commission_tax_total_formatted: str | None = _COMMISSION_TAX_TOTAL.formatted()
    remittance_amount_total_cents: int | None = _REMITTANCE_AMOUNT_TOTAL.cents()
    remittance_amount_total_formatted: str | None = _REMITTANCE_AMOUNT_TOTAL.formatted()
    remittance_tax_total_cents: int | None = _REMITTANCE_TAX_TOTAL.cents()
    remittance_tax_total_formatted: str | None = _REMITTANCE_TAX_TOTAL.formatted()
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
