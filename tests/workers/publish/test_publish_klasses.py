"""Each kind of entity that a webhook can be about is published, rendered by its plan or the reference executor."""

import pytest

from app.db.pool import Connection
from app.webhooks.domain.webhook import WebhookKlass
from tests.builders.whole_sales import create_whole_sale
from tests.support.outbox import running_publisher

#: Klass → (attribute of the sale, fields).
KLASSES = {
    WebhookKlass.ADVERT: ("advert", "lowestPrice images { totalCount }"),
    WebhookKlass.SHIPMENT: ("shipment", "trackingNumber statusLog { nodes { status } }"),
    WebhookKlass.SELLER: ("seller", "businessName logo { position }"),
    WebhookKlass.ORDER: ("order", "aggregateInvoiceStatus lineItems { totalCount }"),
}
SHOWN = {
    WebhookKlass.ADVERT: {"lowestPrice": "10.00", "images": {"totalCount": 1}},
    WebhookKlass.SHIPMENT: {"trackingNumber": "TRACK-1", "statusLog": {"nodes": [{"status": "InTransit"}]}},
    WebhookKlass.SELLER: {"businessName": "Kettles & Co", "logo": {"position": 0}},
    WebhookKlass.ORDER: {"aggregateInvoiceStatus": "PAID", "lineItems": {"totalCount": 1}},
}


@pytest.mark.parametrize("klass", KLASSES)
async def test_new_klass_is_created_for_the_webhook(conn: Connection, database_url: str, klass: WebhookKlass) -> None:
    attribute, fields = KLASSES[klass]
    async with running_publisher(conn, database_url) as publisher:
        await publisher.subscribe(fields, klass=klass)
        whole = await create_whole_sale(conn)

        (made,) = await publisher.publish()

    assert made.entity == (klass.entity_type, getattr(whole.sale, attribute).id)
    assert made.outcome == ("create", "PENDING")
    assert made.response == {"data": {"node": SHOWN[klass]}}
