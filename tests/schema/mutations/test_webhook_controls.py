"""webhookDelete, webhookSecretRotate, webhookBackfill, and the schemes of signatures."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.db import deliveries
from app.db.webhooks import WebhookId, find_webhook
from app.domain import secret_ring
from app.domain.secret_ring import SignatureScheme
from app.domain.signing_key import public_key
from app.domain.webhook_event import WEBHOOK_DELETED, WebhookEventState
from app.secrets import box_of
from app.services.webhook_secrets import opened_ring
from schema import global_ids
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.platform import Platform, settings_for
from tests.support.waiting import until
from workers.publish import publish_all
from workers.resources import open_resources
from workers.sweep import sweep_all

URL = "http://127.0.0.1:9/"
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3"
WEBHOOK = "webhook { signatureSchemes publicKey oldSecretExpiresAt }"


async def call(api: Platform, name: str, selection: str, key: str | None = None, **given: Any) -> Any:
    document = (
        f"mutation($input: {name[0].upper()}{name[1:]}MutationInput!) {{ {name}(input: $input)"
        f" {{ status errors {{ field messages }} {selection} }} }}"
    )
    return (await api.data(document, {"input": given}, key))[name]


async def rotate(api: Platform, webhook_id: str, **given: Any) -> Any:
    return await call(api, "webhookSecretRotate", f"hmacKey {WEBHOOK}", webhookId=webhook_id, **given)


async def ring(api: Platform, webhook_id: str, *, at: datetime | None = None) -> list[str]:
    """What signs at a time: now, unless given; newest first."""
    webhook = await find_webhook(api.conn, WebhookId(global_ids.key_of(webhook_id, "Webhook", field="id")))
    assert webhook is not None
    found = secret_ring.live(opened_ring(webhook.secrets, box_of(api.settings)), at or datetime.now(UTC))
    return [one.text for one in found]


async def test_a_deleted_webhook_is_gone_and_its_history_is_not(api: Platform) -> None:
    owner = await create_seller(api.conn)
    key = await api.seller_key(owner.id)
    webhook = await create_subscription(api.conn, URL, seller_id=owner.id)
    for state in ("PENDING", "RETRYING", "HELD", "DELIVERED", "SENDING"):
        await create_due_events(api.conn, webhook, state=state, first_entity=len(state))
    webhook_id = global_ids.encode("Webhook", webhook.id)

    deleted = await call(api, "webhookDelete", "webhook { id enabled deletedAt }", key, webhookId=webhook_id)
    again = await call(api, "webhookDelete", "webhook { id }", key, webhookId=webhook_id)

    assert (deleted["status"], deleted["webhook"]["enabled"], again["status"]) == (200, False, 404)
    assert deleted["webhook"]["deletedAt"] is not None
    found = await api.data(
        "query($id: ID!) { node(id: $id) { id } webhooks { totalCount }"
        " webhookEvents(webhookId: $id) { nodes { state reason webhook { id } } } }",
        {"id": webhook_id},
        key,
    )
    assert (found["node"], found["webhooks"]) == (None, {"totalCount": 0})
    states = [(one["state"], one["reason"]) for one in reversed(found["webhookEvents"]["nodes"])]
    cancelled = ("CANCELLED", WEBHOOK_DELETED)
    assert states == [cancelled, cancelled, cancelled, ("DELIVERED", None), ("SENDING", None)]
    assert {one["webhook"]["id"] for one in found["webhookEvents"]["nodes"]} == {webhook_id}


async def test_a_deleted_webhook_is_told_nothing_and_refuses_everything(api: Platform, database_url: str) -> None:
    webhook = await create_subscription(api.conn, URL)
    webhook_id = global_ids.encode("Webhook", webhook.id)
    await call(api, "webhookDelete", "webhook { id }", webhookId=webhook_id)

    await create_invoice(api.conn)
    async with open_resources(settings_for(database_url)) as resources:
        await publish_all(resources)
    enabled = await call(api, "webhookUpdate", "", webhookId=webhook_id, attributes={"enabled": True})
    statuses = [
        (await call(api, name, "", webhookId=webhook_id))["status"]
        for name in ("webhookTest", "webhookEventsReplay", "webhookBackfill", "webhookSecretRotate")
    ]

    assert await api.conn.fetchval("select count(*) from webhook_events") == 0
    assert [enabled["status"], *statuses] == [404] * 5


async def test_what_is_published_or_retried_while_a_webhook_is_deleted_is_cancelled(
    api: Platform, database_url: str
) -> None:
    webhook = await create_subscription(api.conn, URL)
    (retried,) = await create_due_events(api.conn, webhook)
    (due,) = await deliveries.claim_due(api.conn, limit=9, per_webhook=9, after=0, failing_share=9, lease_s=60)
    (expired,) = await create_due_events(api.conn, webhook, first_entity=2)
    await deliveries.claim_due(api.conn, limit=9, per_webhook=9, after=0, failing_share=9, lease_s=60)
    await api.conn.execute("update webhook_events set lease_until = now() - interval '1 s' where id = $1", expired)
    await call(api, "webhookDelete", "webhook { id }", webhookId=global_ids.encode("Webhook", webhook.id))
    # By a publisher that had read the webhook before.
    (published,) = await create_due_events(api.conn, webhook, first_entity=3)

    result = result_of(due, state=WebhookEventState.RETRYING, status=500, delay_s=0.0)
    assert await deliveries.record_results(api.conn, [result]) == {retried}
    async with open_resources(settings_for(database_url)) as resources:
        await sweep_all(resources)

    rows = await api.conn.fetch("select id, state, reason, due_at, finished_at is null from webhook_events order by id")
    assert [tuple(row) for row in rows] == [
        (one, "CANCELLED", WEBHOOK_DELETED, None, False) for one in (retried, expired, published)
    ]


async def test_deleted_while_it_is_published_to_ends_with_nothing_open(api: Platform, database_url: str) -> None:
    webhook = await create_subscription(api.conn, URL)
    webhook_id = global_ids.encode("Webhook", webhook.id)
    for _ in range(30):
        await create_invoice(api.conn)

    async with open_resources(settings_for(database_url, publish_batch_size=1)) as resources:
        publishing = asyncio.create_task(publish_all(resources))
        await until(lambda: api.conn.fetchval("select exists (select from webhook_events)"))
        await call(api, "webhookDelete", "webhook { id }", webhookId=webhook_id)
        await publishing
        await sweep_all(resources)

    states = await api.conn.fetch("select distinct state from webhook_events")
    assert [row[0] for row in states] == ["CANCELLED"]


async def test_rotated_secrets_overlap_for_as_long_as_asked(api: Platform) -> None:
    created = await api.create_webhook(URL)
    webhook_id = created["webhook"]["id"]

    payload = await rotate(api, webhook_id, overlapSeconds=3600)

    now = datetime.now(UTC)
    assert payload["status"] == 200
    assert await ring(api, webhook_id) == [payload["hmacKey"], created["hmacKey"]]
    assert await ring(api, webhook_id, at=now + timedelta(minutes=61)) == [payload["hmacKey"]]
    expires_at = datetime.fromisoformat(payload["webhook"]["oldSecretExpiresAt"])
    assert timedelta(minutes=59) < expires_at - now <= timedelta(hours=1)


async def test_a_day_of_overlap_by_default_and_none_if_asked(api: Platform) -> None:
    webhook_id = (await api.create_webhook(URL, hmacKey=SECRET))["webhook"]["id"]

    by_default = await rotate(api, webhook_id)
    at_once = await rotate(api, webhook_id, overlapSeconds=0, hmacKey=SECRET)

    left = datetime.fromisoformat(by_default["webhook"]["oldSecretExpiresAt"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert at_once["hmacKey"] is None
    # The first overlap goes on; the second rotation had none.
    assert await ring(api, webhook_id) == [SECRET, SECRET]


async def test_expired_secrets_are_forgotten_by_the_sweep(api: Platform, database_url: str) -> None:
    webhook_id = (await api.create_webhook(URL))["webhook"]["id"]
    new = (await rotate(api, webhook_id, overlapSeconds=1))["hmacKey"]
    await until(lambda: api.conn.fetchval("select secrets_expire_at < now() from webhooks"))

    async with open_resources(settings_for(database_url)) as resources:
        await sweep_all(resources)

    row = await api.conn.fetchrow("select secrets, secrets_expire_at, updated_at < now() from webhooks")
    assert row is not None
    assert box_of(api.settings).open(row[0], purpose="webhook.secrets") == [{"secret": new, "expires_at": None}]
    assert (row[1], row[2]) == (None, True)


async def test_not_more_than_five_secrets_sign_at_once(api: Platform) -> None:
    webhook_id = (await api.create_webhook(URL))["webhook"]["id"]

    payloads = [await rotate(api, webhook_id) for _ in range(5)]

    assert [payload["status"] for payload in payloads] == [200, 200, 200, 200, 409]
    assert len(await ring(api, webhook_id)) == 5


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"overlapSeconds": -1}, "overlapSeconds"),
        ({"overlapSeconds": 30 * 86_400 + 1}, "overlapSeconds"),
        ({"hmacKey": "whsec_QUJD"}, "hmacKey"),
        ({"hmacKey": "\0"}, "hmacKey"),
    ],
)
async def test_a_wrong_rotation_is_refused_and_changes_nothing(
    api: Platform, given: dict[str, Any], field: str
) -> None:
    created = await api.create_webhook(URL)

    payload = await rotate(api, created["webhook"]["id"], **given)

    assert (payload["status"], [error["field"] for error in payload["errors"]]) == (422, [field])
    assert await ring(api, created["webhook"]["id"]) == [created["hmacKey"]]


async def test_another_sellers_secret_backfill_and_webhook_are_unknown(api: Platform) -> None:
    owner, other = await create_seller(api.conn), await create_seller(api.conn)
    webhook = await create_subscription(api.conn, URL, seller_id=owner.id)
    webhook_id, key = global_ids.encode("Webhook", webhook.id), await api.seller_key(other.id)
    started = await call(api, "webhookBackfill", "webhookBackfill { id }", webhookId=webhook_id)
    backfill_id = started["webhookBackfill"]["id"]

    statuses = [
        (await call(api, name, "", key, webhookId=webhook_id))["status"]
        for name in ("webhookDelete", "webhookSecretRotate", "webhookBackfill")
    ]
    cancelled = await call(api, "webhookBackfillCancel", "", key, webhookBackfillId=backfill_id)
    node = await api.data("query($id: ID!) { node(id: $id) { id } }", {"id": backfill_id}, key)

    assert (statuses, cancelled["status"], node) == ([404, 404, 404], 404, {"node": None})
    assert await api.conn.fetchval("select state from webhook_backfills") == "RUNNING"


async def test_schemes_are_chosen_and_changed(api: Platform) -> None:
    created = await api.create_webhook(URL)
    webhook_id = created["webhook"]["id"]
    update = f"hmacKey {WEBHOOK}"

    both = await call(
        api, "webhookUpdate", update, webhookId=webhook_id, attributes={"signatureSchemes": ["ED25519", "HMAC"]}
    )
    hmac_secret, ed25519_key = sorted(await ring(api, webhook_id))
    hmac = await call(api, "webhookUpdate", update, webhookId=webhook_id, attributes={"signatureSchemes": ["HMAC"]})

    assert (hmac_secret, ed25519_key[:5]) == (created["hmacKey"], "whsk_")
    assert both["webhook"] == {
        "signatureSchemes": ["HMAC", "ED25519"],
        "publicKey": public_key(ed25519_key),
        "oldSecretExpiresAt": None,
    }
    assert (both["hmacKey"], hmac["hmacKey"], hmac["webhook"]["publicKey"]) == (None, None, None)
    assert await ring(api, webhook_id) == [hmac_secret]


async def test_hmac_signs_whatever_else_is_chosen(api: Platform) -> None:
    generated = await api.create_webhook(URL, signatureSchemes=["ED25519"])
    given = await api.create_webhook(URL, signatureSchemes=["ED25519"], hmacKey=SECRET)
    changed = await api.create_webhook(URL, hmacKey=SECRET)

    attributes = {"signatureSchemes": ["ED25519"]}
    webhook_id = changed["webhook"]["id"]
    updated = await call(api, "webhookUpdate", f"hmacKey {WEBHOOK}", webhookId=webhook_id, attributes=attributes)

    rings = [await ring(api, one["webhook"]["id"]) for one in (generated, given, changed)]
    assert [sorted(one)[0] for one in rings] == [generated["hmacKey"], SECRET, SECRET]
    assert [len(one) for one in rings] == [2, 2, 2]
    assert (updated["hmacKey"], updated["webhook"]["signatureSchemes"]) == (None, ["HMAC", "ED25519"])


async def test_rotation_makes_a_new_secret_of_each_scheme(api: Platform) -> None:
    created = await api.create_webhook(URL, signatureSchemes=list(SignatureScheme))
    webhook_id = created["webhook"]["id"]
    before = await ring(api, webhook_id)

    payload = await rotate(api, webhook_id)

    after = await ring(api, webhook_id)
    assert (len(before), len(after), after[2:]) == (2, 4, before)
    assert after[0] == payload["hmacKey"]
    assert payload["webhook"]["publicKey"] == public_key(after[1]) != public_key(before[1])


async def test_an_empty_list_of_schemes_is_refused(api: Platform) -> None:
    payload = await api.create_webhook(URL, signatureSchemes=[])

    assert (payload["status"], payload["errors"][0]["field"]) == (422, "attributes.signatureSchemes")
    assert await api.conn.fetchval("select count(*) from webhooks") == 0


async def test_a_backfill_is_shown_with_its_webhook_and_can_be_ended(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)
    webhook_id = global_ids.encode("Webhook", webhook.id)
    selection = "webhookBackfill { id state ratePerSecond force total done skipped startedAt finishedAt }"

    started = await call(api, "webhookBackfill", selection, webhookId=webhook_id, ratePerSecond=3, force=True)
    second = await call(api, "webhookBackfill", selection, webhookId=webhook_id)
    backfill_id = started["webhookBackfill"].pop("id")
    ended = await call(api, "webhookBackfillCancel", "webhookBackfill { state }", webhookBackfillId=backfill_id)
    again = await call(api, "webhookBackfillCancel", "", webhookBackfillId=backfill_id)

    shown = {"state": "RUNNING", "ratePerSecond": 3, "force": True, "total": None, "done": 0, "skipped": 0}
    assert started["webhookBackfill"] == {**shown, "startedAt": None, "finishedAt": None}
    assert (second["status"], ended["webhookBackfill"]["state"]) == (409, "CANCELLED")
    assert (again["status"], again["errors"]) == (200, None)
    found = await api.data(
        "query($id: ID!) { node(id: $id) { ... on Webhook { backfills { nodes { id webhook { id } } } } } }",
        {"id": webhook_id},
    )
    assert found["node"]["backfills"]["nodes"] == [{"id": backfill_id, "webhook": {"id": webhook_id}}]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"ratePerSecond": 0}, "ratePerSecond"),
        ({"ratePerSecond": 501}, "ratePerSecond"),
        ({"updatedSince": "2026-01-02T00:00:00Z", "updatedUntil": "2026-01-01T00:00:00Z"}, "updatedUntil"),
        ({"updatedSince": "0001-01-01T00:00:00+14:00"}, "updatedSince"),
    ],
)
async def test_a_wrong_backfill_is_refused_at_its_field(api: Platform, given: dict[str, Any], field: str) -> None:
    webhook_id = (await api.create_webhook(URL))["webhook"]["id"]

    payload = await call(api, "webhookBackfill", "webhookBackfill { id }", webhookId=webhook_id, **given)

    assert (payload["status"], [error["field"] for error in payload["errors"]]) == (422, [field])
    assert await api.conn.fetchval("select count(*) from webhook_backfills") == 0


async def test_a_new_secret_mends_a_webhook_whose_old_one_can_not_be_decrypted(api: Platform) -> None:
    webhook_id = (await api.create_webhook(URL))["webhook"]["id"]
    await api.conn.execute("update webhooks set secrets = 'lost'")

    payload = await call(api, "webhookUpdate", "hmacKey", webhookId=webhook_id, attributes={"hmacKey": SECRET})

    assert (payload["status"], payload["hmacKey"]) == (200, None)
    assert await ring(api, webhook_id) == [SECRET]
