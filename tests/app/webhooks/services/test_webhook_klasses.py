"""Sellers may register webhooks about the types that they see."""

import pytest
from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection
from app.errors import Forbidden
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.services.webhook_klasses import possible_event_names
from app.webhooks.services.webhooks import WebhookAttributes, create_webhook
from schema import schema
from schema.entities.declarations import ENTITIES
from tests.builders.sellers import create_seller
from tests.support.platform import settings_for

SETTINGS = settings_for("postgresql://nowhere/none")
ATTRIBUTES: WebhookAttributes = {
    "url": "http://127.0.0.1:9/hook",
    "event_names": list(WebhookEventName),
    "query_string": "",
}
OPERATORS_OWN = (WebhookKlass.ORDER, WebhookKlass.COMMISSION_PACKAGE)


def test_every_klass_is_a_type_that_node_finds() -> None:
    assert schema is not None
    assert [klass for klass in WebhookKlass if not ENTITIES[klass.entity_type].is_node] == []


@pytest.mark.parametrize("klass", OPERATORS_OWN)
@pytest.mark.parametrize("is_operator", [True, False], ids=["for a seller", "by a seller"])
async def test_webhook_about_the_operators_own_is_the_operators(
    database: Database, conn: Connection, is_operator: bool, klass: WebhookKlass
) -> None:
    seller_id = SellerId((await create_seller(conn)).id)
    viewer, owner = (Viewer(None), seller_id) if is_operator else (Viewer(seller_id), None)

    with pytest.raises(Forbidden, match=klass.value):
        await create_webhook(database, viewer, SETTINGS, klass=klass, seller_id=owner, attributes=ATTRIBUTES)

    assert await conn.fetchval("select count(*) from webhooks") == 0


@pytest.mark.parametrize("klass", [klass for klass in WebhookKlass if klass not in OPERATORS_OWN])
async def test_seller_registers_webhooks_about_all_else(
    database: Database, conn: Connection, klass: WebhookKlass
) -> None:
    seller_id = SellerId((await create_seller(conn)).id)

    made = await create_webhook(
        database,
        Viewer(seller_id),
        SETTINGS,
        klass=klass,
        seller_id=None,
        attributes={**ATTRIBUTES, "event_names": list(possible_event_names(klass))},
    )

    assert (made.webhook.type, made.webhook.seller_id) == (klass, seller_id)


async def test_operator_registers_webhooks_about_orders(database: Database) -> None:
    made = await create_webhook(
        database, Viewer(None), SETTINGS, klass=WebhookKlass.ORDER, seller_id=None, attributes=ATTRIBUTES
    )

    assert made.webhook.type is WebhookKlass.ORDER
