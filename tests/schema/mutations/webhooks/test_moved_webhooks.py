"""webhookUpdate with another origin: no secret follows the URL to it."""

from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from app.auth.secrets import box_of
from app.webhooks.db.webhooks import WebhookId, find_webhook
from app.webhooks.services.webhook_secrets import opened_ring
from app.webhooks.services.webhooks import HEADERS
from schema.entities import global_ids
from tests.support.platform import Platform

URL = "https://hooks.example.com/in"
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3"
#: Each is another scheme, host or port.
ELSEWHERE = [
    "https://evil.example.com/in",
    "https://hooks.example.com:8443/in",
    "https://hooks.example.com./in",
    "http://hooks.example.com/in",
]
SAME = [URL, "https://HOOKS.example.com:443/other?x=1"]


async def update(api: Platform, webhook_id: str, **attributes: Any) -> Any:
    selection = "hmacKey webhook { url headers publicKey }"
    return await api.mutate("webhookUpdate", selection, webhookId=webhook_id, attributes=attributes)


async def ring_of(api: Platform, webhook_id: str) -> list[str]:
    webhook = await find_webhook(api.conn, WebhookId(global_ids.key_of(webhook_id, "Webhook", field="id")))
    assert webhook is not None
    return [one.text for one in opened_ring(webhook.id, webhook.secrets, box_of(api.settings))]


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_headers_do_not_follow_the_url_to_another_origin(api: Platform, url: str) -> None:
    created = await api.create_webhook(URL, headers={"Authorization": "Bearer erp-secret"})
    webhook_id = created["webhook"]["id"]

    refused = await update(api, webhook_id, url=url)
    row = await api.conn.fetchrow("select url, headers, id from webhooks")

    assert (refused["status"], refused["webhook"]) == (422, None)
    assert [error["field"] for error in refused["errors"]] == ["attributes.headers"]
    assert refused["errors"][0]["messages"][0].startswith("must be given again, or be null: `url` moves to another")
    assert row is not None
    assert row[0] == URL
    assert box_of(api.settings).open(row[1], purpose=HEADERS, row=row[2]) == {"Authorization": "Bearer erp-secret"}
    assert await ring_of(api, webhook_id) == [created["hmacKey"]]


@pytest.mark.parametrize(("headers", "shown"), [(None, {}), ({}, {}), ({"X-A": "b"}, {"X-A": "••••••••"})])
async def test_headers_that_are_given_again_go_with_it(api: Platform, headers: Any, shown: Any) -> None:
    webhook_id = (await api.create_webhook(URL, headers={"Authorization": "Bearer erp-secret"}))["webhook"]["id"]

    payload = await update(api, webhook_id, url=ELSEWHERE[0], headers=headers)

    assert payload["status"] == 200
    assert (payload["webhook"]["url"], payload["webhook"]["headers"]) == (ELSEWHERE[0], shown)


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_another_origin_gets_a_secret_of_its_own(api: Platform, url: str) -> None:
    created = await api.create_webhook(URL, signatureSchemes=["ED25519"])
    webhook_id = created["webhook"]["id"]
    before = await ring_of(api, webhook_id)
    public_key = await api.conn.fetchval("select public_key from webhooks")

    payload = await update(api, webhook_id, url=url)

    after = await ring_of(api, webhook_id)
    assert payload["status"] == 200
    assert Verifier(payload["hmacKey"])
    assert payload["hmacKey"] in after
    assert len(after) == 2
    assert {*before}.isdisjoint(after)
    assert payload["webhook"]["publicKey"] != public_key


async def test_a_secret_that_is_given_with_it_is_the_new_one(api: Platform) -> None:
    webhook_id = (await api.create_webhook(URL))["webhook"]["id"]

    payload = await update(api, webhook_id, url=ELSEWHERE[0], hmacKey=SECRET)

    assert (payload["status"], payload["hmacKey"]) == (200, None)
    assert await ring_of(api, webhook_id) == [SECRET]


@pytest.mark.parametrize("url", SAME)
async def test_within_an_origin_secrets_stay(api: Platform, url: str) -> None:
    created = await api.create_webhook(URL, headers={"Authorization": "Bearer erp-secret"})
    webhook_id = created["webhook"]["id"]

    payload = await update(api, webhook_id, url=url)

    assert (payload["status"], payload["hmacKey"]) == (200, None)
    assert list(payload["webhook"]["headers"]) == ["Authorization"]
    assert await ring_of(api, webhook_id) == [created["hmacKey"]]


async def test_sealed_values_of_another_webhook_do_not_open(api: Platform) -> None:
    given = await api.create_webhook(URL, headers={"Authorization": "Bearer erp-secret"})
    await api.create_webhook(URL)
    first, second = [row["id"] for row in await api.conn.fetch("select id from webhooks order by id")]
    await api.conn.execute(
        "update webhooks w set secrets = o.secrets, headers = o.headers from webhooks o where w.id = $1 and o.id = $2",
        second,
        first,
    )

    stolen = await update(api, global_ids.encode("Webhook", second), signatureSchemes=["ED25519"])

    assert given["status"] == 200
    assert stolen["status"] == 422
    assert "can't be decrypted" in stolen["errors"][0]["messages"][0]
