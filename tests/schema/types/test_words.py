"""The schema itself has descriptions for integrators, and names of enumeration values as they know them."""

import pytest
from graphql import GraphQLEnumType, GraphQLObjectType
from graphql.type.schema import TypeMap
from graphql.utilities import build_schema

from schema import schema
from schema.entities.declarations import ENTITIES

ENUMS = {
    "OrderStatusEnum": "NEW CHECKOUT ABANDONED COMPLETE PAYMENT_FAILED PAYMENT_IN_PROGRESS PENDING_REVIEW",
    "InvoiceStatusFlagEnum": "PAID PAYMENT_UNDER_REVIEW SENT PARTIALLY_SENT AWAITING_RETURN AWAITING_REFUND"
    " REFUNDED CANCELLED READY COLLECTED REMITTED",
    "InvoiceStatusEnum": "AWAITING_PAYMENT PAID PAYMENT_UNDER_REVIEW SENT PARTIALLY_SENT READY COLLECTED"
    " REFUNDED CANCELLED",
    "LineItemStatusEnum": "NEW ALLOCATED REFUNDED CANCELLED",
    "LineItemStatusFullEnum": "NEW ALLOCATED SHIPPED REFUNDED CANCELLED",
    "DeliveryTypeEnum": "BUY_ONLINE CLICK_AND_COLLECT NO_DISPATCH",
    "RefundRequestStatusEnum": "AWAITING RETURNED REFUND_ACCEPTED REFUND_DENIED REFUNDED DENIED PROCESSED",
    "RefundRequestLineItemStatusEnum": "PENDING_APPROVAL AWAITING_RETURN REFUND_ACCEPTED REFUND_DENIED REFUNDED",
    "RefundRequestInitiatorEnum": "ADMIN SELLER BUYER",
    "InvoiceAmendmentLineItemStatusEnum": "REFUNDED CANCELLED",
    "PricingModelEnum": "MARKETPLACE WHOLESALE",
    "AdvertConditionEnum": "NEW USED",
    "ShipmentStatusEnum": "InfoReceived InTransit OutForDelivery AttemptFail Delivered AvailableForPickup Exception"
    " Expired Pending",
    "AdjustmentTypeEnum": "PROMOTION FEE",
    "AdjustmentAppliesToEnum": "SUBTOTAL_DISCOUNT FREE_SHIPPING_DISCOUNT",
    "FieldTypeEnum": "SINGLE_SELECT MULTI_SELECT FREE_TEXT",
    "WebhookKlassEnum": "INVOICE VARIANT REFUND_REQUEST ADVERT SHIPMENT SELLER ORDER RETURN_SHIPMENT"
    " REFUND_REQUEST_LINE_ITEM INVOICE_ANNOTATION TAXON OPTION_TYPE OPTION_VALUE REMITTANCE_ADVICE"
    " COMMISSION_PACKAGE OPERATIONAL_EVENT",
    "WebhookEventEnum": "CREATE UPDATE DESTROY",
}


@pytest.fixture(scope="module")
def types() -> TypeMap:
    """As the SDL describes them."""
    return build_schema(schema.as_str()).type_map


@pytest.mark.parametrize("name", sorted(ENUMS))
def test_enum_has_the_values_that_integrators_know(name: str, types: TypeMap) -> None:
    enum = types[name]

    assert isinstance(enum, GraphQLEnumType)
    assert " ".join(enum.values) == ENUMS[name]


@pytest.mark.parametrize("name", sorted(ENUMS))
def test_enum_explains_each_of_its_values(name: str, types: TypeMap) -> None:
    enum = types[name]

    assert isinstance(enum, GraphQLEnumType)
    assert enum.description
    assert [value for value, found in enum.values.items() if not found.description] == []


@pytest.mark.parametrize("name", sorted(ENTITIES))
def test_entity_explains_each_of_its_fields(name: str, types: TypeMap) -> None:
    declared = types[name]

    assert isinstance(declared, GraphQLObjectType)
    assert declared.description
    assert [field for field, found in declared.fields.items() if not found.description] == []
