"""webhookDelete and webhookBackfill: what each ends, shows and refuses."""

import asyncio
from typing import Any

import pytest

from app.webhooks.db import deliveries
from app.webhooks.domain.webhook_event import WEBHOOK_DELETED, WebhookEventState
from schema.entities import global_ids
from tests.builders.deliveries import claim_all, create_due_events, create_subscription, result_of
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.platform import Platform, settings_for
from tests.support.waiting import until
from workers.publish.job import publish_all
from workers.resources import open_resources
from workers.upkeep.sweep import sweep_all

URL = "http://127.0.0.1:9/"


async def test_a_deleted_webhook_is_gone_and_its_history_is_not(api: Platform) -> None:
    owner = await create_seller(api.conn)
    key = await api.seller_key(owner.id)
    webhook = await create_subscription(api.conn, URL, seller_id=owner.id)
    for state in ("PENDING", "RETRYING", "HELD", "DELIVERED", "SENDING"):
        await create_due_events(api.conn, webhook, state=state, first_entity=len(state))
    webhook_id = global_ids.encode("Webhook", webhook.id)

    deleted = await api.mutate("webhookDelete", "webhook { id enabled deletedAt }", key, webhookId=webhook_id)
    again = await api.mutate("webhookDelete", "webhook { id }", key, webhookId=webhook_id)

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
    await api.mutate("webhookDelete", "webhook { id }", webhookId=webhook_id)

    await create_invoice(api.conn)
    async with open_resources(settings_for(database_url)) as resources:
        await publish_all(resources)
    enabled = await api.mutate("webhookUpdate", "", webhookId=webhook_id, attributes={"enabled": True})
    statuses = [
        (await api.mutate(name, "", webhookId=webhook_id))["status"]
        for name in ("webhookTest", "webhookEventsReplay", "webhookBackfill", "webhookSecretRotate")
    ]

    assert await api.conn.fetchval("select count(*) from webhook_events") == 0
    assert [enabled["status"], *statuses] == [404] * 5


async def test_what_is_published_or_retried_while_a_webhook_is_deleted_is_cancelled(
    api: Platform, database_url: str
) -> None:
    webhook = await create_subscription(api.conn, URL)
    (retried,) = await create_due_events(api.conn, webhook)
    (due,) = await claim_all(api.conn)
    (expired,) = await create_due_events(api.conn, webhook, first_entity=2)
    await claim_all(api.conn)
    await api.conn.execute("update webhook_events set lease_until = now() - interval '1 s' where id = $1", expired)
    await api.mutate("webhookDelete", "webhook { id }", webhookId=global_ids.encode("Webhook", webhook.id))
    # By a publisher that had read the webhook before.
    (published,) = await create_due_events(api.conn, webhook, first_entity=3)

    result = result_of(due, state=WebhookEventState.RETRYING, status=500, delay_s=0.0)
    assert (await deliveries.record_results(api.conn, [result])).ids == {retried}
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
        await api.mutate("webhookDelete", "webhook { id }", webhookId=webhook_id)
        await publishing
        await sweep_all(resources)

    states = await api.conn.fetch("select distinct state from webhook_events")
    assert [row[0] for row in states] == ["CANCELLED"]


async def test_another_sellers_secret_backfill_and_webhook_are_unknown(api: Platform) -> None:
    owner, other = await create_seller(api.conn), await create_seller(api.conn)
    webhook = await create_subscription(api.conn, URL, seller_id=owner.id)
    webhook_id, key = global_ids.encode("Webhook", webhook.id), await api.seller_key(other.id)
    started = await api.mutate("webhookBackfill", "webhookBackfill { id }", webhookId=webhook_id)
    backfill_id = started["webhookBackfill"]["id"]

    statuses = [
        (await api.mutate(name, "", key, webhookId=webhook_id))["status"]
        for name in ("webhookDelete", "webhookSecretRotate", "webhookBackfill")
    ]
    cancelled = await api.mutate("webhookBackfillCancel", "", key, webhookBackfillId=backfill_id)
    node = await api.data("query($id: ID!) { node(id: $id) { id } }", {"id": backfill_id}, key)

    assert (statuses, cancelled["status"], node) == ([404, 404, 404], 404, {"node": None})
    assert await api.conn.fetchval("select state from webhook_backfills") == "RUNNING"


async def test_a_backfill_is_shown_with_its_webhook_and_can_be_ended(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)
    webhook_id = global_ids.encode("Webhook", webhook.id)
    selection = "webhookBackfill { id state ratePerSecond force total done skipped startedAt finishedAt }"

    started = await api.mutate("webhookBackfill", selection, webhookId=webhook_id, ratePerSecond=3, force=True)
    second = await api.mutate("webhookBackfill", selection, webhookId=webhook_id)
    backfill_id = started["webhookBackfill"].pop("id")
    ended = await api.mutate("webhookBackfillCancel", "webhookBackfill { state }", webhookBackfillId=backfill_id)
    again = await api.mutate("webhookBackfillCancel", "", webhookBackfillId=backfill_id)

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

    payload = await api.mutate("webhookBackfill", "webhookBackfill { id }", webhookId=webhook_id, **given)

    assert (payload["status"], [error["field"] for error in payload["errors"]]) == (422, [field])
    assert await api.conn.fetchval("select count(*) from webhook_backfills") == 0
