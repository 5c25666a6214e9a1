"""Webhooks are known of one server. After a failover, another one need not have had the last changes."""

from datetime import UTC, datetime

import asyncpg
import pytest

from app.db.horizon import Horizon
from app.webhooks.domain.webhook import WebhookKlass
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher
from workers.publish import subscriptions as module
from workers.publish.subscriptions import Subscriptions

#: All of its transactions have higher numbers than any of the present server.
FORMER = Horizon(2**40, datetime(2026, 1, 1, tzinfo=UTC))


def know_from_former_server(subscriptions: Subscriptions) -> None:
    """As before a failover: each webhook's version is later than the present server's."""
    subscriptions._horizon = FORMER
    subscriptions._known = {one: (FORMER.xid - 1, webhook) for one, (_, webhook) in subscriptions._known.items()}


async def test_changes_with_lower_numbers_are_taken_over_from_another_server(publisher: Publisher) -> None:
    changed = await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)
    lost = await publisher.subscribe("sku label", klass=WebhookKlass.VARIANT)
    await create_variant(publisher.conn)
    assert {one.webhook_id for one in await publisher.publish()} == {changed, lost}
    know_from_former_server(publisher.resources.subscriptions)

    await publisher.conn.execute("delete from webhook_events")
    await publisher.conn.execute("delete from webhooks where id = $1", lost)
    await publisher.conn.execute(
        "update webhooks set query_string = replace(query_string, 'sku', 'countOnHand') where id = $1", changed
    )
    new = await publisher.subscribe("countOnHand barcode", klass=WebhookKlass.VARIANT)
    await publisher.conn.execute("update variants set count_on_hand = 7")

    made = {one.webhook_id: one.response for one in await publisher.publish()}
    assert made == {
        changed: {"data": {"node": {"countOnHand": 7}}},
        new: {"data": {"node": {"countOnHand": 7, "barcode": None}}},
    }


async def test_webhooks_that_are_the_same_at_another_server_are_not_analysed_anew(
    publisher: Publisher, conn: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)
    await create_variant(conn)
    await publisher.publish()
    know_from_former_server(publisher.resources.subscriptions)
    monkeypatch.setattr(module, "_group_of", None)

    await conn.execute("update variants set sku = 'B'")

    assert [one.response for one in await publisher.publish()][-1] == {"data": {"node": {"sku": "B"}}}
    assert publisher.resources.subscriptions.horizon.server_started_at != FORMER.server_started_at
