"""Turn the plan into rows, as mappings of columns. Pure, except for random tokens."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.marketplace.catalogue.db.adverts import Advert
from app.marketplace.catalogue.db.variants import Variant
from app.marketplace.catalogue.domain.stock import Offer, PurchaseLine
from app.marketplace.orders.db.invoices import Invoice, LineItem
from app.marketplace.orders.db.shipments import ShipmentCarrier
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag, flags_after_shipping
from app.marketplace.orders.domain.order import DeliveryType, LineItemStatus
from app.marketplace.orders.domain.purchase import Part, PricedLine, Terms, order_amounts, split
from app.marketplace.orders.domain.shipment import tracking_link
from app.marketplace.refunds.domain.refund_request import (
    RefundRequestInitiator,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
)
from app.tools.seed.plan import CURRENCY, TAX_RATE, PlannedLine, PlannedOrder, PlannedVariant, Progress

_SHIPPING = Terms(shipping_description="Standard", shipping_cost_cents=990, tax_rate=TAX_RATE)
_COLLECTING = Terms(shipping_description="Pick up in store", tax_rate=TAX_RATE)

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SeededInvoice:
    """An invoice with its lines and its order."""

    order: PlannedOrder
    invoice: Invoice
    lines: Sequence[LineItem]

    @property
    def sent(self) -> list[tuple[LineItem, int]]:
        """The line items that are sent, with quantities; empty if the buyer collects them."""
        if self.invoice.delivery_type is not DeliveryType.BUY_ONLINE:
            return []
        gone = [(line, line.quantity - line.quantity_awaiting_dispatch) for line in self.lines]
        return [(line, quantity) for line, quantity in gone if quantity]

    @property
    def is_returning(self) -> bool:
        return InvoiceStatusFlag.AWAITING_RETURN in self.invoice.status_flags


def parts(order: PlannedOrder, planned: Sequence[PlannedVariant], variants: Sequence[Variant]) -> list[Part]:
    """Price an order and split it into invoices, by the rules of orderCreate."""
    wanted = [_wanted(line, variants[line.variant].id, place) for place, line in enumerate(order.lines)]
    offers = {
        int(variants[line.variant].id): _offer(planned[line.variant], variants[line.variant]) for line in order.lines
    }
    keys = {(offers[line.variant_id].seller_id, line.delivery_type) for line in wanted}
    terms = {key: _SHIPPING if key[1] is DeliveryType.BUY_ONLINE else _COLLECTING for key in keys}
    return split(wanted, offers, terms)


def _wanted(line: PlannedLine, variant_id: int, place: int) -> PurchaseLine:
    return PurchaseLine(
        path=f"lineItems.{place}",
        variant_id=variant_id,
        quantity=line.quantity,
        delivery_type=line.delivery_type,
        tax_rate=TAX_RATE,
    )


def _offer(planned: PlannedVariant, variant: Variant) -> Offer:
    return Offer(
        seller_id=variant.seller_id,
        is_for_sale=True,
        price_cents=planned.paid_cents,
        currency=CURRENCY,
        count_on_hand=None,
    )


def order_values(order: PlannedOrder, of_order: Sequence[Part]) -> Values:
    return {
        "token": secrets.token_urlsafe(16),
        "status": order.status,
        "first_name": order.first_name,
        "surname": order.surname,
        "email_address": order.email_address,
        "message_to_seller": order.message,
        "payment_instrument_type": "credit_card",
        **order_amounts(of_order),
        "currency": CURRENCY,
        "created_at": order.created_at,
        "updated_at": order.created_at,
    }


def invoice_values(order: PlannedOrder, order_id: int, part: Part) -> Values:
    return {
        "order_id": order_id,
        "seller_id": part.seller_id,
        "delivery_type": part.delivery_type,
        "status_flags": _flags(order, part),
        "buyer_first_name": order.first_name,
        "buyer_surname": order.surname,
        "buyer_email_address": order.email_address,
        "buyer_message_to_seller": order.message,
        "paid_at": order.created_at if order.progress.is_paid else None,
        "remitted_at": order.dispatched_at if order.progress is Progress.REMITTED else None,
        "shipping_description": part.terms.shipping_description,
        **asdict(part.amounts),
        "currency": CURRENCY,
        "created_at": order.created_at,
        "updated_at": order.created_at,
    }


def _flags(order: PlannedOrder, part: Part) -> list[InvoiceStatusFlag]:
    if not order.progress.is_paid:
        return []
    flags = {InvoiceStatusFlag.PAID}
    awaiting = [_awaiting(order, line, place) for place, line in enumerate(part.lines)]
    if part.delivery_type is DeliveryType.CLICK_AND_COLLECT:
        flags |= set() if any(awaiting) else {InvoiceStatusFlag.COLLECTED}
    elif awaiting != [line.wanted.quantity for line in part.lines]:
        flags = {*flags_after_shipping(flags, awaiting=awaiting)}
    if order.progress is Progress.REMITTED:
        flags.add(InvoiceStatusFlag.REMITTED)
    if order.progress is Progress.RETURNING:
        flags.add(InvoiceStatusFlag.AWAITING_RETURN)
    return [flag for flag in InvoiceStatusFlag if flag in flags]


def _awaiting(order: PlannedOrder, line: PricedLine, place: int) -> int:
    """Return the quantity of a line that is not sent yet. A partially sent invoice has sent one of its first line."""
    quantity = line.wanted.quantity
    if order.progress.is_sent:
        return 0
    is_begun = order.progress is Progress.PARTIALLY_SENT and place == 0
    return quantity - 1 if is_begun else quantity


def line_item_values(
    order: PlannedOrder, invoice_id: int, line: PricedLine, place: int, variant: Variant, advert: Advert
) -> Values:
    quantity, amounts = line.wanted.quantity, line.amounts
    # What is asked back can't be asked back again: one of the first line of a returning invoice.
    asked_back = 1 if order.progress is Progress.RETURNING and place == 0 else 0
    return {
        "invoice_id": invoice_id,
        "advert_id": advert.id,
        "advert_title": advert.title,
        "advert_code": advert.code,
        "variant_id": variant.id,
        "variant_name": variant.label,
        "variant_sku": variant.sku,
        "variant_barcode": variant.barcode,
        "status": LineItemStatus.ALLOCATED if order.progress.is_paid else LineItemStatus.NEW,
        "quantity": quantity,
        "quantity_awaiting_dispatch": _awaiting(order, line, place),
        "quantity_returnable": quantity - asked_back,
        "item_amount_cents": line.item_amount_cents,
        "total_cents": amounts.total_cents,
        "subtotal_cents": amounts.total_cents,
        "tax_total_cents": amounts.tax_cents,
        "tax_rate": amounts.tax_rate,
        "currency": CURRENCY,
        "created_at": order.created_at,
        "updated_at": order.created_at,
    }


def shipment_values(sold: SeededInvoice, carriers: Sequence[ShipmentCarrier]) -> Values:
    carrier = carriers[sold.order.carrier]
    return {
        "invoice_id": sold.invoice.id,
        "carrier_id": carrier.id,
        "carrier": carrier.name,
        "tracking_number": sold.order.tracking_number,
        "tracking_link": tracking_link(carrier.tracking_link_template, sold.order.tracking_number),
        "dispatched_at": sold.order.dispatched_at,
        "created_at": sold.order.dispatched_at,
        "updated_at": sold.order.dispatched_at,
    }


def refund_request_values(sold: SeededInvoice) -> Values:
    """Return a refund request for one of the invoice's first line."""
    amount = sold.lines[0].item_amount_cents
    return {
        "invoice_id": sold.invoice.id,
        "status": RefundRequestStatus.AWAITING,
        "initiated_by": RefundRequestInitiator.BUYER,
        "total_cents": amount,
        "request_value_cents": amount,
        "line_item_amount_total_cents": amount,
        "currency": CURRENCY,
        "created_at": sold.order.dispatched_at,
        "updated_at": sold.order.dispatched_at,
    }


def refund_request_line_item_values(sold: SeededInvoice, refund_request_id: int) -> Values:
    line = sold.lines[0]
    return {
        "refund_request_id": refund_request_id,
        "line_item_id": line.id,
        "quantity": 1,
        "status": RefundRequestLineItemStatus.AWAITING_RETURN,
        "reason": "It is not what the buyer expected.",
        "is_dispatched": True,
        "amount_cents": line.item_amount_cents,
        "amount_per_item_cents": line.item_amount_cents,
        "currency": CURRENCY,
    }
