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
from app.marketplace.orders.domain.adjustment import AdjustmentAppliesTo, NewAdjustment
from app.marketplace.orders.domain.order import DeliveryType
from app.marketplace.orders.services.new_orders import NewInvoice, NewLineItem, NewMoney, NewOrder, NewPurchase
from app.marketplace.orders.services.order_updates import OrderAttributes, OrderUpdate, update_order
from app.marketplace.orders.services.orders import create_order
from app.marketplace.orders.services.payments import NewPaymentEvent
from schema.engine.context import Info
from schema.mutations.inputs import Ids, convert_input
from schema.mutations.orders.addresses import new_address
from schema.mutations.orders.order_inputs import (
    AdjustmentInput,
    InvoiceInput,
    LineItemInput,
    MoneyInputField,
    OrderCreateMutationInput,
    OrderInput,
    OrderUpdateInput,
    OrderUpdateMutationInput,
    PaymentEventInput,
)
from schema.mutations.owned.owners import kept_values
from schema.mutations.payload import MutationPayload, run_mutation
from schema.types.orders.order import Order


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
            is_gift=bool(given.order.is_gift),
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
        cost=_money(given.cost),
        postage=_money(given.postage),
        adjustments=_adjustments(given.adjustments),
        external_ids=kept_values(given.external_ids),
        metadata=kept_values(given.metadata),
    )


def _money(given: MoneyInputField | None) -> NewMoney | None:
    return convert_input(given, NewMoney) if given else None


def _adjustments(given: list[AdjustmentInput] | None) -> list[NewAdjustment]:
    return [
        convert_input(
            each,
            NewAdjustment,
            applies_to=each.applies_to or AdjustmentAppliesTo.SUBTOTAL_DISCOUNT,
            amount_to_withhold_cents=each.amount_to_withhold_cents or 0,
        )
        for each in given or ()
    ]


def _invoice(ids: Ids, given: InvoiceInput, path: str) -> NewInvoice:
    key = ids.optional_key(given.seller_id or None, "Seller", f"{path}.sellerId")
    lines = [_line(ids, line, f"{path}.lineItems.{index}") for index, line in enumerate(given.line_items)]
    adjustments = _adjustments(given.adjustments)
    return convert_input(
        given,
        NewInvoice,
        seller_id=None if key is None else SellerId(key),
        delivery_type=given.delivery_type or (lines[0].delivery_type if lines else DeliveryType.BUY_ONLINE),
        line_items=lines,
        adjustments=adjustments,
        external_ids=kept_values(given.external_ids),
        metadata=kept_values(given.metadata),
    )
