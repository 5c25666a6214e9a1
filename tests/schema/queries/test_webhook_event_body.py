"""The fields of a WebhookEvent hold all that its body has, and only its webhook's owner sees them."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import orjson
import pytest

from app.webhooks.domain.webhook import WebhookKlass
from schema.entities import global_ids
from schema.stored.envelope import build_body
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher, running_publisher
from tests.support.platform import Platform
from tests.workers.deliver.test_deliver import claim
from tests.workers.deliver.test_previous import deliver

BODY = """
query($id: ID!) { node(id: $id) { ... on WebhookEvent {
  id eventName entityType entityId changedAt sequence changed payload payloadText previous
} } }
"""
FIELDS = {"id": "id", "event_name": "eventName", "changed": "changed"}


@pytest.fixture
async def publisher(api: Platform, database_url: str) -> AsyncIterator[Publisher]:
    async with running_publisher(api.conn, database_url) as running:
        yield running


async def show(api: Platform, event_id: int, key: str | None = None) -> Any:
    # The first answers are the executor's; then the query has its plan.
    variables = {"id": global_ids.encode("WebhookEvent", event_id)}
    answers = [(await api.data(BODY, variables, key))["node"] for _ in range(4)]
    assert all(answer == answers[0] for answer in answers)
    return answers[0]


async def test_an_event_shows_all_of_its_body(api: Platform, publisher: Publisher) -> None:
    seller, other = await create_seller(api.conn), await create_seller(api.conn)
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, include_previous=True)
    await create_variant(api.conn, sku="A")
    await publisher.publish()
    (first,) = await claim(api.conn)
    await deliver(api.conn, first)
    await api.conn.execute("update variants set sku = 'B'")
    await publisher.publish()
    (second,) = await claim(api.conn)

    shown = await show(api, second.id)

    sent = orjson.loads(build_body(second, shown["id"]))
    assert {name: sent[name] for name in FIELDS} == {name: shown[field] for name, field in FIELDS.items()}
    assert sent["entity"] == {"type": shown["entityType"], "id": shown["entityId"]}
    assert str(sent["sequence"]) == shown["sequence"]
    assert datetime.fromisoformat(sent["timestamp"]) == datetime.fromisoformat(shown["changedAt"])
    assert [shown["payload"], shown["previous"]] == [sent["payload"], sent["previous"]]
    assert shown["payloadText"].encode() in build_body(second, shown["id"])
    assert sent["changed"]["updated"] == ["sku"]
    assert (await show(api, first.id))["previous"] is None
    assert [await show(api, second.id, await api.seller_key(one.id)) for one in (seller, other)] == [None, None]
