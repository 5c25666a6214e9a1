"""webhookEventsReplay: which events a replay of many chooses, and what it does with them."""

from typing import Any

import pytest

from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.platform import Platform, settings_for
from workers.resources import open_resources
from workers.upkeep.replay import BATCH_SIZE, replay_all

URL = "http://127.0.0.1:9/"


async def test_many_are_replayed_in_batches_with_progress(api: Platform, database_url: str) -> None:
    webhook = await create_subscription(api.conn, URL)
    count = BATCH_SIZE + 3
    await create_due_events(api.conn, webhook, count, state="FAILED")
    await create_due_events(api.conn, webhook, 2, state="DELIVERED", first_entity=9_001)
    await create_due_events(api.conn, await create_subscription(api.conn, URL), 2, state="FAILED")
    webhook_id = global_ids.encode("Webhook", webhook.id)
    selection = "webhookReplay { id state states total done }"

    started = await api.mutate("webhookEventsReplay", selection, webhookId=webhook_id)
    again = await api.mutate("webhookEventsReplay", selection, webhookId=webhook_id)
    async with open_resources(settings_for(database_url)) as resources:
        assert await replay_all(resources) == count
        assert await replay_all(resources) == 0

    run = started["webhookReplay"]
    assert (run["state"], run["states"], run["total"], run["done"]) == ("RUNNING", ["FAILED"], None, 0)
    assert again["status"] == 409
    found = await api.data(
        "query($id: ID!) { node(id: $id) { ... on Webhook { replays { totalCount nodes { state total done } } } } }",
        {"id": webhook_id},
    )
    assert found["node"]["replays"] == {
        "totalCount": 1,
        "nodes": [{"state": "DONE", "total": count, "done": count}],
    }
    states = await api.conn.fetch("select webhook_id, state, count(*) from webhook_events group by 1, 2 order by 1, 2")
    assert [tuple(row)[1:] for row in states] == [("DELIVERED", 2), ("PENDING", count), ("FAILED", 2)]


async def test_many_are_chosen_by_state_and_time(api: Platform, database_url: str) -> None:
    webhook = await create_subscription(api.conn, URL)
    ids = await create_due_events(api.conn, webhook, 3, state="DELIVERED")
    await api.conn.execute(
        "update webhook_events set created_at = '2026-01-01'::timestamptz + (entity_id * interval '1 d')"
    )

    payload = await api.mutate(
        "webhookEventsReplay",
        "webhookReplay { createdSince }",
        webhookId=global_ids.encode("Webhook", webhook.id),
        states=["DELIVERED", "FAILED"],
        createdSince="2026-01-03T00:00:00",
        createdUntil="2026-01-04T00:00:00Z",
    )
    async with open_resources(settings_for(database_url)) as resources:
        await replay_all(resources)

    assert payload["webhookReplay"] == {"createdSince": "2026-01-03T00:00:00+00:00"}
    pending = await api.conn.fetch("select id from webhook_events where state = 'PENDING'")
    assert [row[0] for row in pending] == [ids[1]]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"states": []}, "states"),
        ({"states": ["FAILED", "SKIPPED"]}, "states"),
        ({"states": ["SENDING"]}, "states"),
        ({"createdSince": "2026-01-02T00:00:00Z", "createdUntil": "2026-01-02T00:00:00Z"}, "createdUntil"),
        ({"webhookId": "x"}, "webhookId"),
    ],
)
async def test_a_wrong_choice_is_refused_at_its_field(api: Platform, given: dict[str, Any], field: str) -> None:
    webhook = await create_subscription(api.conn, URL)
    known = {"webhookId": global_ids.encode("Webhook", webhook.id)}

    payload = await api.mutate("webhookEventsReplay", "webhookReplay { id }", **{**known, **given})

    assert (payload["status"], [error["field"] for error in payload["errors"]]) == (422, [field])
    assert await api.conn.fetchval("select count(*) from webhook_replays") == 0


async def test_a_state_that_can_not_be_replayed_is_answered_with_what_to_do(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)

    payload = await api.mutate(
        "webhookEventsReplay",
        "webhookReplay { id }",
        webhookId=global_ids.encode("Webhook", webhook.id),
        states=["RETRYING", "FAILED", "HELD"],
    )

    (error,) = payload["errors"]
    assert (payload["status"], error["field"]) == (422, "states")
    assert error["messages"] == [
        "RETRYING can't be replayed. It waits for a retry: `webhookResume` sends all such events of a webhook now.",
        "HELD can't be replayed. It goes out when its webhook is enabled (`webhookUpdate` with `enabled: true`).",
        "name some of DELIVERED, FAILED, CANCELLED, SUPERSEDED, RENDER_FAILED",
    ]
    assert await api.conn.fetchval("select count(*) from webhook_replays") == 0
