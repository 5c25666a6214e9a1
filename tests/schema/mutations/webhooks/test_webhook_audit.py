"""The audit answers who changed a webhook's url, query, secrets, headers and enabled, and when."""

import base64
from typing import Any

import asyncpg
import orjson
import pytest

from app.auth.secret_key import rotate_secret_key
from app.auth.secrets import SecretBox
from app.db.pool import create_database
from app.webhooks.db.webhook_outages import disable_webhook
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.services.webhook_secrets import drop_expired
from schema.entities.global_ids import encode
from tests.builders.deliveries import create_subscription
from tests.builders.sellers import create_seller
from tests.support.platform import SECRET_KEY, Platform

URL = "https://one.example/"


async def entries(conn: asyncpg.Connection) -> list[tuple[Any, ...]]:
    rows = await conn.fetch("select actor, action, seller_id, changes, api_key_name from audit_entries order by id")
    return [(row["actor"], row["action"], row["seller_id"], orjson.loads(row["changes"]), row[4]) for row in rows]


async def test_each_setting_is_noted_before_and_after(api: Platform) -> None:
    created = await api.create_webhook(URL, headers={"X-Key": "header-secret"}, hmacKey="whsec_" + "A" * 32)
    changes = {
        "url": "https://two.example/",
        "queryString": "query($id: ID!) { node(id: $id) { ... on Invoice { legacyId } } }",
        "headers": {"X-Key": "another-secret"},
        "hmacKey": "whsec_" + "B" * 32,
        "enabled": False,
        "filter": "true",
        "eventNames": ["UPDATE"],
        "rateLimit": 5,
    }

    await api.mutate("webhookUpdate", "", webhookId=created["webhook"]["id"], attributes=changes)

    first, second = await entries(api.conn)
    (actor, action, seller_id, noted, key), by_field = second, {one["field"]: one for one in second[3]}
    assert (actor, action, seller_id, key) == ("operator", "webhookUpdate", None, "the operator's")
    assert by_field["url"] == {"field": "url", "old": URL, "new": "https://two.example/"}
    assert by_field["queryString"]["old"] == created["webhook"]["queryString"]
    assert "... on Invoice" in by_field["queryString"]["new"]
    assert by_field["enabled"] == {"field": "enabled", "old": True, "new": False}
    assert by_field["filter"] == {"field": "filter", "old": None, "new": "true"}
    assert by_field["eventNames"]["new"] == ["UPDATE"]
    assert by_field["rateLimit"] == {"field": "rateLimit", "old": None, "new": 5}
    assert (by_field["headers"], by_field["secrets"]) == ({"field": "headers"}, {"field": "secrets"})
    assert len(noted) == len(by_field) == len(changes)
    assert first[1] == "webhookCreate"
    assert {"field": "url", "old": None, "new": URL} in first[3]
    stored = await api.conn.fetchval("select string_agg(t::text, '') from audit_entries t")
    assert all(secret not in stored for secret in ("header-secret", "another-secret", "whsec_", "A" * 32, "B" * 32))


async def test_what_is_given_and_stays_as_it_is_is_no_change(api: Platform) -> None:
    created = await api.create_webhook(URL)

    await api.mutate("webhookUpdate", "", webhookId=created["webhook"]["id"], attributes={"url": URL})

    row = await api.conn.fetchrow("select fields, changes from audit_entries where action = 'webhookUpdate'")
    assert row is not None
    assert tuple(row) == (["webhookId", "attributes.url"], "[]")


@pytest.mark.parametrize(
    ("mutation", "fields"),
    [("webhookSecretRotate", ["secrets"]), ("webhookDelete", ["enabled", "deleted"]), ("webhookResume", [])],
)
async def test_controls_are_noted(api: Platform, mutation: str, fields: list[str]) -> None:
    created = await api.create_webhook(URL)

    await api.mutate(mutation, "", webhookId=created["webhook"]["id"])

    _, (actor, action, _, changes, _) = await entries(api.conn)
    assert (actor, action, [one["field"] for one in changes]) == ("operator", mutation, fields)


async def test_what_tellgraph_changes_itself_has_an_entry_that_the_owner_sees(
    conn: asyncpg.Connection, database_url: str
) -> None:
    seller = await create_seller(conn)
    webhook = await create_subscription(conn, URL, seller_id=seller.id)
    # A worker's connection.
    async with create_database(database_url, pool_size=1) as database, database.connection() as pooled:
        await disable_webhook(pooled.raw_connection, WebhookId(webhook.id), "The endpoint answered 410 Gone.")

    *_, entry = await entries(conn)

    changes = [
        {"field": "enabled", "old": True, "new": False},
        {"field": "disabledReason", "old": None, "new": "The endpoint answered 410 Gone."},
    ]
    assert entry == ("tellgraph", "webhook.update", seller.id, changes, None)


async def test_a_secret_that_expires_is_a_change_by_tellgraph(api: Platform, database_url: str) -> None:
    created = await api.create_webhook(URL)
    await api.mutate("webhookSecretRotate", "", webhookId=created["webhook"]["id"], overlapSeconds=0)
    await api.conn.execute("update webhooks set secrets_expire_at = now() - interval '1 s'")

    async with create_database(database_url, pool_size=1) as database, database.connection() as pooled:
        assert await drop_expired(pooled.raw_connection, api.settings) == 1

    *_, entry = await entries(api.conn)
    assert entry == ("tellgraph", "webhook.update", None, [{"field": "secrets"}], None)


async def test_sql_by_hand_has_an_entry(conn: asyncpg.Connection) -> None:
    webhook = await create_subscription(conn, URL)

    await conn.execute("update webhooks set url = 'https://evil.example/', updated_at = now()")
    await conn.execute("update webhooks set is_failing = true, failing_since = now(), last_tested_at = now()")
    await conn.execute("delete from webhooks")

    inserted, updated, deleted = await entries(conn)
    assert {entry[0] for entry in (inserted, updated, deleted)} == {"database"}
    assert updated[1:4] == (
        "webhook.update",
        None,
        [{"field": "url", "old": webhook.url, "new": "https://evil.example/"}],
    )
    assert {"field": "url", "old": "https://evil.example/", "new": None} in deleted[3]


async def test_encrypting_secrets_anew_is_a_command_s_entry_and_no_change_of_the_webhook(
    conn: asyncpg.Connection, database_url: str
) -> None:
    webhook = await create_subscription(conn, URL)
    both = SecretBox(base64.b64encode(b"n" * 32).decode(), [SECRET_KEY])

    async with create_database(database_url, pool_size=2) as database:
        batches = [batch async for batch in rotate_secret_key(database, both)]

    assert sum(batch.changed for batch in batches) == 1
    assert await conn.fetchval("select secrets <> $1 from webhooks", webhook.secrets)
    assert [entry[:2] for entry in await entries(conn)] == [
        ("database", "webhook.insert"),
        ("command line", "keys rotate-secrets"),
    ]


async def test_a_thousand_webhooks_changed_by_one_statement_have_an_entry_each(conn: asyncpg.Connection) -> None:
    await conn.execute(
        "insert into webhooks (type, event_names, url, query_string, secrets)"
        " select 'INVOICE', '{UPDATE}', 'https://one.example/', repeat('x', 100000), '' from generate_series(1, 1000)"
    )

    await conn.execute("update webhooks set is_enabled = false")

    rows = await conn.fetch("select action, changes from audit_entries where action = 'webhook.update'")
    assert {tuple(row) for row in rows} == {("webhook.update", '[{"new": false, "old": true, "field": "enabled"}]')}
    assert len(rows) == 1000


async def test_the_history_of_one_webhook_is_answered(api: Platform) -> None:
    created = await api.create_webhook(URL)
    await api.create_webhook("https://other.example/")
    for url in ("https://two.example/", "https://three.example/"):
        await api.mutate("webhookUpdate", "", webhookId=created["webhook"]["id"], attributes={"url": url})

    data = await api.data(
        "query($id: ID) { auditEntries(filters: {entityId: $id}) { nodes { action apiKeyName changes } } }",
        {"id": created["webhook"]["id"]},
    )

    urls = [
        [(one["old"], one["new"]) for one in node["changes"] if one["field"] == "url"]
        for node in data["auditEntries"]["nodes"]
    ]
    assert urls == [
        [("https://two.example/", "https://three.example/")],
        [(URL, "https://two.example/")],
        [(None, URL)],
    ]
    assert created["webhook"]["id"] == encode("Webhook", 1)
