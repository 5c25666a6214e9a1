"""webhookReplayCancel: what it ends, and what goes on."""

import asyncio
from typing import Any

import pytest

from app.webhooks.db.runs.webhook_replays import WebhookReplayId
from app.webhooks.db.webhooks import Webhook
from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.sellers import create_seller
from tests.support.platform import Platform, settings_for
from workers.resources import open_resources
from workers.upkeep.replay import BATCH_SIZE, replay_all, replay_batch

URL = "http://127.0.0.1:9/"
START = """mutation($id: ID!) { webhookEventsReplay(input: {webhookId: $id}) { status webhookReplay { id } } }"""
CANCEL = """
mutation($id: ID!) {
  webhookReplayCancel(input: {webhookReplayId: $id}) {
    status errors { field messages } webhookReplay { state total done finishedAt webhook { legacyId } }
  }
}
"""


async def start(api: Platform, webhook: Webhook) -> str:
    started = await api.data(START, {"id": global_ids.encode("Webhook", webhook.id)})
    assert started["webhookEventsReplay"]["status"] == 200
    return str(started["webhookEventsReplay"]["webhookReplay"]["id"])


async def cancel(api: Platform, replay_id: str, key: str | None = None) -> Any:
    return (await api.data(CANCEL, {"id": replay_id}, key))["webhookReplayCancel"]


async def states(api: Platform) -> dict[str, int]:
    rows = await api.conn.fetch("select state, count(*) from webhook_events group by 1 order by 1")
    return {row["state"]: row["count"] for row in rows}


async def test_what_was_queued_goes_on_and_the_rest_stays(api: Platform, database_url: str) -> None:
    webhook = await create_subscription(api.conn, URL)
    await create_due_events(api.conn, webhook, BATCH_SIZE + 3, state="FAILED")
    replay_id = await start(api, webhook)
    key = WebhookReplayId(global_ids.decode(replay_id, field="id")[1])

    async with open_resources(settings_for(database_url)) as resources:
        await replay_batch(resources, key, webhook.id)
        ended = await cancel(api, replay_id)
        again = await cancel(api, replay_id)
        moved = await replay_all(resources)

    run = ended["webhookReplay"]
    assert run.pop("finishedAt")
    assert run == {
        "state": "CANCELLED",
        "total": BATCH_SIZE + 3,
        "done": BATCH_SIZE,
        "webhook": {"legacyId": webhook.id},
    }
    assert (again["status"], again["webhookReplay"]["done"], moved) == (200, BATCH_SIZE, 0)
    assert await states(api) == {"FAILED": 3, "PENDING": BATCH_SIZE}


async def test_another_can_be_started_at_once(api: Platform, database_url: str) -> None:
    webhook = await create_subscription(api.conn, URL)
    await create_due_events(api.conn, webhook, 2, state="FAILED")
    await cancel(api, await start(api, webhook))

    await start(api, webhook)
    async with open_resources(settings_for(database_url)) as resources:
        await replay_all(resources)

    assert await states(api) == {"PENDING": 2}
    runs = await api.conn.fetch("select state, done from webhook_replays order by id")
    assert [tuple(row) for row in runs] == [("CANCELLED", 0), ("DONE", 2)]


async def test_cancelled_by_many_at_once_while_a_worker_is_at_it(api: Platform, database_url: str) -> None:
    webhook = await create_subscription(api.conn, URL)
    await create_due_events(api.conn, webhook, BATCH_SIZE * 3, state="FAILED")
    replay_id = await start(api, webhook)

    async with open_resources(settings_for(database_url)) as resources:
        moved, *answers = await asyncio.gather(replay_all(resources), *(cancel(api, replay_id) for _ in range(5)))

    run = await api.conn.fetchrow("select state, done from webhook_replays")
    assert run is not None
    assert run["done"] == moved == (await states(api)).get("PENDING", 0)
    assert {answer["status"] for answer in answers} == ({200} if run["state"] == "CANCELLED" else {409})


async def test_one_that_is_done_is_refused(api: Platform, database_url: str) -> None:
    webhook = await create_subscription(api.conn, URL)
    replay_id = await start(api, webhook)
    async with open_resources(settings_for(database_url)) as resources:
        await replay_all(resources)

    answer = await cancel(api, replay_id)

    assert (answer["status"], answer["webhookReplay"]) == (409, None)
    assert answer["errors"][0]["messages"] == ["This replay is DONE: there is nothing to cancel."]


@pytest.mark.parametrize(
    ("replay_id", "status"),
    [("V2ViaG9vay0x", 422), ("x", 422), (global_ids.encode("WebhookReplay", 99), 404)],
    ids=["a webhook's id", "no id", "unknown"],
)
async def test_what_is_no_replay_is_refused(api: Platform, replay_id: str, status: int) -> None:
    assert (await cancel(api, replay_id))["status"] == status


async def test_another_sellers_is_unknown(api: Platform) -> None:
    owner, other = await create_seller(api.conn), await create_seller(api.conn)
    webhook = await create_subscription(api.conn, URL, seller_id=owner.id)
    replay_id = await start(api, webhook)

    refused = await cancel(api, replay_id, await api.seller_key(other.id))
    own = await cancel(api, replay_id, await api.seller_key(owner.id))

    assert (refused["status"], refused["webhookReplay"]) == (404, None)
    assert (own["status"], own["webhookReplay"]["state"]) == (200, "CANCELLED")
