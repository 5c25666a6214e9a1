"""Each kind of entity that a webhook can be about is published, rendered by its plan or the reference executor."""

from typing import Any

import pytest

from app.db.pool import Connection
from app.webhooks.domain.webhook import WebhookKlass
from tests.builders.whole_sales import WholeSale, create_whole_sale
from tests.support.outbox import running_publisher

#: Klass → (attribute of the sale, fields).
KLASSES = {
    WebhookKlass.ADVERT: ("advert", "lowestPrice images { totalCount }"),
    WebhookKlass.SHIPMENT: ("shipment", "trackingNumber statusLog { nodes { status } }"),
    WebhookKlass.SELLER: ("seller", "businessName logo { position }"),
    WebhookKlass.RETURN_SHIPMENT: ("return_shipment", "trackingNumber shippedItems { quantity }"),
    WebhookKlass.REFUND_REQUEST_LINE_ITEM: (
        "refund_request_line_item",
        "status notes { note } refundRequest { status }",
    ),
    WebhookKlass.TAXON: ("taxon", "treeName parent { id }"),
    WebhookKlass.INVOICE_ANNOTATION: ("invoice_annotation", "resolved invoice { deliveryType }"),
    WebhookKlass.REMITTANCE_ADVICE: ("remittance_advice", "totalCents remittances { amountCents }"),
    WebhookKlass.COMMISSION_PACKAGE: ("commission_package", "rate sellers { totalCount }"),
    WebhookKlass.ORDER: ("order", "aggregateInvoiceStatus lineItems { totalCount }"),
}
SHOWN = {
    WebhookKlass.ADVERT: {"lowestPrice": "10.00", "images": {"totalCount": 1}},
    WebhookKlass.SHIPMENT: {"trackingNumber": "TRACK-1", "statusLog": {"nodes": [{"status": "InTransit"}]}},
    WebhookKlass.SELLER: {"businessName": "Kettles & Co", "logo": {"position": 0}},
    WebhookKlass.RETURN_SHIPMENT: {"trackingNumber": "BACK-1", "shippedItems": [{"quantity": 1}]},
    WebhookKlass.REFUND_REQUEST_LINE_ITEM: {
        "status": "AWAITING_RETURN",
        "notes": [{"note": "Arrived broken."}],
        "refundRequest": {"status": "AWAITING"},
    },
    WebhookKlass.TAXON: {"treeName": "Kitchen", "parent": None},
    WebhookKlass.INVOICE_ANNOTATION: {"resolved": False, "invoice": {"deliveryType": "BUY_ONLINE"}},
    WebhookKlass.REMITTANCE_ADVICE: {"totalCents": 1800, "remittances": [{"amountCents": 1800}]},
    WebhookKlass.COMMISSION_PACKAGE: {"rate": "0.15", "sellers": {"totalCount": 1}},
    WebhookKlass.ORDER: {"aggregateInvoiceStatus": "PAID", "lineItems": {"totalCount": 1}},
}


def _row(whole: WholeSale, attribute: str) -> Any:
    return getattr(whole, attribute, None) or getattr(whole.sale, attribute)


@pytest.mark.parametrize("klass", KLASSES)
async def test_new_klass_is_created_for_the_webhook(conn: Connection, database_url: str, klass: WebhookKlass) -> None:
    attribute, fields = KLASSES[klass]
    async with running_publisher(conn, database_url) as publisher:
        await publisher.subscribe(fields, klass=klass)
        whole = await create_whole_sale(conn)

        (made,) = await publisher.publish()

    assert made.entity == (klass.entity_type, _row(whole, attribute).id)
    assert made.outcome == ("create", "PENDING")
    assert made.response == {"data": {"node": SHOWN[klass]}}
