"""GraphQL enums over the domain's words. Names and values are letter for letter those of integrators."""

from app.marketplace.catalogue.domain.advert import AdvertCondition, AdvertGender
from app.marketplace.catalogue.domain.option import FieldType
from app.marketplace.catalogue.domain.seller import SellerAccountType
from app.marketplace.orders.domain.adjustment import AdjustmentAppliesTo, AdjustmentType
from app.marketplace.orders.domain.invoice import (
    InvoiceAmendmentLineItemStatus,
    InvoiceClickAndCollectStatus,
    InvoiceStatus,
    InvoiceStatusFlag,
)
from app.marketplace.orders.domain.order import (
    DeliveryType,
    LineItemStatus,
    LineItemStatusFull,
    OrderStatus,
    PricingModel,
)
from app.marketplace.orders.domain.tracking import ShipmentStatus
from app.marketplace.refunds.domain.refund_request import (
    RefundRequestInitiator,
    RefundRequestLineItemCreateStatus,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
)
from schema.enums.describe import describe_enum

# A type annotates with the GraphQL name, which is the domain's enumeration itself: rows carry its members.
OrderStatusEnum = OrderStatus
describe_enum(
    OrderStatus,
    "OrderStatusEnum",
    "The progress of an order, from the cart to the payment.",
    {
        "NEW": "A cart: nothing has been decided yet.",
        "CHECKOUT": "The buyer is entering addresses and payment.",
        "ABANDONED": "The buyer left before paying; nothing is to be sent.",
        "COMPLETE": "Placed and paid for.",
        "PAYMENT_FAILED": "The payment was refused; nothing is to be sent.",
        "PAYMENT_IN_PROGRESS": "Placed; the payment has been started and not been confirmed yet.",
        "PENDING_REVIEW": "Placed; the operator checks it before it goes to the sellers.",
    },
)

InvoiceStatusFlagEnum = InvoiceStatusFlag
describe_enum(
    InvoiceStatusFlag,
    "InvoiceStatusFlagEnum",
    "Something that is true of an invoice. Several are true at once.",
    {
        "PAID": "The buyer has paid.",
        "PAYMENT_UNDER_REVIEW": "The payment is being checked: do not send yet.",
        "SENT": "Nothing awaits dispatch any more.",
        "PARTIALLY_SENT": "Some items have been sent and others await dispatch.",
        "AWAITING_RETURN": "The buyer is to send items back.",
        "AWAITING_REFUND": "Items came back, or a refund was accepted; it has not been paid out yet.",
        "REFUNDED": "A refund has been paid out.",
        "CANCELLED": "Cancelled before it was sent.",
        "READY": "Click and collect: ready to be collected.",
        "COLLECTED": "Click and collect: collected by the buyer.",
        "REMITTED": "The seller has been paid out.",
    },
)

InvoiceStatusEnum = InvoiceStatus
describe_enum(
    InvoiceStatus,
    "InvoiceStatusEnum",
    "The one status that says most about an invoice.",
    {
        "AWAITING_PAYMENT": "Not paid yet.",
        "PAID": "Paid, nothing sent yet.",
        "PAYMENT_UNDER_REVIEW": "The payment is being checked: do not send yet.",
        "SENT": "Everything has been sent.",
        "PARTIALLY_SENT": "Some of the items have been sent.",
        "READY": "Ready to be collected.",
        "COLLECTED": "Collected by the buyer.",
        "REFUNDED": "Refunded.",
        "CANCELLED": "Cancelled before it was sent.",
    },
)

LineItemStatusEnum = LineItemStatus
describe_enum(
    LineItemStatus,
    "LineItemStatusEnum",
    "The status of a line item, apart from its dispatch.",
    {
        "NEW": "Bought; the seller has not set it aside yet.",
        "ALLOCATED": "The seller has set the goods aside.",
        "REFUNDED": "Refunded after it was sent.",
        "CANCELLED": "Cancelled before it was sent.",
    },
)

LineItemStatusFullEnum = LineItemStatusFull
describe_enum(
    LineItemStatusFull,
    "LineItemStatusFullEnum",
    "The status of a line item, including its dispatch.",
    {
        "NEW": "Bought; the seller has not set it aside yet.",
        "ALLOCATED": "The seller has set the goods aside.",
        "SHIPPED": "The whole quantity has been sent.",
        "REFUNDED": "Refunded after it was sent.",
        "CANCELLED": "Cancelled before it was sent.",
    },
)

DeliveryTypeEnum = DeliveryType
describe_enum(
    DeliveryType,
    "DeliveryTypeEnum",
    "The way in which items reach the buyer.",
    {
        "BUY_ONLINE": "The seller sends them.",
        "CLICK_AND_COLLECT": "The buyer collects them from the seller.",
        "NO_DISPATCH": "Nothing is sent or collected, as with a voucher.",
    },
)

InvoiceClickAndCollectStatusEnum = InvoiceClickAndCollectStatus
describe_enum(
    InvoiceClickAndCollectStatus,
    "InvoiceClickAndCollectStatusEnum",
    "The progress of an invoice that the buyer collects.",
    {"READY": "Ready to be collected.", "COLLECTED": "Collected by the buyer."},
)

ShipmentStatusEnum = ShipmentStatus
describe_enum(
    ShipmentStatus,
    "ShipmentStatusEnum",
    "The status of a parcel that a carrier reports.",
    {
        "InfoReceived": "The carrier knows of it and has not got it yet.",
        "InTransit": "On its way.",
        "OutForDelivery": "On its last way, to the buyer's door.",
        "AttemptFail": "Nobody could take it in.",
        "Delivered": "Handed over.",
        "AvailableForPickup": "Waiting where the buyer can fetch it.",
        "Exception": "Something went wrong: it is lost, damaged, held or sent back.",
        "Expired": "Nothing has been heard of it for a long time.",
        "Pending": "Nothing has been reported yet.",
    },
)

AdjustmentTypeEnum = AdjustmentType
describe_enum(
    AdjustmentType,
    "AdjustmentTypeEnum",
    "The kind of a price adjustment.",
    {"PROMOTION": "Something taken off.", "FEE": "Something added."},
)

AdjustmentAppliesToEnum = AdjustmentAppliesTo
describe_enum(
    AdjustmentAppliesTo,
    "AdjustmentAppliesToEnum",
    "The part of a price that an adjustment changes.",
    {"SUBTOTAL_DISCOUNT": "The price of the items.", "FREE_SHIPPING_DISCOUNT": "The price of shipping."},
)

FieldTypeEnum = FieldType
describe_enum(
    FieldType,
    "FieldTypeEnum",
    "The form of an option's values.",
    {
        "SINGLE_SELECT": "One of the option's values.",
        "MULTI_SELECT": "Any number of the option's values.",
        "FREE_TEXT": "A text of its own.",
    },
)

PricingModelEnum = PricingModel
describe_enum(
    PricingModel,
    "PricingModelEnum",
    "On whose account an item is sold.",
    {
        "MARKETPLACE": "The seller sells; the operator keeps a commission.",
        "WHOLESALE": "The operator buys from the seller and sells on its own account.",
    },
)

AdvertConditionEnum = AdvertCondition
describe_enum(
    AdvertCondition,
    "AdvertConditionEnum",
    "The condition of the goods.",
    {"NEW": "Never used.", "USED": "Second-hand."},
)

AdvertGenderEnum = AdvertGender
describe_enum(
    AdvertGender,
    "AdvertGenderEnum",
    "Whom goods such as clothes are made for.",
    {"UNISEX": "For everybody.", "MALE": "For men and boys.", "FEMALE": "For women and girls."},
)

RefundRequestStatusEnum = RefundRequestStatus
describe_enum(
    RefundRequestStatus,
    "RefundRequestStatusEnum",
    "The status of a refund request; it follows from its lines.",
    {
        "AWAITING": "A line is pending approval or awaiting return.",
        "RETURNED": "The items have come back; the refund has not been decided yet.",
        "REFUND_ACCEPTED": "The refund has been accepted and not been paid out yet.",
        "REFUND_DENIED": "The refund of a line has been denied; another came back and has not been decided yet.",
        "REFUNDED": "A line has been refunded.",
        "DENIED": "Every line has been denied.",
        "PROCESSED": "Every line has been accepted.",
    },
)

SellerAccountTypeEnum = SellerAccountType
describe_enum(
    SellerAccountType,
    "SellerAccountTypeEnum",
    "Whether a new seller sells at once.",
    {
        "PROSPECTIVE": "It does not sell yet: its adverts are not shown.",
        "RETAILER": "It sells.",
    },
)
RefundRequestLineItemCreateStatusEnum = RefundRequestLineItemCreateStatus
describe_enum(
    RefundRequestLineItemCreateStatus,
    "RefundRequestLineItemCreateStatusEnum",
    "The status with which a line of a refund request begins.",
    {
        "PENDING_APPROVAL": "Somebody has yet to approve that it may be returned.",
        "AWAITING_RETURN": "The buyer is to send the items back.",
        "REFUND_ACCEPTED": "The refund has been accepted.",
    },
)
RefundRequestLineItemStatusEnum = RefundRequestLineItemStatus
describe_enum(
    RefundRequestLineItemStatus,
    "RefundRequestLineItemStatusEnum",
    "The status of one line of a refund request.",
    {
        "PENDING_APPROVAL": "Somebody has yet to approve that it may be returned.",
        "AWAITING_RETURN": "The buyer is to send the items back, or has; the refund has not been decided yet.",
        "REFUND_ACCEPTED": "The refund has been accepted and not been paid out yet.",
        "REFUND_DENIED": "The refund has been denied.",
        "REFUNDED": "The refund has been paid out.",
    },
)

RefundRequestInitiatorEnum = RefundRequestInitiator
describe_enum(
    RefundRequestInitiator,
    "RefundRequestInitiatorEnum",
    "The person who asked for a refund.",
    {"ADMIN": "The operator.", "SELLER": "The seller.", "BUYER": "The buyer."},
)

InvoiceAmendmentLineItemStatusEnum = InvoiceAmendmentLineItemStatus
describe_enum(
    InvoiceAmendmentLineItemStatus,
    "InvoiceAmendmentLineItemStatusEnum",
    "The outcome for the items of an amendment.",
    {"REFUNDED": "Refunded after they were sent.", "CANCELLED": "Cancelled before they were sent."},
)
