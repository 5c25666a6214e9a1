"""The input of `create_order`: a purchase with its lines or invoices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.catalogue.db.variants import VariantId
from app.marketplace.orders.domain.adjustment import NewAdjustment
from app.marketplace.orders.domain.order import DeliveryType, OrderStatus
from app.marketplace.orders.services.addresses import NewAddress
from app.marketplace.orders.services.payments import NewPaymentEvent
from app.marketplace.owned.services.owned import KeptValue


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMoney:
    """An amount with the tax that it contains, by its amount or by its rate. None of both: another rate tells it."""

    amount: int
    tax: int | None = None
    tax_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLineItem:
    """A line of a purchase.

    Args:
        item_amount_cents: The price of one. None takes the variant's price.
        total_cents: The price of all, in the place of `item_amount_cents`.
        cost: The same with its tax.
        tax_rate: A fraction. None is no tax.
        postage: The postage with its tax, in the place of `postage_cents`.
        adjustments: Adjustments of the line's own goods and postage.
        commission_rate: The operator's part of the total, a fraction. None: no commission.
    """

    variant_id: VariantId
    quantity: int
    delivery_type: DeliveryType = DeliveryType.BUY_ONLINE
    item_amount_cents: int | None = None
    total_cents: int | None = None
    cost: NewMoney | None = None
    tax_rate: float | None = None
    postage_cents: int = 0
    postage: NewMoney | None = None
    adjustments: Sequence[NewAdjustment] = ()
    commission_rate: float | None = None
    commission_tax_rate: float | None = None
    external_ids: Sequence[KeptValue] = ()
    metadata: Sequence[KeptValue] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvoice:
    """An invoice of a purchase. `tax_rate` is the rate of the shipping, and of each line without one.

    The delivery types of the lines are ignored.

    Args:
        seller_id: None takes the seller of its first line's variant.
        total_cents: What the caller expects the invoice's total to be. None expects nothing.
        merchant_fee_cents: What the payment of this invoice costs. It is recorded and changes no other amount.
    """

    line_items: Sequence[NewLineItem]
    seller_id: SellerId | None = None
    delivery_type: DeliveryType = DeliveryType.BUY_ONLINE
    shipping_description: str = ""
    shipping_cost_cents: int = 0
    tax_rate: float | None = None
    adjustments: Sequence[NewAdjustment] = ()
    total_cents: int | None = None
    merchant_fee_cents: int | None = None
    merchant_fees_tax_rate: float | None = None
    external_ids: Sequence[KeptValue] = ()
    metadata: Sequence[KeptValue] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    status: OrderStatus = OrderStatus.COMPLETE
    first_name: str | None = None
    surname: str | None = None
    phone: str | None = None
    email_address: str | None = None
    company_name: str | None = None
    billing_first_name: str | None = None
    billing_surname: str | None = None
    billing_phone: str | None = None
    billing_email_address: str | None = None
    billing_company_name: str | None = None
    is_gift: bool = False
    message_to_seller: str | None = None
    message_to_gift_recipient: str | None = None
    expected_delivery_date: datetime | None = None
    expected_delivery_slot: str | None = None
    payment_instrument_type: str | None = None
    address: NewAddress | None = None
    billing_address: NewAddress | None = None
    payment_events: Sequence[NewPaymentEvent] = ()
    external_ids: Sequence[KeptValue] = ()
    metadata: Sequence[KeptValue] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPurchase:
    """A purchase with either lines, which are split into invoices, or invoices."""

    order: NewOrder
    line_items: Sequence[NewLineItem] | None = None
    invoices: Sequence[NewInvoice] | None = None
