"""The inputs of orderCreate and orderUpdate."""

from datetime import datetime

import strawberry

from app.marketplace.orders.domain.order import OrderStatus
from schema.enums.marketplace import (
    AdjustmentAppliesToEnum,
    AdjustmentTypeEnum,
    DeliveryTypeEnum,
    OrderStatusEnum,
)
from schema.mutations.inputs import optional, required
from schema.mutations.orders.addresses import AddressInput
from schema.mutations.owned.owners import KeyValueInput
from schema.mutations.payload import client_mutation_id

_VARIANT = "The variant that is bought. It and its advert must be published."
_QUANTITY = "The quantity, at least 1. Stock and purchase limits apply to all lines of a variant together."
_AMOUNT = "The price of one, tax included, in cents. By default the variant's price, or its sale price during a sale."
_RATE = "Rate of the tax that the amounts contain, as a fraction: 0.1 is 10 %. Absent: no tax."
_POSTAGE = "Shipping cost of this line in cents; it is added to the invoice's."
_GIFT = "The buyer's message to who gets the gift."
_EXPECTED = "When the buyer was told that the items arrive."
_SLOT = "The part of that day, in the shop's own words, such as `8-12`."
_ADJUSTMENTS = "Adjustments of the price of this line or, with FREE_SHIPPING_DISCOUNT, of its postage."


@strawberry.input(description="An event that the payment service reported.")
class PaymentEventInput:
    amount_cents: int = required("The amount to be paid, in cents of the order's currency, from 0.")
    successful: bool = required("Whether it was paid.")
    transaction_id: str | None = optional("The payment service's number of the transaction.")
    response_message: str | None = optional("The payment service's answer, in words.")


@strawberry.input(description="An amount that is taken off a price at checkout, or added to it.")
class AdjustmentInput:
    adjustment_type: AdjustmentTypeEnum = required("PROMOTION takes the amount off, FEE adds it.")
    applies_to: AdjustmentAppliesToEnum | None = optional(
        "The part of the price that it changes: the goods, by default, or, with FREE_SHIPPING_DISCOUNT, the shipping"
        " cost."
    )
    amount_cents: int = required(
        "The amount in cents, at least 1. A promotion must not exceed the price that earlier promotions have left."
    )
    description: str | None = optional("The reason, in words.")
    amount_to_withhold_cents: int | None = optional(
        "The part of it that the seller bears, in cents; 0 by default. It is recorded and changes no other amount.",
        name="amountToWithholdFromSellerRemittanceCents",
    )
    source_id: str | None = optional("Where it comes from, such as the promotion's id in the shop.")


@strawberry.input(description="The buyer, and the state of the order.")
class OrderInput:
    status: OrderStatusEnum = strawberry.field(
        default=OrderStatus.COMPLETE,
        description="COMPLETE: the order is paid, and all its invoices are PAID. Any other: not paid. "
        "In every case, the items are taken from stock.",
    )
    first_name: str | None = optional("First name of the buyer.")
    surname: str | None = optional("Surname of the buyer.")
    phone: str | None = optional("The buyer's phone number.")
    email_address: str | None = optional("The buyer's email address.")
    company_name: str | None = optional("The buyer's company.")
    billing_first_name: str | None = optional("First name on the bill.")
    billing_surname: str | None = optional("Surname on the bill.")
    billing_phone: str | None = optional("Phone number on the bill.")
    billing_email_address: str | None = optional("Email address on the bill.")
    billing_company_name: str | None = optional("Company on the bill.")
    is_gift: bool | None = optional("Whether the order is a gift; false by default.")
    message_to_seller: str | None = optional("The buyer's message to the sellers; it is shown on each invoice.")
    message_to_gift_recipient: str | None = optional(_GIFT)
    expected_delivery_date: datetime | None = optional(_EXPECTED)
    expected_delivery_slot: str | None = optional(_SLOT)
    payment_instrument_type: str | None = optional("The means of payment, in the marketplace's own words.")
    address: AddressInput | None = optional("The shipping address.")
    billing_address: AddressInput | None = optional("The billing address.")
    payment_events: list[PaymentEventInput] | None = optional(
        "The events that the payment service has reported so far."
    )
    external_ids: list[KeyValueInput] | None = optional("The order's ids in other systems.")
    metadata: list[KeyValueInput] | None = optional("Values that other systems store with the order.")


@strawberry.input(description="An amount with the tax that it contains. Give the tax, its rate, or neither.")
class MoneyInputField:
    amount: int = required("The amount in cents, tax included.")
    tax: int | None = optional("The tax contained in it, in cents. Of a part of the amount it is a part.")
    tax_rate: float | None = optional("The rate of that tax, as a fraction: 0.1 is 10 %.")


@strawberry.input(description="One line of an order, or of one of its invoices.")
class LineItemInput:
    variant_id: strawberry.ID = required(_VARIANT)
    quantity: int = required(_QUANTITY)
    delivery_type: DeliveryTypeEnum | None = optional(
        "The way in which the items reach the buyer: BUY_ONLINE by default. Those of an invoice go its way."
    )
    cost: MoneyInputField | None = optional(
        "The price of the whole quantity, tax included; one costs whole cents. By default the variant's price, or its"
        " sale price during a sale."
    )
    postage: MoneyInputField | None = optional("Shipping cost of this line; it is added to the invoice's.")
    total_cents: int | None = optional("The amount of `cost`, in cents, taxed at `taxRate`.")
    item_amount_cents: int | None = optional(_AMOUNT)
    tax_rate: float | None = optional(f"{_RATE} In an invoice by default the invoice's.")
    postage_cents: int | None = optional(_POSTAGE)
    commission_rate: float | None = optional(
        "The operator's part of the line's total, as a fraction. Absent: no commission."
    )
    commission_tax_rate: float | None = optional("Rate of the tax contained in the commission. Absent: no tax.")
    external_ids: list[KeyValueInput] | None = optional("The line's ids in other systems.")
    metadata: list[KeyValueInput] | None = optional("Values that other systems store with the line.")
    adjustments: list[AdjustmentInput] | None = optional(_ADJUSTMENTS)


@strawberry.input(
    description=(
        "One seller's part of an order, with one delivery type. An order has one such part per seller and"
        " delivery type."
    )
)
class InvoiceInput:
    seller_id: strawberry.ID | None = optional("The seller whose variants are bought; by default that of the first.")
    delivery_type: DeliveryTypeEnum | None = optional(
        "The way in which the items reach the buyer; by default that of the first line."
    )
    line_items: list[LineItemInput] = required("The lines that are bought; at least one.")
    shipping_description: str = strawberry.field(default="", description="The shipping method that the buyer chose.")
    shipping_cost_cents: int = strawberry.field(
        default=0, description="Shipping cost in cents, besides the postage of the lines."
    )
    tax_rate: float | None = optional("Rate of the tax contained in the shipping cost, and in lines without one.")
    total_cents: int | None = optional(
        "The total that is expected. If it is another one, nothing is done, and the answer tells it."
    )
    merchant_fee_cents: int | None = optional(
        "What the payment of this invoice costs, in cents. It is recorded and changes no other amount."
    )
    merchant_fees_tax_rate: float | None = optional("Rate of the tax contained in that fee. Absent: no tax.")
    external_ids: list[KeyValueInput] | None = optional("The invoice's ids in other systems.")
    metadata: list[KeyValueInput] | None = optional("Values that other systems store with the invoice.")
    adjustments: list[AdjustmentInput] | None = optional(
        "Adjustments of the whole invoice, after those of its lines. Adjustments of the subtotal are divided among the"
        " lines in proportion to their totals, so that a refund of a line returns its price."
    )


@strawberry.input(description="Input of orderCreate: an order with either lineItems or invoices.")
class OrderCreateMutationInput:
    order: OrderInput = required("The buyer, and the state of the order.")
    line_items: list[LineItemInput] | None = optional(
        "The lines that are bought. They are split into one invoice per seller and delivery type."
    )
    invoices: list[InvoiceInput] | None = optional("The invoices, if shipping is agreed with each seller.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="The changes of an order. An absent field stays as it is, null clears it.")
class OrderUpdateInput:
    first_name: str | None = optional("First name of the buyer.")
    surname: str | None = optional("Surname of the buyer.")
    phone: str | None = optional("The buyer's phone number.")
    email_address: str | None = optional("The buyer's email address.")
    company_name: str | None = optional("The buyer's company.")
    billing_first_name: str | None = optional("First name on the bill.")
    billing_surname: str | None = optional("Surname on the bill.")
    billing_phone: str | None = optional("Phone number on the bill.")
    billing_email_address: str | None = optional("Email address on the bill.")
    billing_company_name: str | None = optional("Company on the bill.")
    is_gift: bool | None = optional("Whether the order is a gift. Can't be cleared.")
    message_to_seller: str | None = optional("The buyer's message to the sellers; it is shown on each invoice.")
    message_to_gift_recipient: str | None = optional(_GIFT)
    expected_delivery_date: datetime | None = optional(_EXPECTED)
    expected_delivery_slot: str | None = optional(_SLOT)
    payment_instrument_type: str | None = optional("The means of payment, in the marketplace's own words.")
    address: AddressInput | None = optional("The shipping address.")
    billing_address: AddressInput | None = optional("The billing address.")


@strawberry.input(description="Input of orderUpdate.")
class OrderUpdateMutationInput:
    order_id: strawberry.ID = required("The order to change.")
    status: OrderStatusEnum | None = optional(
        "The new status. COMPLETE: the order and its invoices are paid. PENDING_REVIEW: their payment is under review. "
        "A complete order can only be put under review; a payment is returned by a refund."
    )
    attributes: OrderUpdateInput | None = optional("Other changes. The copies on the invoices are changed, too.")
    payment_events: list[PaymentEventInput] | None = optional("The events that the payment service has reported since.")
    client_mutation_id: str | None = client_mutation_id()
