"""Actions of people reach the endpoint: replays, tests, backfills, rotated secrets."""

import base64
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.builders.invoices import create_invoice
from tests.support.platform import Platform
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until

QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { id totalCents } } }"


async def call(platform: Platform, name: str, selection: str, **given: Any) -> Any:
    made = await platform.mutate(name, selection, **given)
    assert made["status"] == 200
    return made


async def all_delivered(platform: Platform) -> None:
    await until(lambda: platform.conn.fetchval("select bool_and(state = 'DELIVERED') from webhook_events"))


async def test_a_replay_is_the_same_but_for_time_signature_and_attempt(platform: Platform, receiver: Receiver) -> None:
    created = await platform.create_webhook(receiver.url(), QUERY)
    await create_invoice(platform.conn)
    (first,) = await receiver.wait_for()
    await all_delivered(platform)

    await call(platform, "webhookEventReplay", "", webhookEventId=first.headers["webhook-id"])
    _, second = await receiver.wait_for(count=2)
    await all_delivered(platform)

    assert second.body == first.body
    changing = {"webhook-timestamp", "webhook-signature", "traceparent", "tellgraph-attempt"}
    assert {k: v for k, v in second.headers.items() if k not in changing} == {
        k: v for k, v in first.headers.items() if k not in changing
    }
    assert (first.headers["tellgraph-attempt"], second.headers["tellgraph-attempt"]) == ("1", "2")
    Verifier(created["hmacKey"]).verify(second.body, second.headers)
    attempts = await platform.conn.fetch("select number, status from delivery_attempts order by number")
    assert [tuple(row) for row in attempts] == [(1, 200), (2, 200)]


async def test_a_failed_event_has_all_its_retries_again(platform: Platform, receiver: Receiver) -> None:
    async def refuse(_: Delivery) -> web.StreamResponse:
        return web.Response(status=500)

    receiver.answering = refuse
    await platform.create_webhook(receiver.url(), QUERY, maxRetries=1)
    await create_invoice(platform.conn)
    (delivery, _) = await receiver.wait_for(count=2)
    await until(lambda: platform.conn.fetchval("select state = 'FAILED' from webhook_events"))

    await call(platform, "webhookEventReplay", "", webhookEventId=delivery.headers["webhook-id"])
    await receiver.wait_for(count=4)
    await until(lambda: platform.conn.fetchval("select state = 'FAILED' from webhook_events"))

    assert [one.headers["tellgraph-attempt"] for one in receiver.deliveries] == ["1", "2", "3", "4"]


async def test_a_test_arrives_signed_and_is_logged(platform: Platform, receiver: Receiver) -> None:
    invoice = await create_invoice(platform.conn, total_cents=1_500)
    await until(lambda: platform.conn.fetchval("select bool_and(published_at is not null) from change_events"))
    created = await platform.create_webhook(receiver.url(), QUERY)

    made = await call(platform, "webhookTest", "webhookEvent { id }", webhookId=created["webhook"]["id"])
    (delivery,) = await receiver.wait_for()
    await all_delivered(platform)

    body = Verifier(created["hmacKey"]).verify(delivery.body, delivery.headers)
    assert (body["type"], body["event_name"], body["id"]) == ("invoice.test", "test", made["webhookEvent"]["id"])
    assert body["payload"]["data"]["node"]["totalCents"] == invoice.total_cents
    found = await platform.data(
        "query($id: ID!) { node(id: $id) { ... on WebhookEvent { state attempts { number status } } } }",
        {"id": made["webhookEvent"]["id"]},
    )
    assert found["node"] == {"state": "DELIVERED", "attempts": [{"number": 1, "status": 200}]}


async def test_both_secrets_sign_during_a_rotation(platform: Platform, receiver: Receiver) -> None:
    created = await platform.create_webhook(receiver.url(), QUERY, signatureSchemes=["ED25519"])
    selection = "hmacKey webhook { publicKey }"

    rotated = await call(platform, "webhookSecretRotate", selection, webhookId=created["webhook"]["id"])
    await create_invoice(platform.conn)
    (delivery,) = await receiver.wait_for()
    at_once = await call(
        platform, "webhookSecretRotate", selection, webhookId=created["webhook"]["id"], overlapSeconds=0
    )
    await platform.conn.execute("update invoices set total_cents = 3")
    _, later = await receiver.wait_for(count=2)

    for secret in (created["hmacKey"], rotated["hmacKey"]):
        Verifier(secret).verify(delivery.body, delivery.headers)
    signed = f"{delivery.headers['webhook-id']}.{delivery.headers['webhook-timestamp']}.".encode() + delivery.body
    newest = next(one for one in delivery.headers["webhook-signature"].split() if one.startswith("v1a,"))
    raw = base64.b64decode(rotated["webhook"]["publicKey"].removeprefix("whpk_"))
    Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(newest.removeprefix("v1a,")), signed)
    Verifier(at_once["hmacKey"]).verify(later.body, later.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(rotated["hmacKey"]).verify(later.body, later.headers)


async def test_a_backfill_arrives_in_order(platform: Platform, receiver: Receiver) -> None:
    invoices = [await create_invoice(platform.conn, total_cents=cents) for cents in range(5)]
    await until(lambda: platform.conn.fetchval("select bool_and(published_at is not null) from change_events"))
    created = await platform.create_webhook(receiver.url(), QUERY)

    await call(platform, "webhookBackfill", "", webhookId=created["webhook"]["id"], ratePerSecond=500)
    deliveries = await receiver.wait_for(count=5)

    told = sorted((one.json["sequence"], one.data["node"]["totalCents"]) for one in deliveries)
    assert [cents for _, cents in told] == [invoice.total_cents for invoice in invoices]
    assert {one.json["type"] for one in deliveries} == {"invoice.update"}
