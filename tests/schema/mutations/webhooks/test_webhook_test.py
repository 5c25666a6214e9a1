"""webhookTest: what a test shows, how often it may be asked for, and how it is sent."""

import asyncio
from typing import Any

from app.webhooks.db.webhooks import Webhook
from schema.entities import global_ids
from tests.builders.deliveries import claim_all, create_due_events, create_subscription
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.platform import Platform

URL = "http://127.0.0.1:9/"


async def send_test(api: Platform, webhook: Webhook, **given: Any) -> Any:
    selection = "webhookEvent { eventName state entityId payloadText }"
    return await api.mutate("webhookTest", selection, webhookId=global_ids.encode("Webhook", webhook.id), **given)


async def test_a_test_shows_the_newest_entity_that_the_owner_sees(api: Platform) -> None:
    owner, other = await create_seller(api.conn), await create_seller(api.conn)
    query = "query($id: ID!) { node(id: $id) { ... on Invoice { legacyId totalCents } } }"
    webhook = await create_subscription(api.conn, URL, seller_id=owner.id, query_string=query)
    await create_invoice(api.conn, seller_id=owner.id)
    newest = await create_invoice(api.conn, seller_id=owner.id, total_cents=4_200)
    await create_invoice(api.conn, seller_id=other.id)

    payload = await send_test(api, webhook)

    body = f'{{"data":{{"node":{{"legacyId":{newest.id},"totalCents":4200}}}}}}'
    event = {"eventName": "test", "state": "PENDING", "entityId": global_ids.encode("Invoice", newest.id)}
    assert payload["webhookEvent"] == {**event, "payloadText": body}


async def test_a_test_shows_the_entity_that_is_named(api: Platform) -> None:
    owner, other = await create_seller(api.conn), await create_seller(api.conn)
    query = "query($id: ID!) { node(id: $id) { ... on Invoice { legacyId } } }"
    webhook = await create_subscription(api.conn, URL, seller_id=owner.id, query_string=query)
    named = await create_invoice(api.conn, seller_id=owner.id)
    await create_invoice(api.conn, seller_id=owner.id)
    strange = await create_invoice(api.conn, seller_id=other.id)
    wrong_ids = [global_ids.encode("Invoice", strange.id), global_ids.encode("Seller", owner.id)]

    refused = [await send_test(api, webhook, entityId=one) for one in wrong_ids]
    payload = await send_test(api, webhook, entityId=global_ids.encode("Invoice", named.id))

    assert [(one["status"], one["errors"][0]["field"]) for one in refused] == [(422, "entityId")] * 2
    assert payload["webhookEvent"]["payloadText"] == f'{{"data":{{"node":{{"legacyId":{named.id}}}}}}}'


async def test_a_test_without_any_entity_shows_none(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)

    payload = await send_test(api, webhook)

    assert payload["webhookEvent"]["payloadText"] == '{"data":{"node":null}}'


async def test_tests_are_limited_each_webhook_for_itself(api: Platform) -> None:
    one, other = await create_subscription(api.conn, URL), await create_subscription(api.conn, URL)

    first = await asyncio.gather(*(send_test(api, one) for _ in range(4)))
    beside = await send_test(api, other)
    await api.conn.execute("update webhooks set last_tested_at = last_tested_at - interval '10 s'")
    later = await send_test(api, one)

    assert sorted(payload["status"] for payload in first) == [200, 429, 429, 429]
    assert (beside["status"], later["status"]) == (200, 200)
    assert await api.conn.fetchval("select count(*) from webhook_events") == 3


async def test_a_disabled_webhook_is_not_tested(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL, is_enabled=False)

    payload = await send_test(api, webhook)

    assert (payload["status"], payload["webhookEvent"]) == (409, None)


async def test_a_test_stands_outside_of_the_order_and_is_tried_once(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)
    invoice = await create_invoice(api.conn)
    await create_due_events(api.conn, webhook, first_entity=invoice.id, state="HELD")
    await send_test(api, webhook)
    (later,) = await create_due_events(api.conn, webhook, first_entity=invoice.id)

    (due,) = await claim_all(api.conn)
    await api.conn.execute("update webhook_events set state = 'DELIVERED' where state = 'HELD'")

    assert (due.event_name, due.max_retries) == ("test", 0)
    assert [one.id for one in await claim_all(api.conn)] == [later]
    again = await api.mutate("webhookEventReplay", "", webhookEventId=global_ids.encode("WebhookEvent", due.id))
    assert again["status"] == 409
