"""webhookSecretRotate, and the schemes of signatures: which secrets sign, and from when to when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.auth.secrets import box_of
from app.webhooks.db.webhooks import WebhookId, find_webhook
from app.webhooks.domain.signing import secret_ring
from app.webhooks.domain.signing.secret_ring import SignatureScheme
from app.webhooks.domain.signing.signing_key import public_key
from app.webhooks.services.webhook_secrets import opened_ring
from schema.entities import global_ids
from tests.support.platform import Platform, settings_for
from tests.support.waiting import until
from workers.resources import open_resources
from workers.upkeep.sweep import sweep_all

URL = "http://127.0.0.1:9/"
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3"
WEBHOOK = "webhook { signatureSchemes publicKey oldSecretExpiresAt }"


async def rotate(api: Platform, webhook_id: str, **given: Any) -> Any:
    return await api.mutate("webhookSecretRotate", f"hmacKey {WEBHOOK}", webhookId=webhook_id, **given)


async def ring(api: Platform, webhook_id: str, *, at: datetime | None = None) -> list[str]:
    """List the secrets that sign at a time, newest first. The time is now unless it is given."""
    webhook = await find_webhook(api.conn, WebhookId(global_ids.key_of(webhook_id, "Webhook", field="id")))
    assert webhook is not None
    found = secret_ring.live(opened_ring(webhook.id, webhook.secrets, box_of(api.settings)), at or datetime.now(UTC))
    return [one.text for one in found]


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

    row = await api.conn.fetchrow("select secrets, secrets_expire_at, updated_at < now(), id from webhooks")
    assert row is not None
    assert box_of(api.settings).open(row[0], purpose="webhook.secrets", row=row[3]) == [
        {"secret": new, "expires_at": None}
    ]
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


async def test_schemes_are_chosen_and_changed(api: Platform) -> None:
    created = await api.create_webhook(URL)
    webhook_id = created["webhook"]["id"]
    update = f"hmacKey {WEBHOOK}"

    both = await api.mutate(
        "webhookUpdate", update, webhookId=webhook_id, attributes={"signatureSchemes": ["ED25519", "HMAC"]}
    )
    hmac_secret, ed25519_key = sorted(await ring(api, webhook_id))
    hmac = await api.mutate("webhookUpdate", update, webhookId=webhook_id, attributes={"signatureSchemes": ["HMAC"]})

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
    updated = await api.mutate("webhookUpdate", f"hmacKey {WEBHOOK}", webhookId=webhook_id, attributes=attributes)

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


async def test_a_new_secret_mends_a_webhook_whose_old_one_can_not_be_decrypted(api: Platform) -> None:
    webhook_id = (await api.create_webhook(URL))["webhook"]["id"]
    await api.conn.execute("update webhooks set secrets = 'lost'")

    payload = await api.mutate("webhookUpdate", "hmacKey", webhookId=webhook_id, attributes={"hmacKey": SECRET})

    assert (payload["status"], payload["hmacKey"]) == (200, None)
    assert await ring(api, webhook_id) == [SECRET]
