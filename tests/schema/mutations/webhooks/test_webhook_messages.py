"""webhookMessagesTake, …Acknowledge, …Reject, …Extend: as a receiver of a pulled webhook (PULL) calls them.

Above 300 lines: the life of a message, through each mutation that may settle it or keep it from its receiver.
"""

import asyncio
from typing import Any

import asyncpg
import orjson
import pytest
from standardwebhooks import Webhook as Verifier

from app.webhooks.db.webhooks import Webhook
from schema.entities.global_ids import encode
from tests.builders.deliveries import (
    SIGNING_SECRET,
    create_due_events,
    create_pulled_subscription,
    create_subscription,
)
from tests.builders.sellers import create_seller
from tests.support.platform import Platform, running_platform, settings_for

MESSAGE = "id sequence attempt body headers { name value } leaseUntil webhookEvent { id state attemptCount }"


async def take(api: Platform, webhook: Webhook, selection: str = MESSAGE, key: str | None = None, **given: Any) -> Any:
    answer = await api.mutate(
        "webhookMessagesTake", f"messages {{ {selection} }}", key, webhookId=encode("Webhook", webhook.id), **given
    )
    assert answer["status"] == 200, answer
    return answer["messages"]


async def settle(api: Platform, name: str, selection: str, webhook: Webhook, messages: list[Any], **given: Any) -> Any:
    ids = [one["id"] for one in messages]
    return await api.mutate(name, f"{selection} expiredIds", webhookId=encode("Webhook", webhook.id), ids=ids, **given)


async def change(api: Platform, name: str, webhook: Webhook, **given: Any) -> None:
    answer = await api.mutate(name, "", webhookId=encode("Webhook", webhook.id), **given)
    assert answer["status"] == 200, answer


async def acknowledge(api: Platform, webhook: Webhook, messages: list[Any]) -> Any:
    return await settle(api, "webhookMessagesAcknowledge", "acknowledgedIds", webhook, messages)


async def reject(api: Platform, webhook: Webhook, messages: list[Any], **given: Any) -> Any:
    return await settle(api, "webhookMessagesReject", "rejectedIds", webhook, messages, **given)


async def states(conn: asyncpg.Connection) -> list[tuple[Any, ...]]:
    rows = await conn.fetch(
        "select state, attempt_count, last_status, lease_until is null from webhook_events order by id"
    )
    return [tuple(row) for row in rows]


async def attempts(conn: asyncpg.Connection) -> list[tuple[Any, ...]]:
    rows = await conn.fetch(
        "select number, status, error_kind, error, finished_at is null from delivery_attempts"
        " order by webhook_event_id, number"
    )
    return [tuple(row) for row in rows]


async def expire(conn: asyncpg.Connection) -> None:
    await conn.execute("update webhook_events set lease_until = now() - interval '1 ms' where state = 'SENDING'")


async def test_a_message_is_what_is_posted_to_others(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    (event,) = await create_due_events(api.conn, webhook)

    (message,) = await take(api, webhook, leaseSeconds=30)

    headers = {one["name"].lower(): one["value"] for one in message["headers"]}
    body = Verifier(SIGNING_SECRET).verify(message["body"], headers)
    assert body["id"] == headers["webhook-id"] == message["webhookEvent"]["id"] == encode("WebhookEvent", event)
    assert (message["sequence"], headers["tellgraph-sequence"]) == (str(event), str(event))
    assert (message["attempt"], headers["tellgraph-attempt"]) == (1, "1")
    assert message["webhookEvent"] == {"id": encode("WebhookEvent", event), "state": "SENDING", "attemptCount": 1}
    assert await take(api, webhook) == []


async def test_acknowledged_is_delivered_and_the_attempt_says_who_took_it(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook, 2)
    messages = await take(api, webhook)

    answer = await acknowledge(api, webhook, messages)

    assert answer["acknowledgedIds"] == [one["id"] for one in messages]
    assert answer["expiredIds"] == []
    assert await states(api.conn) == [("DELIVERED", 1, 200, True)] * 2
    assert await attempts(api.conn) == [(1, 200, None, None, False)] * 2
    shown = await api.data(
        "query($id: ID!) { node(id: $id) { ... on WebhookEvent { attempts { apiKeyId apiKeyName address durationMs }"
        " } } }",
        {"id": messages[0]["webhookEvent"]["id"]},
    )
    (attempt,) = shown["node"]["attempts"]
    key_id = await api.conn.fetchval("select id from api_keys")
    assert (attempt["apiKeyId"], attempt["apiKeyName"]) == (encode("ApiKey", key_id), "the operator's")
    assert (attempt["address"], attempt["durationMs"] >= 0) == ("127.0.0.1", True)
    recorded = "select count(*) from audit_entries where action like 'webhookMessages%'"
    assert await api.conn.fetchval(recorded) == 0
    # What was given is what later results are compared with.
    assert await api.conn.fetchval("select count(*) from webhook_given where payload_digest is not null") == 2
    assert await acknowledge(api, webhook, messages) == {
        "status": 200,
        "errors": None,
        "acknowledgedIds": [],
        "expiredIds": [one["id"] for one in messages],
    }


async def test_rejected_is_tried_again_with_the_receivers_words(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn, max_retries=1)
    (event,) = await create_due_events(api.conn, webhook)
    (first,) = await take(api, webhook)

    answer = await reject(api, webhook, [first], reason=" the till\0 is closed ")

    assert (answer["rejectedIds"], answer["expiredIds"]) == ([first["id"]], [])
    assert await states(api.conn) == [("RETRYING", 1, None, True)]
    assert await attempts(api.conn) == [(1, None, "REJECTED", "the till� is closed", False)]
    # The first retry is due at once. It has the same event id and bytes, and another message id.
    (second,) = await take(api, webhook)
    assert (second["attempt"], second["body"]) == (2, first["body"])
    assert second["webhookEvent"]["id"] == first["webhookEvent"]["id"]
    assert second["id"] != first["id"]
    # A late answer to the first attempt changes nothing of the second.
    late = await acknowledge(api, webhook, [first])
    assert (late["acknowledgedIds"], late["expiredIds"]) == ([], [first["id"]])
    assert (await states(api.conn))[0][:2] == ("SENDING", 2)

    await reject(api, webhook, [second], reason="x" * 2000)

    assert (await states(api.conn))[0][0] == "FAILED"
    exhausted = await api.conn.fetch("select kind, webhook_event_id from operational_events")
    assert [tuple(row) for row in exhausted] == [("EXHAUSTED", event)]
    assert len((await attempts(api.conn))[-1][3]) == 1000


@pytest.mark.parametrize(("asked", "least", "most"), [(None, -1, 1), (600, 590, 601), (86_400, 86_300, 86_401)])
async def test_retry_after_delays_the_rejected_message_alone(
    api: Platform, asked: int | None, least: int, most: int
) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook, 2)
    first, second = await take(api, webhook)

    await reject(api, webhook, [first], retryAfterSeconds=asked)

    delay_s = await api.conn.fetchval(
        "select extract(epoch from due_at - clock_timestamp()) from webhook_events where state = 'RETRYING'"
    )
    assert least <= delay_s <= most
    assert await api.conn.fetchval("select paused_until from webhooks") is None
    assert (await acknowledge(api, webhook, [second]))["acknowledgedIds"] == [second["id"]]


async def test_end_of_a_lease_is_the_receivers_failure(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn, max_retries=1)
    await create_due_events(api.conn, webhook)
    (first,) = await take(api, webhook)
    await expire(api.conn)

    (second,) = await take(api, webhook)

    over = (1, None, "LEASE_OVER", "The message was neither acknowledged nor rejected before the end of its lease.")
    assert [one[:4] for one in await attempts(api.conn)] == [over, (2, None, None, None)]
    assert (second["attempt"], second["body"]) == (2, first["body"])
    assert await api.conn.fetchval("select is_failing from webhooks")
    await expire(api.conn)
    assert await take(api, webhook) == []
    assert (await states(api.conn))[0][0] == "FAILED"


async def test_acknowledged_after_its_lease_and_before_anybody_noticed_is_delivered(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook)
    messages = await take(api, webhook)
    await expire(api.conn)

    assert (await acknowledge(api, webhook, messages))["expiredIds"] == []
    assert (await states(api.conn))[0][0] == "DELIVERED"


async def test_extended_lease_ends_later(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook, 2)
    first, second = await take(api, webhook, leaseSeconds=5)
    await acknowledge(api, webhook, [second])

    answer = await settle(
        api, "webhookMessagesExtend", "messages { id leaseUntil }", webhook, [first, second], leaseSeconds=3600
    )

    (extended,) = answer["messages"]
    assert (extended["id"], answer["expiredIds"]) == (first["id"], [second["id"]])
    left = await api.conn.fetchval(
        "select lease_until = $1::text::timestamptz and lease_until - clock_timestamp() > interval '3590 s'"
        " from webhook_events where state = 'SENDING'",
        extended["leaseUntil"],
    )
    assert left is True


async def test_order_of_an_entity_is_kept(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn, every_change=True)
    older = await create_due_events(api.conn, webhook, 2)
    newer = await create_due_events(api.conn, webhook, 2)

    first, other = await take(api, webhook)
    assert [int(one["sequence"]) for one in (first, other)] == older
    assert await take(api, webhook) == []
    await acknowledge(api, webhook, [first])
    (next_of_first,) = await take(api, webhook)
    assert int(next_of_first["sequence"]) == newer[0]
    await reject(api, webhook, [other], retryAfterSeconds=60)

    assert await take(api, webhook) == []


async def test_newer_state_takes_the_place_of_a_rejected_one(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook)
    messages = await take(api, webhook)
    (newer,) = await create_due_events(api.conn, webhook)

    await reject(api, webhook, messages, retryAfterSeconds=60)

    assert [int(one["sequence"]) for one in await take(api, webhook)] == [newer]
    assert [one[0] for one in await states(api.conn)] == ["SUPERSEDED", "SENDING"]


async def test_more_than_is_in_flight_is_not_taken(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn, concurrent_send_limit=3)
    await create_due_events(api.conn, webhook, 5)

    messages = await take(api, webhook)

    assert len(messages) == 3
    assert await take(api, webhook) == []
    await acknowledge(api, webhook, messages[:1])
    assert len(await take(api, webhook)) == 1


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("Take", {"first": 0}, "first"),
        ("Take", {"first": 1001}, "first"),
        ("Take", {"leaseSeconds": 3601}, "leaseSeconds"),
        ("Take", {"waitSeconds": 31}, "waitSeconds"),
        ("Reject", {"retryAfterSeconds": 86_401, "ids": []}, "retryAfterSeconds"),
        ("Extend", {"leaseSeconds": 0, "ids": []}, "leaseSeconds"),
        ("Acknowledge", {"ids": ["x"]}, "ids.0"),
        ("Acknowledge", {"ids": [encode("WebhookEvent", 1)]}, "ids.0"),
        ("Acknowledge", {"webhookId": encode("Invoice", 1), "ids": []}, "webhookId"),
    ],
)
async def test_wrong_arguments_are_named(api: Platform, name: str, given: dict[str, Any], field: str) -> None:
    webhook = await create_pulled_subscription(api.conn)

    answer = await api.mutate(f"webhookMessages{name}", "", **{"webhookId": encode("Webhook", webhook.id), **given})

    assert (answer["status"], [one["field"] for one in answer["errors"]]) == (422, [field])


async def test_nobody_takes_of_a_pushed_webhook_or_of_anothers(api: Platform) -> None:
    pushed = await create_subscription(api.conn, "http://127.0.0.1:9/")
    mine, other = await create_seller(api.conn), await create_seller(api.conn)
    of_other = await create_pulled_subscription(api.conn, seller_id=other.id)
    of_mine = await create_pulled_subscription(api.conn, seller_id=mine.id)
    await create_due_events(api.conn, pushed)
    await create_due_events(api.conn, of_other)
    key, message = await api.seller_key(mine.id), (await take(api, of_other))[0]

    for name in ("Take", "Acknowledge", "Reject", "Extend"):
        more: dict[str, Any] = {} if name == "Take" else {"ids": []}
        more["webhookId"] = encode("Webhook", pushed.id)
        at_pushed = await api.mutate(f"webhookMessages{name}", "", **more)
        assert (at_pushed["status"], name) == (409, name)
        at_other = await api.mutate(
            f"webhookMessages{name}", "", key, **{**more, "webhookId": encode("Webhook", of_other.id)}
        )
        assert (at_other["status"], name) == (404, name)
    # Nor by the name of a webhook of its own.
    for name in ("Acknowledge", "Reject", "Extend"):
        answer = await api.mutate(
            f"webhookMessages{name}", "expiredIds", key, webhookId=encode("Webhook", of_mine.id), ids=[message["id"]]
        )
        assert answer["expiredIds"] == [message["id"]]
    assert [one[0] for one in await states(api.conn)] == ["PENDING", "SENDING"]


async def test_a_key_needs_the_scope_webhooks(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    made = await api.mutate("apiKeyCreate", "key", name="reads", scopes=["READ", "WRITE"])

    answer = await api.graphql(
        "mutation($input: WebhookMessagesTakeMutationInput!) { webhookMessagesTake(input: $input) { status } }",
        {"input": {"webhookId": encode("Webhook", webhook.id)}},
        made["key"],
    )

    assert answer["errors"][0]["extensions"]["code"] == "MISSING_SCOPE"


async def test_event_without_its_payload_fails_and_the_others_are_handed_over(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook, 2)
    await api.conn.execute("update webhook_events set payload_digest = sha256('gone') where entity_id = 1")

    (message,) = await take(api, webhook)

    assert orjson.loads(message["body"])["entity"]["id"] == encode("Invoice", 2)
    assert [one[0] for one in await states(api.conn)] == ["FAILED", "SENDING"]
    assert (await attempts(api.conn))[0][2] == "PAYLOAD_GONE"


async def test_two_takers_share_the_messages(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn, concurrent_send_limit=1000)
    events = await create_due_events(api.conn, webhook, 200)

    some = await asyncio.gather(*(take(api, webhook, "sequence", first=30) for _ in range(8)))

    assert sorted(int(one["sequence"]) for each in some for one in each) == events


async def test_disabled_webhook_hands_over_nothing_and_what_is_out_can_be_settled(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook, 3)
    first, second = await take(api, webhook, first=2)

    await change(api, "webhookUpdate", webhook, attributes={"enabled": False})
    assert await take(api, webhook) == []
    await acknowledge(api, webhook, [first])
    await reject(api, webhook, [second])

    assert [one[0] for one in await states(api.conn)] == ["DELIVERED", "HELD", "HELD"]
    await change(api, "webhookUpdate", webhook, attributes={"enabled": True})
    assert [one["attempt"] for one in await take(api, webhook)] == [2, 1]


async def test_resume_makes_rejected_messages_due(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook)
    await reject(api, webhook, await take(api, webhook), retryAfterSeconds=3600)
    assert await take(api, webhook) == []

    await change(api, "webhookResume", webhook)

    assert [one["attempt"] for one in await take(api, webhook)] == [2]


async def test_replayed_and_cancelled_messages(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook, 2)
    first, second = await take(api, webhook)
    in_flight = await api.mutate("webhookEventCancel", "", webhookEventId=second["webhookEvent"]["id"])
    assert in_flight["status"] == 409
    await acknowledge(api, webhook, [first])
    await reject(api, webhook, [second], retryAfterSeconds=60)

    replay = await api.mutate("webhookEventReplay", "", webhookEventId=first["webhookEvent"]["id"])
    cancel = await api.mutate("webhookEventCancel", "", webhookEventId=second["webhookEvent"]["id"])

    assert (replay["status"], cancel["status"]) == (200, 200)
    (again,) = await take(api, webhook)
    assert (again["sequence"], again["attempt"], again["body"]) == (first["sequence"], 2, first["body"])


async def test_test_is_taken_and_not_tried_again(api: Platform) -> None:
    query = "query($id: ID!) { node(id: $id) { ... on Invoice { id } } }"
    webhook = await create_pulled_subscription(api.conn, query_string=query)
    await change(api, "webhookTest", webhook)
    (message,) = await take(api, webhook)
    assert orjson.loads(message["body"])["event_name"] == "test"

    await reject(api, webhook, [message])

    assert [one[0] for one in await states(api.conn)] == ["FAILED"]
    assert not await api.conn.fetchval("select is_failing from webhooks")


async def test_webhook_without_an_acknowledgement_for_days_is_disabled(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook, 2)
    first, second = await take(api, webhook)
    await reject(api, webhook, [first], retryAfterSeconds=60)
    await api.conn.execute("update webhooks set failing_since = now() - interval '6 days'")

    await reject(api, webhook, [second])

    row = await api.conn.fetchrow("select is_enabled, disabled_reason from webhooks")
    assert row is not None
    assert tuple(row) == (False, "No delivery has succeeded for 5 days.")
    assert [one[0] for one in await states(api.conn)] == ["HELD", "HELD"]


async def test_deleted_webhook_has_no_messages(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook)
    await take(api, webhook)

    await change(api, "webhookDelete", webhook)

    answer = await api.mutate("webhookMessagesTake", "", webhookId=encode("Webhook", webhook.id))
    assert answer["status"] == 404


async def test_an_answer_is_never_too_large_for_what_was_taken(database_url: str) -> None:
    settings = settings_for(database_url, max_response_bytes=200_000)
    async with running_platform(settings, with_worker=False) as api:
        webhook = await create_pulled_subscription(api.conn, concurrent_send_limit=1000, headers={"X-Own": "o" * 3000})
        events = await create_due_events(api.conn, webhook, 60)
        body = orjson.dumps({"data": {"node": {"text": '"' * 5000}}})
        await api.conn.execute("insert into payloads (digest, body) values (sha256($1), $1)", body)
        await api.conn.execute("update webhook_events set payload_digest = sha256($1) where entity_id > 30", body)
        taken: list[int] = []

        while messages := await take(api, webhook):
            taken += [int(one["sequence"]) for one in messages]
            await acknowledge(api, webhook, messages)

        assert sorted(taken) == events
        # What had no room counts against no limit.
        kinds = await api.conn.fetch("select distinct error_kind from delivery_attempts where error_kind is not null")
        assert {row["error_kind"] for row in kinds} <= {"CANCELLED"}
