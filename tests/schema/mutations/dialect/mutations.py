"""The inputs of mutations as clients of Marketplacer send them, by mutation, in an order that works."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.support.every_mutation import Scene

ADDRESS = {
    "address": "1 High Street",
    "city": "Melbourne",
    "postcode": "3000",
    "country": {"code": "AU"},
    "state": {"short": "VIC"},
}
NOTES = [{"note": "Seen", "ipAddress": "203.0.113.7", "attachments": [{"sourceUrl": "https://a.example/1.png"}]}]
IDS = [{"key": "erp", "value": "E-7"}]
KEPT = {"externalIds": IDS, "metadata": [{"key": "colour", "value": "red"}]}

#: Mutation → the type of its input there, and what is selected of its payload.
FORMS = {
    "orderCreate": ("OrderCreateMutationInput", "order { id total externalIds { value } }"),
    "orderUpdate": ("OrderUpdateMutationInput", "order { id firstName }"),
    "shipmentCreate": ("ShipmentCreateMutationInput", "shipment { id }"),
    "shipmentUpdate": ("ShipmentUpdateMutationInput", "shipment { id note }"),
    "shipmentStatusCreate": ("ShipmentStatusCreateMutationInput", "shipmentStatus { id status }"),
    "refundRequestCreate": ("RefundRequestCreateMutationInput", "refundRequest { id externalIds { value } }"),
    "refundRequestApprove": ("RefundRequestApproveInput", "refundRequest { id status }"),
    "refundRequestReturn": ("RefundRequestReturnMutationInput", "refundRequest { id status }"),
    "refundRequestDeny": ("RefundRequestDenyMutationInput", "refundRequest { id status }"),
    "refundRequestRevertDenial": ("RefundRequestRevertDenialMutationInput", "refundRequest { id status }"),
    "refundRequestRefund": ("RefundRequestRefundMutationInput", "refundRequest { id cashAmountCents }"),
    "refundRequestLineItemAccept": ("RefundRequestLineItemAcceptMutationInput", "refundRequestLineItem { id status }"),
    "refundRequestLineItemReturn": ("RefundRequestLineItemReturnMutationInput", "refundRequestLineItem { id status }"),
    "refundRequestLineItemDeny": ("RefundRequestLineItemDenyMutationInput", "refundRequestLineItem { id status }"),
    "returnShipmentCreate": ("ReturnShipmentCreateMutationInput", "shipment { id attachments { url } }"),
    "returnShipmentUpdate": ("ReturnShipmentUpdateMutationInput", "shipment { id note metadata { value } }"),
    "invoiceAmendmentCreate": ("InvoiceAmendmentCreateMutationInput", "invoiceAmendment { id totalCents }"),
    "clickAndCollectStatusUpdate": ("ClickAndCollectStatusUpdateMutationInput", "invoice { id statusFlags }"),
    "invoiceAnnotationResolve": ("InvoiceAnnotationResolveMutationInput", "invoiceAnnotation { id resolved }"),
    "advertUpsert": ("AdvertUpsertMutationInput", "advert { id brand { name } variants { nodes { label sku } } }"),
    "advertPublishedUpdate": ("AdvertPublishedUpdateMutationInput", "advert { id published }"),
    "variantUpdate": ("VariantUpdateMutationInput", "variant { id editablePrice wholesalePriceCents }"),
    "variantDelete": ("VariantDeleteMutationInput", "variant { id }"),
    "advertDelete": ("AdvertDeleteMutationInput", "advert { id }"),
    "sellerUpdate": ("SellerUpdateMutationInput", "seller { id phone address { state { short } } }"),
    "sellerCreate": ("SellerCreateMutationInput", "seller { id accountType emailAddress storeDescriptionHtml }"),
    "invoiceAnnotationTypeCreate": (
        "InvoiceAnnotationTypeCreateMutationInput",
        "invoiceAnnotationType { id name viewableBySeller viewableByCustomer }",
    ),
    "invoiceAnnotationTypeUpdate": (
        "InvoiceAnnotationTypeUpdateMutationInput",
        "invoiceAnnotationType { id description editableBySeller }",
    ),
    "invoiceAnnotationCreate": (
        "InvoiceAnnotationCreateMutationInput",
        "invoiceAnnotation { id content invoiceAnnotationType { name } }",
    ),
    "invoiceAnnotationUpdate": ("InvoiceAnnotationUpdateMutationInput", "invoiceAnnotation { id resolved }"),
    "invoiceAnnotationTypeDiscard": (
        "InvoiceAnnotationTypeDiscardMutationInput",
        "invoiceAnnotationType { id discardedAt }",
    ),
    "webhookCreate": ("WebhookCreateMutationInput", "webhook { id eventName events { id } }"),
    "webhookUpdate": ("WebhookUpdateMutationInput", "webhook { id enabled }"),
    "taxonCreateOrUpdate": ("TaxonCreateOrUpdateMutationInput", "taxon { id displayName externalIds { value } }"),
    "optionTypeCreateOrUpdate": ("OptionTypeCreateOrUpdateMutationInput", "optionType { id name }"),
    "optionValueCreateOrUpdate": ("OptionValueCreateOrUpdateMutationInput", "optionValue { id name }"),
    "externalIdUpsert": ("ExternalIDUpsertMutationInput", "externalId { key value }"),
    "metadataUpsert": ("MetadataUpsertMutationInput", "metadata { key value }"),
}


def inputs(ids: Scene, made: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the input of each mutation.

    Args:
        ids: The scene of every mutation.
        made: Ids of what earlier mutations of the story have made, by the mutation.
    """
    step = {"notes": NOTES, "clientMutationId": "c-1"}
    return {
        "orderCreate": {
            "order": {"firstName": "Ada", "surname": "Byron", "address": ADDRESS, "billingAddress": ADDRESS, **KEPT},
            "lineItems": [
                {
                    "variantId": ids["variant"],
                    "quantity": 2,
                    "cost": {"amount": 2200, "tax": 200},
                    "postage": {"amount": 1100, "tax": 100},
                    "adjustments": [
                        {
                            "adjustmentType": "PROMOTION",
                            "amountCents": 100,
                            "amountToWithholdFromSellerRemittanceCents": 50,
                            "description": "Spring",
                        }
                    ],
                    **KEPT,
                }
            ],
        },
        "orderUpdate": {"orderId": ids["order"], "status": "COMPLETE", "attributes": {"firstName": "Grace"}},
        "shipmentCreate": {
            "invoiceId": ids["invoice"],
            "dispatchedAt": f"{datetime.now(UTC).date()}",
            "postageCarrierId": ids["carrier"],
            "trackingNumber": "T-1",
            "shippedItems": [{"lineItemId": ids["line_item"], "quantity": 1}],
        },
        "shipmentUpdate": {"shipmentId": ids["shipment"], "note": "Left at the door"},
        "shipmentStatusCreate": {"shipmentId": ids["shipment"], "status": "InTransit"},
        "refundRequestCreate": {
            "invoiceId": ids["invoice"],
            "initiatedBy": "ADMIN",
            "lineItems": [{"custom": "Goodwill", "quantity": 1, "amountPerItemCents": 100, **KEPT}],
            "notes": NOTES,
            **KEPT,
        },
        "refundRequestRefund": {"refundRequestId": ids["REFUND_ACCEPTED 1"], "cashAmountCents": 0, **step},
        "refundRequestApprove": {"refundRequestId": ids["PENDING_APPROVAL 1"], "note": NOTES[0]},
        "refundRequestReturn": {"refundRequestId": ids["AWAITING_RETURN 1"], **step},
        "refundRequestDeny": {"refundRequestId": ids["PENDING_APPROVAL 2"], **step},
        "refundRequestRevertDenial": {"refundRequestId": ids["REFUND_DENIED 1"], **step},
        "refundRequestLineItemAccept": {"refundRequestLineItemId": ids["line PENDING_APPROVAL 3"], **step},
        "refundRequestLineItemReturn": {"refundRequestLineItemId": ids["line AWAITING_RETURN 2"], **step},
        "refundRequestLineItemDeny": {
            "refundRequestLineItemId": ids["line AWAITING_RETURN 3"],
            "denyRefundReason": "Worn",
            **step,
        },
        "returnShipmentCreate": {
            "refundRequestId": ids["refund_request"],
            "carrierId": ids["carrier"],
            "trackingNumber": "R-1",
            "dropOffUrl": "https://fast.example/near",
            "shippedItems": [{"lineItemId": ids["line_item"], "quantity": 1}],
            "attachments": [{"sourceUrl": "https://a.example/label.png", "alt": "Label"}],
            **KEPT,
        },
        "returnShipmentUpdate": {"shipmentId": made.get("returnShipmentCreate", ""), "note": "Wet", **KEPT},
        "invoiceAmendmentCreate": {
            "invoiceId": ids["invoice"],
            "lineItems": [{"custom": "Goodwill", "quantity": 1, "amountCents": -300, "status": "REFUNDED"}],
            "remittanceCents": -300,
        },
        "clickAndCollectStatusUpdate": {"invoiceId": ids["invoice"], "status": "READY"},
        "advertUpsert": {
            "attributes": {
                "title": "Kettle",
                "description": "Boils",
                "brandId": ids["brand"],
                "price": "12.50",
                "salePrice": "9.99",
                "images": [{"sourceUrl": "https://a.example/kettle.png"}],
                "variants": [{"sku": "K-1", "countOnHand": 3}, {"sku": "K-2", "countOnHand": 1, "price": "13.00"}],
                **KEPT,
            },
            "sellerId": ids["seller"],
        },
        "advertPublishedUpdate": {"id": ids["advert"], "published": False},
        "variantUpdate": {
            "variantId": ids["variant"],
            "attributes": {"countOnHand": 4, "price": 12.5, "wholesalePrice": "8.25", **KEPT},
        },
        "variantDelete": {"id": ids["spare_variant"]},
        "advertDelete": {"id": ids["advert"]},
        "sellerUpdate": {
            "sellerId": ids["seller"],
            "attributes": {"businessName": "Kettles", "phone": "0400 000 000", "address": ADDRESS},
        },
        "sellerCreate": {
            "attributes": {
                "accountType": "RETAILER",
                "businessName": "Pots",
                "legalBusinessName": "Pots Pty Ltd",
                "businessRegistrationCode": "51 824 753 556",
                "phone": "03 9000 0000",
                "mobile": "0400 000 000",
                "storeDescription": "Pots & pans",
                "address": ADDRESS,
                "user": {"emailAddress": "mei@pots.example", "firstName": "Mei", "surname": "Chen"},
                "metadata": KEPT["metadata"],
            }
        },
        "invoiceAnnotationTypeCreate": {
            "attributes": {
                "name": "Call",
                "description": "Calls to the buyer",
                "creatableByOperator": True,
                "editableByOperator": True,
                "resolvableByOperator": True,
                "viewableByOperator": True,
                "creatableByCustomer": False,
                "viewableBySeller": True,
                "resolvableBySeller": False,
            }
        },
        "invoiceAnnotationTypeUpdate": {
            "invoiceAnnotationTypeId": made.get("invoiceAnnotationTypeCreate", ""),
            "attributes": {"name": "Call", "description": "Calls", "editableBySeller": False},
        },
        "invoiceAnnotationCreate": {
            "invoiceId": ids["invoice"],
            "invoiceAnnotationTypeId": made.get("invoiceAnnotationTypeCreate", ""),
            "attributes": {"content": "Call the buyer", "resolved": False},
        },
        "invoiceAnnotationUpdate": {
            "invoiceAnnotationId": made.get("invoiceAnnotationCreate", ""),
            "attributes": {"content": "Called the buyer", "resolved": True},
        },
        "invoiceAnnotationResolve": {"invoiceAnnotationId": made.get("invoiceAnnotationCreate", "")},
        "invoiceAnnotationTypeDiscard": {"invoiceAnnotationTypeId": made.get("invoiceAnnotationTypeCreate", "")},
        "webhookCreate": {
            "attributes": {"type": "INVOICE", "url": "http://127.0.0.1:9/", "eventName": "UPDATE", "allowSkip": True}
        },
        "webhookUpdate": {"webhookId": made.get("webhookCreate", ""), "attributes": {"enabled": False}},
        "taxonCreateOrUpdate": {"displayName": "Kitchen", "title": "All for the kitchen", "externalIds": IDS},
        "optionTypeCreateOrUpdate": {
            "name": "Colour",
            "displayName": "Colour",
            "fieldType": "SINGLE_SELECT",
            "externalIds": IDS,
        },
        "optionValueCreateOrUpdate": {
            "optionTypeId": made.get("optionTypeCreateOrUpdate", ""),
            "name": "Red",
            "externalIds": IDS,
        },
        "externalIdUpsert": {"owner": ids["invoice"], "key": "erp", "value": "E-1"},
        "metadataUpsert": {"owner": ids["invoice"], "key": "erp", "value": "E-1"},
    }
