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
from schema.mutations.inputs import Ids, converted, optional, required
from schema.mutations.orders.addresses import AddressInput, new_address
from schema.mutations.owned.owners import KeyValueInput, kept_values
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.orders.order import Order

_VARIANT = "The variant that is bought. It is published, and so is its advert."
_QUANTITY = "How many, at least 1. Stock and the variant's purchase limits count all lines of a variant together."
_AMOUNT = "What one of it costs, tax included, in cents. By default the variant's price, or its running sale's."
_RATE = "Rate of the tax that the amounts contain, as a fraction: 0.1 is 10 %. Absent: no tax."
_POSTAGE = "Shipping cost of this line in cents; it adds to the invoice's."
_ADJUSTMENTS = "Of the price of this line and, with FREE_SHIPPING_DISCOUNT, of its postage."


@strawberry.input(description="Something that the payment service has told.")
class PaymentEventInput:
    amount_cents: int = required("What was to be paid, in cents of the order's currency, from 0.")
    successful: bool = required("Whether it was.")
    transaction_id: str | None = optional("The payment service's number of it.")
    response_message: str | None = optional("The payment service's answer, in words.")


@strawberry.input(description="What is taken off a price at checkout, or added to it.")
class AdjustmentInput:
    adjustment_type: AdjustmentTypeEnum = required("PROMOTION takes the amount off, FEE adds it.")
    applies_to: AdjustmentAppliesToEnum = required(
        "What it changes: the price of the goods or, with FREE_SHIPPING_DISCOUNT, the shipping cost."
    )
    amount_cents: int = required(
        "How much, in cents, at least 1. A promotion is not more than what it applies to, less the ones before."
    )
    description: str | None = optional("What it is for, in words.")


@strawberry.input(description="The buyer, and how the order stands.")
class OrderInput:
    status: OrderStatusEnum = strawberry.field(
        default=OrderStatus.COMPLETE,
        description="COMPLETE: paid, all its invoices are PAID. Any other: not paid. "
        "Whatever it is, the items are taken from stock.",
    )
    first_name: str | None = optional("First name of the buyer.")
    surname: str | None = optional("Surname of the buyer.")
    phone: str | None = optional("Where the buyer is called.")
    email_address: str | None = optional("Where the buyer is written to.")
    company_name: str | None = optional("The buyer's company.")
    billing_first_name: str | None = optional("First name on the bill.")
    billing_surname: str | None = optional("Surname on the bill.")
    billing_phone: str | None = optional("Phone number on the bill.")
    billing_email_address: str | None = optional("Where the bill is sent to.")
    billing_company_name: str | None = optional("Company on the bill.")
    is_gift: bool = strawberry.field(default=False, description="Whether the order is a gift.")
    message_to_seller: str | None = optional("What the buyer tells the sellers; each invoice has it.")
    payment_instrument_type: str | None = optional("How the buyer pays, in the marketplace's own words.")
    address: AddressInput | None = optional("Where the items are sent to.")
    billing_address: AddressInput | None = optional("Where the bill is sent to.")
    payment_events: list[PaymentEventInput] | None = optional("What the payment service has told so far.")
    external_ids: list[KeyValueInput] | None = optional("What other systems call the order.")
    metadata: list[KeyValueInput] | None = optional("What others keep with the order.")


@strawberry.input(description="One line of an order that is to be split into invoices.")
class LineItemInput:
    variant_id: strawberry.ID = required(_VARIANT)
    quantity: int = required(_QUANTITY)
    delivery_type: DeliveryTypeEnum = strawberry.field(
        default=DeliveryType.BUY_ONLINE, description="How the items reach the buyer."
    )
    item_amount_cents: int | None = optional(_AMOUNT)
    tax_rate: float | None = optional(_RATE)
    postage_cents: int = strawberry.field(default=0, description=_POSTAGE)
    adjustments: list[AdjustmentInput] | None = optional(_ADJUSTMENTS)


@strawberry.input(description="One line of an invoice.")
class InvoiceLineItemInput:
    variant_id: strawberry.ID = required(f"{_VARIANT} It is one of the invoice's seller.")
    quantity: int = required(_QUANTITY)
    item_amount_cents: int | None = optional(_AMOUNT)
    tax_rate: float | None = optional(f"{_RATE} By default the invoice's.")
    postage_cents: int = strawberry.field(default=0, description=_POSTAGE)
    adjustments: list[AdjustmentInput] | None = optional(_ADJUSTMENTS)


@strawberry.input(description="One seller's part of an order, of one delivery type. No two have both the same.")
class InvoiceInput:
    seller_id: strawberry.ID = required("Whose variants are bought.")
    delivery_type: DeliveryTypeEnum = strawberry.field(
        default=DeliveryType.BUY_ONLINE, description="How the items reach the buyer."
    )
    line_items: list[InvoiceLineItemInput] = required("What is bought; at least one line.")
    shipping_description: str = strawberry.field(default="", description="The shipping method that the buyer chose.")
    shipping_cost_cents: int = strawberry.field(
        default=0, description="Shipping cost in cents, besides the postage of the lines."
    )
    tax_rate: float | None = optional("Rate of the tax contained in the shipping cost, and in lines without one.")
    adjustments: list[AdjustmentInput] | None = optional(
        "Of the whole invoice, after those of its lines. Those of the subtotal are shared by the lines, in proportion"
        " to their totals: a refund of a line gives back what was paid for it."
    )


@strawberry.input(description="Input of orderCreate: an order with either lineItems or invoices.")
class OrderCreateMutationInput:
    order: OrderInput = required("The buyer, and how the order stands.")
    line_items: list[LineItemInput] | None = optional(
        "What is bought. It is split into one invoice per seller and delivery type."
    )
    invoices: list[InvoiceInput] | None = optional("The invoices, when shipping is agreed with each seller.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="What is to change of an order: an absent field stays as it is, null clears it.")
class OrderUpdateInput:
    first_name: str | None = optional("First name of the buyer.")
    surname: str | None = optional("Surname of the buyer.")
    phone: str | None = optional("Where the buyer is called.")
    email_address: str | None = optional("Where the buyer is written to.")
    company_name: str | None = optional("The buyer's company.")
    billing_first_name: str | None = optional("First name on the bill.")
    billing_surname: str | None = optional("Surname on the bill.")
    billing_phone: str | None = optional("Phone number on the bill.")
    billing_email_address: str | None = optional("Where the bill is sent to.")
    billing_company_name: str | None = optional("Company on the bill.")
    is_gift: bool | None = optional("Whether the order is a gift. Can't be cleared.")
    message_to_seller: str | None = optional("What the buyer tells the sellers; each invoice has it.")
    payment_instrument_type: str | None = optional("How the buyer pays, in the marketplace's own words.")
    address: AddressInput | None = optional("Where the items are sent to.")
    billing_address: AddressInput | None = optional("Where the bill is sent to.")


@strawberry.input(description="Input of orderUpdate.")
class OrderUpdateMutationInput:
    order_id: strawberry.ID = required("The order to change.")
    status: OrderStatusEnum | None = optional(
        "How far it has come. COMPLETE: paid, and so are its invoices. PENDING_REVIEW: their payment is under review. "
        "A complete order can only be reviewed: what was paid is given back by a refund."
    )
    attributes: OrderUpdateInput | None = optional("What else is to change. The invoices' copies follow.")
    payment_events: list[PaymentEventInput] | None = optional("What the payment service has told since.")
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
        async def create(database: Database, viewer: Viewer) -> Mapping[str, Any]:
            return {"order": await create_order(database, viewer, _purchase(input))}

        return await run_mutation(info, OrderCreateMutationPayload, input, create)

    @strawberry.field(
        description="Change an order: the buyer's details, and how far the payment has come. What is the same"
        " already is no change. For the operator."
    )
    async def order_update(
        self,
        info: Info,
        input: Annotated[OrderUpdateMutationInput, strawberry.argument(description="What is to change.")],
    ) -> OrderUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, Any]:
            return {"order": await update_order(database, viewer, _update(input))}

        return await run_mutation(info, OrderUpdateMutationPayload, input, update)


def _update(given: OrderUpdateMutationInput) -> OrderUpdate:
    ids = Ids()
    order_id = OrderId(ids.key(given.order_id, "Order", "orderId"))
    ids.check()
    return OrderUpdate(
        order_id=order_id,
        status=given.status or None,
        attributes=converted(given.attributes, OrderAttributes, **_addresses(given.attributes, ABSENT)),
        payment_events=_events(given.payment_events),
    )


def _addresses(given: OrderInput | OrderUpdateInput | None, absent: Any) -> dict[str, Any]:
    """Both addresses of an input; `absent` stands for one that was left out."""
    names = ("address", "billing_address")
    return {name: new_address(getattr(given, name, strawberry.UNSET), absent) for name in names}


def _events(given: list[PaymentEventInput] | None) -> list[NewPaymentEvent]:
    return [converted(event, NewPaymentEvent) for event in given or ()]


def _purchase(given: OrderCreateMutationInput) -> NewPurchase:
    ids = Ids()
    lines = [_line(ids, line, f"lineItems.{index}") for index, line in enumerate(given.line_items or ())]
    invoices = [_invoice(ids, each, f"invoices.{index}") for index, each in enumerate(given.invoices or ())]
    ids.check()
    return NewPurchase(
        order=converted(
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


def _line(ids: Ids, given: LineItemInput | InvoiceLineItemInput, path: str) -> NewLineItem:
    key = ids.key(given.variant_id, "Variant", f"{path}.variantId")
    return converted(given, NewLineItem, variant_id=VariantId(key), adjustments=_adjustments(given.adjustments))


def _adjustments(given: list[AdjustmentInput] | None) -> list[NewAdjustment]:
    return [converted(each, NewAdjustment) for each in given or ()]


def _invoice(ids: Ids, given: InvoiceInput, path: str) -> NewInvoice:
    key = ids.key(given.seller_id, "Seller", f"{path}.sellerId")
    lines = [_line(ids, line, f"{path}.lineItems.{index}") for index, line in enumerate(given.line_items)]
    adjustments = _adjustments(given.adjustments)
    return converted(given, NewInvoice, seller_id=SellerId(key), line_items=lines, adjustments=adjustments)
