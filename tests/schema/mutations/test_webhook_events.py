"""webhookEventReplay, webhookEventsReplay, webhookEventCancel, webhookTest: what each allows, and what it leaves."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.auth import Scope, create_key
from app.db import deliveries
from app.db.webhook_event_changes import RENDER_AGAIN
from app.db.webhooks import Webhook
from app.domain.webhook_event import CANCELLED_BY_HAND, WebhookEventState
from schema import global_ids
from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.platform import Platform, settings_for
from workers.replay import BATCH_SIZE, replay_all
from workers.resources import open_resources

URL = "http://127.0.0.1:9/"


async def call(api: Platform, name: str, selection: str, key: str | None = None, **given: Any) -> Any:
    document = (
        f"mutation($input: {name[0].upper()}{name[1:]}MutationInput!) {{ {name}(input: $input)"
        f" {{ status errors {{ field messages }} {selection} }} }}"
    )
    return (await api.data(document, {"input": given}, key))[name]


async def replay(api: Platform, event_id: int, key: str | None = None) -> Any:
    return await call(
        api,
        "webhookEventReplay",
        "webhookEvent { state reason attemptCount finishedAt }",
        key,
        webhookEventId=global_ids.encode("WebhookEvent", event_id),
    )


async def cancel(api: Platform, event_id: int, key: str | None = None) -> Any:
    return await call(
        api,
        "webhookEventCancel",
        "webhookEvent { state reason dueAt }",
        key,
        webhookEventId=global_ids.encode("WebhookEvent", event_id),
    )


async def claim(conn: asyncpg.Connection) -> list[deliveries.DueEvent]:
    return await deliveries.claim_due(conn, limit=99, per_webhook=99, after=0, failing_share=9, lease_s=60)


async def in_state(conn: asyncpg.Connection, webhook: Webhook, state: str, entity: int = 1) -> int:
    """An event that ended, or waits, in this state; attempted three times."""
    (event_id,) = await create_due_events(conn, webhook, state=state, first_entity=entity)
    await conn.execute(
        "update webhook_events set attempt_count = 3, first_attempted_at = now() - interval '40 days', reason = 'so',"
        " finished_at = case when due_at is null then now() end where id = $1",
        event_id,
    )
    return event_id


@pytest.mark.parametrize("state", ["DELIVERED", "FAILED", "CANCELLED", "SUPERSEDED"])
async def test_replay_sends_the_same_event_with_a_fresh_allowance(api: Platform, state: str) -> None:
    webhook = await create_subscription(api.conn, URL, max_retries=7)
    event_id = await in_state(api.conn, webhook, state)

    payload = await replay(api, event_id)

    event = {"state": "PENDING", "reason": None, "attemptCount": 3, "finishedAt": None}
    assert payload == {"status": 200, "errors": None, "webhookEvent": event}
    (due,) = await claim(api.conn)
    assert (due.id, due.attempt, due.attempts_before, due.max_retries) == (event_id, 4, 3, 7)
    assert (
        await api.conn.fetchval("select now() - $1::timestamptz < interval '1 min'", due.first_attempted_at)
    ) is True


@pytest.mark.parametrize("state", ["PENDING", "RETRYING", "SENDING", "HELD", "SKIPPED"])
async def test_what_has_not_ended_or_has_nothing_to_send_is_not_replayed(api: Platform, state: str) -> None:
    event_id = await in_state(api.conn, await create_subscription(api.conn, URL), state)
    before = await api.conn.fetchrow("select * from webhook_events")

    payload = await replay(api, event_id)

    assert (payload["status"], payload["webhookEvent"]) == (409, None)
    assert await api.conn.fetchrow("select * from webhook_events") == before


async def test_replay_for_a_disabled_webhook_is_held_and_for_a_deleted_one_refused(api: Platform) -> None:
    disabled = await create_subscription(api.conn, URL, is_enabled=False)
    deleted = await create_subscription(api.conn, URL, is_enabled=False)
    await api.conn.execute("update webhooks set deleted_at = now() where id = $1", deleted.id)
    events = [await in_state(api.conn, webhook, "FAILED") for webhook in (disabled, deleted)]

    held, refused = [await replay(api, event_id) for event_id in events]

    assert held["webhookEvent"]["state"] == "HELD"
    assert (refused["status"], refused["errors"][0]["messages"]) == (409, ["The event's webhook has been deleted."])


async def test_replayed_twice_at_once_is_queued_once(api: Platform) -> None:
    event_id = await in_state(api.conn, await create_subscription(api.conn, URL), "FAILED")

    payloads = await asyncio.gather(*(replay(api, event_id) for _ in range(6)))

    assert sorted(payload["status"] for payload in payloads) == [200, 409, 409, 409, 409, 409]
    assert [due.id for due in await claim(api.conn)] == [event_id]


async def test_a_replay_keeps_the_order_of_its_entity(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)
    old = await in_state(api.conn, webhook, "DELIVERED")
    (newer,) = await create_due_events(api.conn, webhook)
    assert [due.id for due in await claim(api.conn)] == [newer]

    await replay(api, old)

    # The newer one is in flight: nothing else of the entity may be.
    assert await claim(api.conn) == []
    await api.conn.execute("update webhook_events set state = 'DELIVERED', lease_until = null where id = $1", newer)
    (newest,) = await create_due_events(api.conn, webhook)
    assert [due.id for due in await claim(api.conn)] == [old]
    await api.conn.execute("update webhook_events set state = 'FAILED', lease_until = null where id = $1", old)
    assert [due.id for due in await claim(api.conn)] == [newest]


async def test_replay_of_what_could_not_be_rendered_is_left_to_a_worker(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)
    event_id = await in_state(api.conn, webhook, "RENDER_FAILED")

    first, second = [await replay(api, event_id) for _ in range(2)]

    assert (first["status"], first["webhookEvent"]["state"]) == (200, "RENDER_FAILED")
    assert first["webhookEvent"]["reason"] == RENDER_AGAIN
    assert (second["status"], second["webhookEvent"]) == (409, None)
    assert await claim(api.conn) == []


@pytest.mark.parametrize("state", ["PENDING", "RETRYING", "HELD"])
async def test_cancel_withdraws_what_waits(api: Platform, state: str) -> None:
    event_id = await in_state(api.conn, await create_subscription(api.conn, URL), state)

    payload = await cancel(api, event_id)

    event = {"state": "CANCELLED", "reason": CANCELLED_BY_HAND, "dueAt": None}
    assert payload == {"status": 200, "errors": None, "webhookEvent": event}
    assert await claim(api.conn) == []
    assert await api.conn.fetchval("select finished_at is not null from webhook_events") is True


@pytest.mark.parametrize(
    "state", sorted(set(WebhookEventState) - {"PENDING", "RETRYING", "HELD"}), ids=lambda state: str(state)
)
async def test_cancel_refuses_what_is_in_flight_or_has_ended(api: Platform, state: str) -> None:
    event_id = await in_state(api.conn, await create_subscription(api.conn, URL), state)

    payload = await cancel(api, event_id)

    assert (payload["status"], payload["webhookEvent"]) == (409, None)
    assert await api.conn.fetchval("select state from webhook_events") == state


async def test_an_event_is_either_cancelled_or_claimed(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)
    ids = await create_due_events(api.conn, webhook, 30)

    payloads, *_ = await asyncio.gather(asyncio.gather(*(cancel(api, event_id) for event_id in ids)), claim(api.conn))

    rows = await api.conn.fetch("select id, state from webhook_events order by id")
    wanted = ["CANCELLED" if payload["status"] == 200 else "SENDING" for payload in payloads]
    assert [(row["id"], row["state"]) for row in rows] == list(zip(ids, wanted, strict=True))
    attempts = await api.conn.fetch("select webhook_event_id from delivery_attempts order by 1")
    assert [row[0] for row in attempts] == [row["id"] for row in rows if row["state"] == "SENDING"]


async def test_another_sellers_events_and_webhooks_are_unknown(api: Platform) -> None:
    owner, other = await create_seller(api.conn), await create_seller(api.conn)
    webhook = await create_subscription(api.conn, URL, seller_id=owner.id)
    event_id, key = await in_state(api.conn, webhook, "FAILED"), await api.seller_key(other.id)
    webhook_id = global_ids.encode("Webhook", webhook.id)

    payloads = [
        await replay(api, event_id, key),
        await cancel(api, event_id, key),
        await call(api, "webhookTest", "webhookEvent { id }", key, webhookId=webhook_id),
        await call(api, "webhookEventsReplay", "webhookReplay { id }", key, webhookId=webhook_id),
    ]

    assert [payload["status"] for payload in payloads] == [404, 404, 404, 404]
    assert await api.conn.fetchval("select count(*) from webhook_events where state = 'FAILED'") == 1
    assert await api.conn.fetchval("select count(*) from webhook_replays") == 0


async def test_all_of_them_need_the_scope(api: Platform) -> None:
    key = await create_key(api.conn, name="no webhooks", seller_id=None, scopes=[Scope.READ, Scope.WRITE])
    webhook_id = global_ids.encode("Webhook", 1)
    inputs = {
        "webhookTest": {"webhookId": webhook_id},
        "webhookEventsReplay": {"webhookId": webhook_id},
        "webhookDelete": {"webhookId": webhook_id},
        "webhookSecretRotate": {"webhookId": webhook_id},
        "webhookBackfill": {"webhookId": webhook_id},
        "webhookBackfillCancel": {"webhookBackfillId": webhook_id},
        "webhookReplayCancel": {"webhookReplayId": webhook_id},
        "webhookEventReplay": {"webhookEventId": webhook_id},
        "webhookEventCancel": {"webhookEventId": webhook_id},
    }

    for name, given in inputs.items():
        document = (
            f"mutation($input: {name[0].upper()}{name[1:]}MutationInput!) {{ {name}(input: $input) {{ status }} }}"
        )
        answer = await api.graphql(document, {"input": given}, key)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["MISSING_SCOPE"], name


async def test_many_are_replayed_in_batches_with_progress(api: Platform, database_url: str) -> None:
    webhook = await create_subscription(api.conn, URL)
    count = BATCH_SIZE + 3
    await create_due_events(api.conn, webhook, count, state="FAILED")
    await create_due_events(api.conn, webhook, 2, state="DELIVERED", first_entity=9_001)
    await create_due_events(api.conn, await create_subscription(api.conn, URL), 2, state="FAILED")
    webhook_id = global_ids.encode("Webhook", webhook.id)
    selection = "webhookReplay { id state states total done }"

    started = await call(api, "webhookEventsReplay", selection, webhookId=webhook_id)
    again = await call(api, "webhookEventsReplay", selection, webhookId=webhook_id)
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

    payload = await call(
        api,
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

    payload = await call(api, "webhookEventsReplay", "webhookReplay { id }", **{**known, **given})

    assert (payload["status"], [error["field"] for error in payload["errors"]]) == (422, [field])
    assert await api.conn.fetchval("select count(*) from webhook_replays") == 0


async def send_test(api: Platform, webhook: Webhook) -> Any:
    selection = "webhookEvent { eventName state entityId payload { body } }"
    return await call(api, "webhookTest", selection, webhookId=global_ids.encode("Webhook", webhook.id))


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
    assert payload["webhookEvent"] == {**event, "payload": {"body": body}}


async def test_a_test_without_any_entity_shows_none(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)

    payload = await send_test(api, webhook)

    assert payload["webhookEvent"]["payload"] == {"body": '{"data":{"node":null}}'}


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

    (due,) = await claim(api.conn)
    await api.conn.execute("update webhook_events set state = 'DELIVERED' where state = 'HELD'")

    assert (due.event_name, due.max_retries) == ("test", 0)
    assert [one.id for one in await claim(api.conn)] == [later]
    assert (await replay(api, due.id))["status"] == 409
