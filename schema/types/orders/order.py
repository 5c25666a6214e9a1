"""Order: what a buyer bought at once, of any number of sellers."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.marketplace.money import decimal_amount
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS
from app.marketplace.orders.db.invoices import Invoice as InvoiceRow
from app.marketplace.orders.db.orders import ORDERS
from app.marketplace.orders.db.payment_events import PAYMENT_EVENTS
from app.marketplace.orders.db.shipments import SHIPMENTS
from app.marketplace.orders.domain.invoice import FINAL, aggregate_invoice_status
from schema.entities.connections import Connection
from schema.entities.declarations import DeclaredAttribute
from schema.entities.fields import Amounts, column, computed, entity, global_id, legacy_id
from schema.entities.relations import pages, relation, relation_list
from schema.enums.marketplace import (
    InvoiceStatusEnum,
    OrderStatusEnum,
)
from schema.types.node import Node
from schema.types.owned.fields import ExternalIDs, Metadata, external_ids, metadata

if TYPE_CHECKING:
    from schema.types.orders.address import Address
    from schema.types.orders.invoice import Invoice
    from schema.types.orders.line_item import LineItem
    from schema.types.orders.payment_event import PaymentEvent
    from schema.types.orders.shipment import Shipment


def _aggregate_status(invoices: Sequence[InvoiceRow]) -> InvoiceStatusEnum | None:
    return aggregate_invoice_status([invoice.status for invoice in invoices])


def _is_final(invoices: Sequence[InvoiceRow]) -> bool | None:
    return all(invoice.status in FINAL for invoice in invoices) if invoices else None


def _major(name: str, description: str) -> DeclaredAttribute:
    """Declare an amount in major units, as older integrations read it. A float may lose cents of large amounts."""
    return computed(
        lambda row: float(decimal_amount(getattr(row, name), row.currency) or 0),
        reads=(name, "currency"),
        description=f"{description} Prefer that: a float may lose cents of large amounts.",
    )


_TOTAL = Amounts("What the buyer pays for the whole order.", "total_cents")
_SUBTOTAL = Amounts("Sum of all line items, before shipping and discount.", "subtotal_cents")
_TAX_TOTAL = Amounts("Tax contained in the total.", "tax_total_cents")
_SHIPPING_COST = Amounts("What the buyer pays for shipping.", "shipping_cost_cents")
_DISCOUNT = Amounts("What was taken off: negative, or 0.", "discount_cents")


@entity(ORDERS, description="What a buyer bought at once, of any number of sellers. For the operator only.")
class Order(Node):
    id: strawberry.ID = global_id("Order")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the order was created.")
    purged_at: datetime | None = column("When the buyer's data was erased; null while it is there.")
    updated_at: datetime = column("When the order was last changed, or a part of it by a mutation.")
    token: str = column("The order's reference in the shop; unique and not guessable.")
    status: OrderStatusEnum = column("How far the order has come, from the cart to the payment.")
    first_name: str | None = column("First name of the buyer.")
    surname: str | None = column("Surname of the buyer.")
    phone: str | None = column("Where the buyer is called.")
    email_address: str | None = column("Where the buyer is written to.")
    company_name: str | None = column("The buyer's company; null for a private person.")
    billing_first_name: str | None = column("First name of who pays; null when it is the buyer.")
    billing_surname: str | None = column("Surname of who pays; null when it is the buyer.")
    billing_phone: str | None = column("Where who pays is called; null when it is the buyer.")
    billing_email_address: str | None = column("Where who pays is written to; null when it is the buyer.")
    billing_company_name: str | None = column("The company that pays; null when it is the buyer.")
    is_gift: bool = column("Whether the order is a gift, to be sent without prices.")
    message_to_seller: str | None = column("What the buyer wrote to the sellers at checkout.")
    message_to_gift_recipient: str | None = column("What the buyer wrote to who gets the gift.")
    expected_delivery_date: datetime | None = column("When the buyer was told that the items arrive; null if not told.")
    expected_delivery_slot: str | None = column("The part of that day, in the shop's own words.")
    payment_instrument_type: str | None = column("What was paid with, as the shop calls it, such as `credit_card`.")
    total_cents: int | None = _TOTAL.cents()
    total_formatted: str | None = _TOTAL.formatted()
    subtotal_cents: int | None = _SUBTOTAL.cents()
    subtotal_formatted: str | None = _SUBTOTAL.formatted()
    tax_total_cents: int | None = _TAX_TOTAL.cents()
    tax_total_formatted: str | None = _TAX_TOTAL.formatted()
    shipping_cost_cents: int | None = _SHIPPING_COST.cents()
    shipping_cost_formatted: str | None = _SHIPPING_COST.formatted()
    discount_cents: int | None = _DISCOUNT.cents()
    discount_formatted: str | None = _DISCOUNT.formatted()
    total: float = _major("total_cents", "`totalCents` in major units.")
    subtotal: float = _major("subtotal_cents", "`subtotalCents` in major units.")
    tax_total: float = _major("tax_total_cents", "`taxTotalCents` in major units.")
    postage: float = _major("shipping_cost_cents", "`shippingCostCents` in major units.")
    invoices: Connection[Annotated["Invoice", strawberry.lazy("schema.types.orders.invoice")]] = pages(
        INVOICES.order_id, description="The order's parts: one for each seller and delivery type."
    )
    aggregate_invoice_status: InvoiceStatusEnum | None = relation_list(
        INVOICES.order_id,
        classify=_aggregate_status,
        decides=("status",),
        description="The one status that stands for all invoices: the least advanced; null without invoices.",
    )
    aggregate_invoice_status_final: bool | None = relation_list(
        INVOICES.order_id,
        classify=_is_final,
        decides=("status",),
        description="Whether nothing is left to do for any invoice: each was sent, collected, refunded or cancelled."
        " Null without invoices.",
    )
    line_items: Connection[Annotated["LineItem", strawberry.lazy("schema.types.orders.line_item")]] = pages(
        LINE_ITEMS.invoice_id, through=INVOICES.order_id, description="What was bought, of all sellers."
    )
    shipments: list[Annotated["Shipment", strawberry.lazy("schema.types.orders.shipment")]] = relation_list(
        SHIPMENTS.invoice_id, through=INVOICES.order_id, description="What has been sent, by all sellers; oldest first."
    )
    address: Annotated["Address", strawberry.lazy("schema.types.orders.address")] | None = relation(
        ORDERS.address_id, description="Where the order is sent to; null when nothing is."
    )
    billing_address: Annotated["Address", strawberry.lazy("schema.types.orders.address")] | None = relation(
        ORDERS.billing_address_id, description="Address of who pays; null when it is the buyer's."
    )
    payment_events: Connection[Annotated["PaymentEvent", strawberry.lazy("schema.types.orders.payment_event")]] = pages(
        PAYMENT_EVENTS.order_id, description="What happened to the payment, oldest first."
    )
    external_ids: ExternalIDs = external_ids(ORDERS)
    metadata: Metadata = metadata(ORDERS)
