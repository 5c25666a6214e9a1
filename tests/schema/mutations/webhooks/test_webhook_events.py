"""webhookEventReplay and webhookEventCancel: what each allows, and what it leaves."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.auth.viewers import Scope, create_key
from app.webhooks.db.webhook_event_changes import RENDER_AGAIN
from app.webhooks.db.webhooks import Webhook
from app.webhooks.domain.webhook_event import CANCELLED_BY_HAND, WebhookEventState
from schema.entities import global_ids
from tests.builders.deliveries import claim_all, create_due_events, create_subscription
from tests.builders.sellers import create_seller
from tests.support.platform import Platform
from tests.support.waiting import LOCK_IS_AWAITED, until

URL = "http://127.0.0.1:9/"


async def replay(api: Platform, event_id: int, key: str | None = None) -> Any:
    return await api.mutate(
        "webhookEventReplay",
        "webhookEvent { state reason attemptCount finishedAt }",
        key,
        webhookEventId=global_ids.encode("WebhookEvent", event_id),
    )


async def cancel(api: Platform, event_id: int, key: str | None = None) -> Any:
    return await api.mutate(
        "webhookEventCancel",
        "webhookEvent { state reason dueAt }",
        key,
        webhookEventId=global_ids.encode("WebhookEvent", event_id),
    )


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
    (due,) = await claim_all(api.conn)
    assert (due.id, due.attempt, due.attempts_before, due.max_retries) == (event_id, 4, 3, 7)
    assert (
        await api.conn.fetchval("select now() - $1::timestamptz < interval '1 min'", due.first_attempted_at)
    ) is True


async def test_what_waits_for_a_retry_is_sent_now_and_a_newer_state_may_take_its_place(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL, max_retries=7)
    event_id = await in_state(api.conn, webhook, "RETRYING")
    await api.conn.execute("update webhook_events set due_at = now() + interval '8 h'")

    payload = await replay(api, event_id)

    event = {"state": "RETRYING", "reason": "so", "attemptCount": 3, "finishedAt": None}
    assert payload == {"status": 200, "errors": None, "webhookEvent": event}
    assert await api.conn.fetchval("select replayed_at is null from webhook_events")
    (due,) = await claim_all(api.conn)
    assert (due.id, due.attempt, due.attempts_before) == (event_id, 4, 3)
    assert await api.conn.fetchval("select $1 > now() - interval '1 min'", due.first_attempted_at)


async def test_retry_that_is_sent_now_stays_behind_an_older_event(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL, every_change=True)
    older, newer = [await in_state(api.conn, webhook, "RETRYING") for _ in range(2)]
    await api.conn.execute("update webhook_events set due_at = now() + interval '8 h'")

    await replay(api, newer)
    none = await claim_all(api.conn)
    await replay(api, older)

    assert (none, [due.id for due in await claim_all(api.conn)]) == ([], [older])


async def test_retry_that_is_claimed_meanwhile_is_not_replayed(api: Platform, database_url: str) -> None:
    event_id = await in_state(api.conn, await create_subscription(api.conn, URL), "RETRYING")
    other = await asyncpg.connect(database_url)

    async with other.transaction():
        (claimed,) = await claim_all(other)
        replaying = asyncio.create_task(replay(api, event_id))
        await until(lambda: api.conn.fetchval(LOCK_IS_AWAITED))
    payload = await replaying

    assert (payload["status"], payload["errors"][0]["messages"]) == (
        409,
        ["This event is SENDING. An attempt is in flight: wait for its result."],
    )
    row = await api.conn.fetchrow("select attempt_count, attempts_before from webhook_events")
    assert row is not None
    assert tuple(row) == (claimed.attempt, 0)
    await other.close()


@pytest.mark.parametrize(
    ("state", "instead"),
    [("PENDING", "pausedUntil"), ("SENDING", "wait"), ("HELD", "webhookUpdate"), ("SKIPPED", "webhookBackfill")],
)
async def test_what_has_not_ended_or_has_nothing_to_send_is_not_replayed(
    api: Platform, state: str, instead: str
) -> None:
    event_id = await in_state(api.conn, await create_subscription(api.conn, URL), state)
    before = await api.conn.fetchrow("select * from webhook_events")

    payload = await replay(api, event_id)

    assert (payload["status"], payload["webhookEvent"]) == (409, None)
    (message,) = payload["errors"][0]["messages"]
    assert message.startswith(f"This event is {state}. ")
    assert instead in message
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
    assert [due.id for due in await claim_all(api.conn)] == [event_id]


async def test_a_replay_keeps_the_order_of_its_entity(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)
    old = await in_state(api.conn, webhook, "DELIVERED")
    (newer,) = await create_due_events(api.conn, webhook)
    assert [due.id for due in await claim_all(api.conn)] == [newer]

    await replay(api, old)

    # The newer one is in flight: nothing else of the entity may be.
    assert await claim_all(api.conn) == []
    await api.conn.execute("update webhook_events set state = 'DELIVERED', lease_until = null where id = $1", newer)
    (newest,) = await create_due_events(api.conn, webhook)
    assert [due.id for due in await claim_all(api.conn)] == [old]
    await api.conn.execute("update webhook_events set state = 'FAILED', lease_until = null where id = $1", old)
    assert [due.id for due in await claim_all(api.conn)] == [newest]


async def test_replay_of_what_could_not_be_rendered_is_left_to_a_worker(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)
    event_id = await in_state(api.conn, webhook, "RENDER_FAILED")

    first, second = [await replay(api, event_id) for _ in range(2)]

    assert (first["status"], first["webhookEvent"]["state"]) == (200, "RENDER_FAILED")
    assert first["webhookEvent"]["reason"] == RENDER_AGAIN
    assert (second["status"], second["webhookEvent"]) == (409, None)
    assert await claim_all(api.conn) == []


@pytest.mark.parametrize("state", ["PENDING", "RETRYING", "HELD"])
async def test_cancel_withdraws_what_waits(api: Platform, state: str) -> None:
    event_id = await in_state(api.conn, await create_subscription(api.conn, URL), state)

    payload = await cancel(api, event_id)

    event = {"state": "CANCELLED", "reason": CANCELLED_BY_HAND, "dueAt": None}
    assert payload == {"status": 200, "errors": None, "webhookEvent": event}
    assert await claim_all(api.conn) == []
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

    payloads, *_ = await asyncio.gather(
        asyncio.gather(*(cancel(api, event_id) for event_id in ids)), claim_all(api.conn)
    )

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
        await api.mutate("webhookTest", "webhookEvent { id }", key, webhookId=webhook_id),
        await api.mutate("webhookEventsReplay", "webhookReplay { id }", key, webhookId=webhook_id),
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
        "webhookResume": {"webhookId": webhook_id},
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
