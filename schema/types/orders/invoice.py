"""Invoice: one seller's part of an order."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.marketplace.orders.db.adjustments import ADJUSTMENTS
from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENTS
from app.marketplace.orders.db.invoice_annotations import INVOICE_ANNOTATIONS
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS
from app.marketplace.orders.db.invoices import Invoice as InvoiceRow
from app.marketplace.orders.db.shipments import SHIPMENTS
from app.marketplace.refunds.db.refund_requests import REFUND_REQUESTS
from schema.entities.fields import Amounts, column, entity, global_id, legacy_id
from schema.entities.relations import relation, relation_list
from schema.enums.marketplace import (
    DeliveryTypeEnum,
    InvoiceStatusEnum,
    InvoiceStatusFlagEnum,
)
from schema.types.catalogue.seller import Seller
from schema.types.node import Node
from schema.types.orders.order import Order
from schema.types.owned.fields import ExternalIDs, Metadata, external_ids, metadata

if TYPE_CHECKING:
    from schema.types.orders.address import Address
    from schema.types.orders.adjustment import Adjustment
    from schema.types.orders.invoice_amendment import InvoiceAmendment
    from schema.types.orders.invoice_annotation import InvoiceAnnotation
    from schema.types.orders.line_item import LineItem
    from schema.types.orders.shipment import Shipment
    from schema.types.refunds.refund_request import RefundRequest

_ADJUSTED = "What the buyer pays for this invoice after all adjustments, such as promotions and fees."
_FEE = Amounts("What the payment of this invoice costs; null where it is not told.", "merchant_fee_cents")
_FEE_TAX = Amounts("Tax contained in the merchant fee; null where no fee is told.", "merchant_fee_tax_total_cents")
_ADJUSTED_READS = ("total_cents", "adjustment_cents")


def _adjusted(row: InvoiceRow) -> int:
    return row.total_cents + row.adjustment_cents


_TOTAL = Amounts("What the buyer pays for this invoice.", "total_cents")
_TOTAL_INCLUDING_ADJUSTMENTS = Amounts(
    _ADJUSTED, "total_including_adjustments_cents", of=_adjusted, reads=_ADJUSTED_READS
)
_SUBTOTAL = Amounts("Sum of the line items, before shipping and discount.", "subtotal_cents")
_TAX_TOTAL = Amounts("Tax contained in the total.", "tax_total_cents")
_TAX_SHIPPING = Amounts("Tax contained in the shipping cost.", "tax_shipping_cents")
_SHIPPING_COST = Amounts("What the buyer pays for shipping.", "shipping_cost_cents")
_DISCOUNT = Amounts("What was taken off: negative, or 0.", "discount_cents")
_COMMISSION_AMOUNT = Amounts(
    "What the operator keeps of the total; null where no commission is agreed.", "commission_amount_cents"
)
_COMMISSION_AMOUNT_TAX = Amounts(
    "Tax contained in the commission; null where no commission is agreed.", "commission_amount_tax_cents"
)


@entity(
    INVOICES,
    description="One seller's part of an order, of one delivery type: what the seller sends and is paid for.",
)
class Invoice(Node):
    id: strawberry.ID = global_id("Invoice")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the invoice was created, which is when the order was placed.")
    order_purged_at: datetime | None = column("When the buyer's data was erased; null while it is there.")
    updated_at: datetime = column("When the invoice was last changed, or a part of it by a mutation.")
    delivery_type: DeliveryTypeEnum = column("How the items reach the buyer.")
    status_flags: list[InvoiceStatusFlagEnum] = column("All that is true of this invoice; several at once.")
    status: InvoiceStatusEnum = column(
        "The one status that says most about the invoice.",
        deprecated="An invoice can have several statuses at once: read `statusFlags`.",
    )
    buyer_first_name: str | None = column("First name of the buyer.")
    buyer_surname: str | None = column("Surname of the buyer.")
    buyer_phone: str | None = column("Where the buyer is called.")
    buyer_email_address: str | None = column("Where the buyer is written to.")
    buyer_message_to_seller: str | None = column("What the buyer wrote to the seller at checkout.")
    paid_at: datetime | None = column("When the invoice was paid; null while it is not.")
    remitted_at: datetime | None = column("When the seller was paid out; null while it is not.")
    shipping_description: str = column("The shipping method that the buyer chose.")
    tax_rate: float | None = column("Rate of tax, as a fraction: 0.1 is 10 %. Null when no single rate applies.")
    total_cents: int | None = _TOTAL.cents()
    total_formatted: str | None = _TOTAL.formatted()
    total_including_adjustments_cents: int | None = _TOTAL_INCLUDING_ADJUSTMENTS.cents()
    total_including_adjustments_formatted: str | None = _TOTAL_INCLUDING_ADJUSTMENTS.formatted()
    subtotal_cents: int | None = _SUBTOTAL.cents()
    subtotal_formatted: str | None = _SUBTOTAL.formatted()
    tax_total_cents: int | None = _TAX_TOTAL.cents()
    tax_total_formatted: str | None = _TAX_TOTAL.formatted()
    tax_shipping_cents: int | None = _TAX_SHIPPING.cents()
    tax_shipping_formatted: str | None = _TAX_SHIPPING.formatted()
    shipping_cost_cents: int | None = _SHIPPING_COST.cents()
    shipping_cost_formatted: str | None = _SHIPPING_COST.formatted()
    discount_cents: int | None = _DISCOUNT.cents()
    discount_formatted: str | None = _DISCOUNT.formatted()
    commission_amount_cents: int | None = _COMMISSION_AMOUNT.cents()
    commission_amount_formatted: str | None = _COMMISSION_AMOUNT.formatted()
    commission_amount_tax_cents: int | None = _COMMISSION_AMOUNT_TAX.cents()
    commission_amount_tax_formatted: str | None = _COMMISSION_AMOUNT_TAX.formatted()
    commission_tax_rate: float | None = column("Rate of that tax, as a fraction; null when no single rate applies.")
    payment_instrument_type: str | None = column("What was paid with, as the shop calls it, such as `credit_card`.")
    external_tax_applied: bool = column(
        "Whether taxes were given with the order, and not computed from rates.", "is_external_tax_applied"
    )
    postage_tax_rate: float | None = column(
        "Rate of the tax in the shipping cost, as a fraction; null when no single rate is known."
    )
    merchant_fee_cents: int | None = _FEE.cents()
    merchant_fee_formatted: str | None = _FEE.formatted()
    merchant_fees_tax_rate: float | None = column("Rate of the tax in the merchant fee, as a fraction; null: none.")
    merchant_fee_tax_total_cents: int | None = _FEE_TAX.cents()
    merchant_fee_tax_total_formatted: str | None = _FEE_TAX.formatted()
    # Nullable, so that the error for a seller's key leaves the rest of the invoice standing.
    order: Order | None = relation(
        INVOICES.order_id,
        description="The order that this is a part of. For the operator only: an error for a seller's key.",
    )
    seller: Seller = relation(INVOICES.seller_id, description="The seller who is to send the items.")
    line_items: list[Annotated["LineItem", strawberry.lazy("schema.types.orders.line_item")]] = relation_list(
        LINE_ITEMS.invoice_id, description="What was bought, oldest first."
    )
    shipments: list[Annotated["Shipment", strawberry.lazy("schema.types.orders.shipment")]] = relation_list(
        SHIPMENTS.invoice_id, description="What has been sent, oldest first; empty before dispatch."
    )
    refund_requests: list[Annotated["RefundRequest", strawberry.lazy("schema.types.refunds.refund_request")]] = (
        relation_list(REFUND_REQUESTS.invoice_id, description="Requests to refund items of this invoice, oldest first.")
    )
    amendments: list[Annotated["InvoiceAmendment", strawberry.lazy("schema.types.orders.invoice_amendment")]] = (
        relation_list(
            INVOICE_AMENDMENTS.invoice_id,
            description="What changed the invoice's amounts after the sale, oldest first.",
        )
    )
    adjustments: list[Annotated["Adjustment", strawberry.lazy("schema.types.orders.adjustment")]] = relation_list(
        ADJUSTMENTS.invoice_id,
        description="What was added to or taken off the invoice as a whole; its lines have their own.",
    )
    annotations: list[Annotated["InvoiceAnnotation", strawberry.lazy("schema.types.orders.invoice_annotation")]] = (
        relation_list(
            INVOICE_ANNOTATIONS.invoice_id,
            # A type that hides its annotations changes their seller, and so the list.
            filters=("seller_id",),
            description="Notes about the invoice, oldest first.",
        )
    )
    shipping_address: Annotated["Address", strawberry.lazy("schema.types.orders.address")] | None = relation(
        INVOICES.shipping_address_id, description="Where the items are sent to; null when none are."
    )
    buyer_billing_address: Annotated["Address", strawberry.lazy("schema.types.orders.address")] | None = relation(
        INVOICES.buyer_billing_address_id, description="Address of who pays; null when it is not known."
    )
    external_ids: ExternalIDs = external_ids(INVOICES)
    metadata: Metadata = metadata(INVOICES)
