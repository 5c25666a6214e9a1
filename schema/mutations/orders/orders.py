"""orderCreate, orderUpdate."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.kernel.attributes import ABSENT
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.catalogue.db.variants import VariantId
from app.marketplace.orders.db.orders import OrderId
from app.marketplace.orders.domain.adjustment import NewAdjustment
from app.marketplace.orders.domain.order import DeliveryType, OrderStatus
from app.marketplace.orders.services.order_updates import OrderAttributes, OrderUpdate, update_order
from app.marketplace.orders.services.orders import NewInvoice, NewLineItem, NewOrder, NewPurchase, create_order
from app.marketplace.orders.services.payments import NewPaymentEvent
from schema.engine.context import Info
from schema.enums.marketplace import (
    AdjustmentAppliesToEnum,
    AdjustmentTypeEnum,
    DeliveryTypeEnum,
    OrderStatusEnum,
)
from schema.mutations.inputs import Ids, convert_input, optional, required
from schema.mutations.orders.addresses import AddressInput, new_address
from schema.mutations.owned.owners import KeyValueInput, kept_values
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.orders.order import Order

_VARIANT = "The variant that is bought. It and its advert must be published."
_QUANTITY = "The quantity, at least 1. Stock and purchase limits apply to all lines of a variant together."
_AMOUNT = "The price of one, tax included, in cents. By default the variant's price, or its sale price during a sale."
_RATE = "Rate of the tax that the amounts contain, as a fraction: 0.1 is 10 %. Absent: no tax."
_POSTAGE = "Shipping cost of this line in cents; it is added to the invoice's."
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
    applies_to: AdjustmentAppliesToEnum = required(
        "The part of the price that it changes: the goods or, with FREE_SHIPPING_DISCOUNT, the shipping cost."
    )
    amount_cents: int = required(
        "The amount in cents, at least 1. A promotion must not exceed the price that earlier promotions have left."
    )
    description: str | None = optional("The reason, in words.")


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
    is_gift: bool = strawberry.field(default=False, description="Whether the order is a gift.")
    message_to_seller: str | None = optional("The buyer's message to the sellers; it is shown on each invoice.")
    payment_instrument_type: str | None = optional("The means of payment, in the marketplace's own words.")
    address: AddressInput | None = optional("The shipping address.")
    billing_address: AddressInput | None = optional("The billing address.")
    payment_events: list[PaymentEventInput] | None = optional(
        "The events that the payment service has reported so far."
    )
    external_ids: list[KeyValueInput] | None = optional("The order's ids in other systems.")
    metadata: list[KeyValueInput] | None = optional("Values that other systems store with the order.")


@strawberry.input(description="One line of an order, or of one of its invoices.")
class LineItemInput:
    variant_id: strawberry.ID = required(_VARIANT)
    quantity: int = required(_QUANTITY)
    delivery_type: DeliveryTypeEnum | None = optional(
        "The way in which the items reach the buyer: BUY_ONLINE by default. Those of an invoice go its way."
    )
    item_amount_cents: int | None = optional(_AMOUNT)
    tax_rate: float | None = optional(f"{_RATE} In an invoice by default the invoice's.")
    postage_cents: int | None = optional(_POSTAGE)
    adjustments: list[AdjustmentInput] | None = optional(_ADJUSTMENTS)


@strawberry.input(
    description=(
        "One seller's part of an order, with one delivery type. An order has one such part per seller and"
        " delivery type."
    )
)
class InvoiceInput:
    seller_id: strawberry.ID = required("The seller whose variants are bought.")
    delivery_type: DeliveryTypeEnum = strawberry.field(
        default=DeliveryType.BUY_ONLINE, description="The way in which the items reach the buyer."
    )
    line_items: list[LineItemInput] = required("The lines that are bought; at least one.")
    shipping_description: str = strawberry.field(default="", description="The shipping method that the buyer chose.")
    shipping_cost_cents: int = strawberry.field(
        default=0, description="Shipping cost in cents, besides the postage of the lines."
    )
    tax_rate: float | None = optional("Rate of the tax contained in the shipping cost, and in lines without one.")
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


@strawberry.type(description="Answer of orderUpdate.")
class OrderUpdateMutationPayload(MutationPayload):
    order: Order | None = strawberry.field(default=None, description="The order as it is now; null on errors.")


@strawberry.type(description="Answer of orderCreate.")
class OrderCreateMutationPayload(MutationPayload):
    order: Order | None = strawberry.field(default=None, description="The new order; null on errors.")


@strawberry.type
class OrderMutations:
    @strawberry.field(
        description="Record a purchase: take its items from stock and make an invoice per seller and delivery"
        " type. All items are in one currency. For the operator."
    )
    async def order_create(
        self,
        info: Info,
        input: Annotated[OrderCreateMutationInput, strawberry.argument(description="The purchase.")],
    ) -> OrderCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"order": await create_order(database, viewer, _purchase(input))}

        return await run_mutation(info, OrderCreateMutationPayload, input, create)

    @strawberry.field(
        description="Change an order: the buyer's details, and the state of the payment. Equal values are not a"
        " change. For the operator."
    )
    async def order_update(
        self,
        info: Info,
        input: Annotated[OrderUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> OrderUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"order": await update_order(database, viewer, _update(input))}

        return await run_mutation(info, OrderUpdateMutationPayload, input, update)


def _update(given: OrderUpdateMutationInput) -> OrderUpdate:
    ids = Ids()
    order_id = OrderId(ids.key(given.order_id, "Order", "orderId"))
    ids.check()
    return OrderUpdate(
        order_id=order_id,
        status=given.status or None,
        attributes=convert_input(given.attributes, OrderAttributes, **_addresses(given.attributes, ABSENT)),
        payment_events=_events(given.payment_events),
    )


def _addresses(given: OrderInput | OrderUpdateInput | None, absent: Any) -> dict[str, Any]:
    """Convert both addresses of an input; an absent one becomes `absent`."""
    names = ("address", "billing_address")
    return {name: new_address(getattr(given, name, strawberry.UNSET), absent) for name in names}


def _events(given: list[PaymentEventInput] | None) -> list[NewPaymentEvent]:
    return [convert_input(event, NewPaymentEvent) for event in given or ()]


def _purchase(given: OrderCreateMutationInput) -> NewPurchase:
    ids = Ids()
    lines = [_line(ids, line, f"lineItems.{index}") for index, line in enumerate(given.line_items or ())]
    invoices = [_invoice(ids, each, f"invoices.{index}") for index, each in enumerate(given.invoices or ())]
    ids.check()
    return NewPurchase(
        order=convert_input(
            given.order,
            NewOrder,
            **_addresses(given.order, None),
            payment_events=_events(given.order.payment_events),
            external_ids=kept_values(given.order.external_ids),
            metadata=kept_values(given.order.metadata),
        ),
        line_items=lines if _is_given(given.line_items) else None,
        invoices=invoices if _is_given(given.invoices) else None,
    )


def _is_given(value: object) -> bool:
    return value is not None and value is not strawberry.UNSET


def _line(ids: Ids, given: LineItemInput, path: str) -> NewLineItem:
    key = ids.key(given.variant_id, "Variant", f"{path}.variantId")
    return convert_input(
        given,
        NewLineItem,
        variant_id=VariantId(key),
        delivery_type=given.delivery_type or DeliveryType.BUY_ONLINE,
        postage_cents=given.postage_cents or 0,
        adjustments=_adjustments(given.adjustments),
    )


def _adjustments(given: list[AdjustmentInput] | None) -> list[NewAdjustment]:
    return [convert_input(each, NewAdjustment) for each in given or ()]


def _invoice(ids: Ids, given: InvoiceInput, path: str) -> NewInvoice:
    key = ids.key(given.seller_id, "Seller", f"{path}.sellerId")
    lines = [_line(ids, line, f"{path}.lineItems.{index}") for index, line in enumerate(given.line_items)]
    adjustments = _adjustments(given.adjustments)
    return convert_input(given, NewInvoice, seller_id=SellerId(key), line_items=lines, adjustments=adjustments)
