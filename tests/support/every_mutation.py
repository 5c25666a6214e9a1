"""A story in which every mutation is carried out once: inputs by mutation, in an order that works."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.invoices import create_line_item
from tests.builders.refund_requests import create_refund_request, create_refund_request_line_item
from tests.builders.remittances import create_remittance, create_remittance_advice
from tests.builders.sales import create_sale
from tests.builders.shipments import create_shipment_carrier
from tests.builders.variants import create_variant

#: They leave no audit entry: the attempts are the record of who took which message, and of what became of it.
UNRECORDED = (
    "webhookMessagesTake",
    "webhookMessagesAcknowledge",
    "webhookMessagesReject",
    "webhookMessagesExtend",
)
NOTES = [{"note": "Seen"}]
#: Id of a scene → what an input of the story calls it.
Scene = Mapping[str, str]


async def create_scene(conn: Connection) -> Scene:
    """Create what the story changes. Returns global ids by a name."""
    sale = await create_sale(conn)
    names = ("seller", "advert", "variant", "order", "invoice", "line_item", "shipment", "refund_request")
    ids = {name: sale.id_of(name) for name in names}
    await conn.execute("update invoices set delivery_type = 'CLICK_AND_COLLECT'")
    ids["carrier"] = encode("ShipmentCarrier", (await create_shipment_carrier(conn, name="Fast")).id)
    ids["spare_variant"] = encode("Variant", (await create_variant(conn, advert_id=sale.advert.id)).id)
    advice = await create_remittance_advice(conn, seller_id=sale.seller.id)
    ids["remittance_advice"] = encode("RemittanceAdvice", advice.id)
    ids["remittance"] = encode("Remittance", (await create_remittance(conn, invoice_id=sale.invoice.id)).id)
    for status in ("PENDING_APPROVAL", "AWAITING_RETURN", "REFUND_ACCEPTED", "REFUND_DENIED"):
        for place in (1, 2, 3):
            item = await create_line_item(conn, quantity=2, quantity_awaiting_dispatch=0)
            request = await create_refund_request(conn, invoice_id=item.invoice_id)
            line = await create_refund_request_line_item(
                conn, refund_request_id=request.id, line_item_id=item.id, status=status, is_dispatched=True
            )
            ids[f"{status} {place}"] = encode("RefundRequest", request.id)
            ids[f"line {status} {place}"] = encode("RefundRequestLineItem", line.id)
    for name in ("webhook", "backfilled"):
        webhook = await create_subscription(conn, "http://127.0.0.1:9/")
        ids[name] = encode("Webhook", webhook.id)
    (ended,) = await create_due_events(conn, webhook, state="FAILED", first_entity=1)
    (waiting,) = await create_due_events(conn, webhook, state="PENDING", first_entity=2)
    return {**ids, "ended event": encode("WebhookEvent", ended), "waiting event": encode("WebhookEvent", waiting)}


def inputs(ids: Scene, made: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the input of each mutation, in an order that works.

    Args:
        ids: The scene.
        made: Ids of what earlier mutations of the story have made, by the mutation.
    """
    return {
        "orderCreate": {"order": {}, "lineItems": [{"variantId": ids["variant"], "quantity": 1}]},
        "orderUpdate": {"orderId": ids["order"], "attributes": {"firstName": "Grace"}},
        "shipmentCreate": {
            "invoiceId": ids["invoice"],
            "dispatchedAt": f"{datetime.now(UTC).date()}T03:04:05Z",
            "postageCarrierId": ids["carrier"],
            "trackingNumber": "T-1",
            "shippedItems": [{"lineItemId": ids["line_item"], "quantity": 1}],
        },
        "shipmentUpdate": {"shipmentId": ids["shipment"], "note": "Left at the door"},
        "shipmentStatusCreate": {"shipmentId": ids["shipment"], "status": "InTransit"},
        "refundRequestCreate": {
            "invoiceId": ids["invoice"],
            "lineItems": [{"custom": "Goodwill", "quantity": 1, "amountPerItemCents": 100}],
            "notes": NOTES,
        },
        "refundRequestRefund": {"refundRequestId": ids["REFUND_ACCEPTED 1"], "notes": NOTES},
        "refundRequestApprove": {"refundRequestId": ids["PENDING_APPROVAL 1"], "notes": NOTES},
        "refundRequestReturn": {"refundRequestId": ids["AWAITING_RETURN 1"], "notes": NOTES},
        "refundRequestDeny": {"refundRequestId": ids["PENDING_APPROVAL 2"], "notes": NOTES},
        "refundRequestRevertDenial": {"refundRequestId": ids["REFUND_DENIED 1"], "notes": NOTES},
        "refundRequestLineItemAccept": {"refundRequestLineItemId": ids["line PENDING_APPROVAL 3"], "notes": NOTES},
        "refundRequestLineItemReturn": {"refundRequestLineItemId": ids["line AWAITING_RETURN 2"], "notes": NOTES},
        "refundRequestLineItemDeny": {
            "refundRequestLineItemId": ids["line AWAITING_RETURN 3"],
            "notes": NOTES,
            "denyRefundReason": "Worn",
        },
        "returnShipmentCreate": {
            "refundRequestId": ids["refund_request"],
            "carrierId": ids["carrier"],
            "trackingNumber": "R-1",
            "shippedItems": [{"lineItemId": ids["line_item"], "quantity": 1}],
        },
        "returnShipmentUpdate": {"shipmentId": made.get("returnShipmentCreate", ""), "note": "Wet"},
        "invoiceAmendmentCreate": {
            "invoiceId": ids["invoice"],
            "lineItems": [{"custom": "Goodwill", "quantity": 1, "amountCents": -300, "status": "REFUNDED"}],
        },
        "clickAndCollectStatusUpdate": {"invoiceId": ids["invoice"], "status": "READY"},
        "invoiceAnnotationTypeCreate": {"attributes": {"name": "Call", "description": "Calls to the buyer"}},
        "invoiceAnnotationTypeUpdate": {
            "invoiceAnnotationTypeId": made.get("invoiceAnnotationTypeCreate", ""),
            "attributes": {"name": "Calls", "description": "Calls", "editableBySeller": False},
        },
        "invoiceAnnotationCreate": {
            "invoiceId": ids["invoice"],
            "invoiceAnnotationTypeId": made.get("invoiceAnnotationTypeCreate", ""),
            "content": "Call",
        },
        "invoiceAnnotationUpdate": {
            "invoiceAnnotationId": made.get("invoiceAnnotationCreate", ""),
            "content": "Call back",
        },
        "invoiceAnnotationResolve": {
            "invoiceAnnotationId": made.get("invoiceAnnotationCreate", ""),
            "resolved": True,
        },
        "invoiceAnnotationTypeDiscard": {
            "invoiceAnnotationTypeId": made.get("invoiceAnnotationTypeCreate", ""),
        },
        "advertUpsert": {"advertId": ids["advert"], "attributes": {"title": "Pot"}},
        "advertPublishedUpdate": {"id": ids["advert"], "published": False},
        "variantUpdate": {"variantId": ids["variant"], "attributes": {"label": "Blue"}},
        "variantInventoryUpdate": {"variantId": ids["variant"], "inventories": [{"countOnHand": 2}]},
        "variantsUpdate": {"variants": [{"variantId": ids["variant"], "attributes": {"label": "Green"}}]},
        "stockAdjust": {"adjustments": [{"variantId": ids["variant"], "difference": 3}]},
        "variantDelete": {"id": ids["spare_variant"]},
        "advertDelete": {"id": ids["advert"]},
        "sellerCreate": {"attributes": {"businessName": "Pots", "emailAddress": "a@pots.example"}},
        "sellerUpdate": {"sellerId": ids["seller"], "attributes": {"businessName": "Kettles"}},
        "taxonCreateOrUpdate": {"displayName": "Kitchen", "urlSlug": "kitchen"},
        "optionTypeCreateOrUpdate": {"name": "Colour", "fieldType": "SINGLE_SELECT"},
        "optionValueCreateOrUpdate": {"optionTypeId": made.get("optionTypeCreateOrUpdate", ""), "name": "Red"},
        "optionValueDelete": {"id": made.get("optionValueCreateOrUpdate", "")},
        "brandCreateOrUpdate": {"name": "Acme"},
        "shipmentCarrierCreateOrUpdate": {"name": "Slow", "homepageUrl": "https://slow.example/"},
        "countryCreateOrUpdate": {"name": "Iceland", "code": "IS"},
        "taxCodeCreateOrUpdate": {"code": "GST", "name": "Goods and services tax"},
        "commissionPackageCreate": {"attributes": {"name": "Standard", "rate": "0.1"}},
        "commissionPackageUpdate": {
            "id": made.get("commissionPackageCreate", ""),
            "attributes": {"appliesToPostage": True},
        },
        "commissionPackageDelete": {"id": made.get("commissionPackageCreate", "")},
        "remittancesRelease": {"remittanceIds": [ids["remittance"]]},
        "remittanceAdviceUpdate": {"id": ids["remittance_advice"], "paymentReference": "P-1"},
        "externalIdUpsert": {"owner": ids["invoice"], "key": "erp", "value": "E-1"},
        "metadataUpsert": {"owner": ids["invoice"], "key": "erp", "value": "E-1"},
        "webhookCreate": {"attributes": {"url": "http://127.0.0.1:9/", "type": "INVOICE"}},
        "webhookUpdate": {"webhookId": ids["webhook"], "attributes": {"description": "The ERP's"}},
        "webhookResume": {"webhookId": ids["webhook"]},
        "webhookSecretRotate": {"webhookId": ids["webhook"]},
        "webhookTest": {"webhookId": ids["webhook"]},
        "webhookBackfill": {"webhookId": ids["backfilled"]},
        "webhookBackfillCancel": {"webhookBackfillId": made.get("webhookBackfill", "")},
        "webhookReconcile": {"webhookId": ids["backfilled"]},
        "webhookReconcileCancel": {"webhookReconcileId": made.get("webhookReconcile", "")},
        "webhookEventReplay": {"webhookEventId": ids["ended event"]},
        "webhookEventCancel": {"webhookEventId": ids["waiting event"]},
        "webhookEventsReplay": {"webhookId": ids["backfilled"]},
        "webhookReplayCancel": {"webhookReplayId": made.get("webhookEventsReplay", "")},
        "purgeOrderData": {"orderIds": [ids["order"]], "purgeOrderDetails": True},
        "webhookDelete": {"webhookId": made.get("webhookCreate", "")},
        "changeEventsRetry": {},
        "apiKeyCreate": {"name": "The ERP"},
        "apiKeyRotate": {"apiKeyId": made.get("apiKeyCreate", "")},
        "apiKeyRevoke": {"apiKeyId": made.get("apiKeyCreate", "")},
    }
