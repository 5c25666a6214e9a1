"""`webhookMessages` hands messages over as they come, to receivers that settle them."""

import time
from typing import Any

import pytest

from app.auth.viewers import OPERATOR
from app.db.pool import create_database
from app.webhooks.streams.hub import Hub
from schema.entities import global_ids
from schema.stored.message_stream import MessageStream
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.platform import Platform
from tests.support.streams import EventReader, event_stream

QUERY = """subscription($id: ID!, $inFlight: Int, $lease: Int) {
  webhookMessages(webhookId: $id, inFlight: $inFlight, leaseSeconds: $lease) {
    id attempt body headers { name value } leaseUntil webhookEvent { id state }
  }
}"""


async def create_pulled(api: Platform, **attributes: Any) -> tuple[Any, str]:
    webhook = await create_subscription(api.conn, None, delivery="PULL", **attributes)
    return webhook, global_ids.encode("Webhook", webhook.id)


async def read(stream: EventReader, count: int = 1) -> list[Any]:
    return [(await stream.data())["webhookMessages"] for _ in range(count)]


async def acknowledge(api: Platform, webhook_id: str, messages: list[Any]) -> Any:
    ids = [one["id"] for one in messages]
    return await api.mutate("webhookMessagesAcknowledge", "acknowledgedIds expiredIds", webhookId=webhook_id, ids=ids)


async def test_messages_come_as_they_are_committed_and_are_acknowledged(api: Platform) -> None:
    webhook, webhook_id = await create_pulled(api)
    (before,) = await create_due_events(api.conn, webhook)

    async with event_stream(api, QUERY, {"id": webhook_id}) as stream:
        first = await read(stream)
        (after,) = await create_due_events(api.conn, webhook, first_entity=2)
        second = await read(stream)
        done = await acknowledge(api, webhook_id, [*first, *second])

    event_ids = [one["webhookEvent"]["id"] for one in (*first, *second)]
    assert event_ids == [global_ids.encode("WebhookEvent", key) for key in (before, after)]
    assert done["acknowledgedIds"] == [one["id"] for one in (*first, *second)]
    assert "webhook-signature" in {header["name"].lower() for header in first[0]["headers"]}
    states = await api.conn.fetch("select distinct state from webhook_events")
    assert [row["state"] for row in states] == ["DELIVERED"]


async def test_no_more_come_than_may_be_in_flight(api: Platform) -> None:
    webhook, webhook_id = await create_pulled(api)
    await create_due_events(api.conn, webhook, 50)

    async with event_stream(api, QUERY, {"id": webhook_id, "inFlight": 8}) as stream:
        seen: set[str] = set()
        while len(seen) < 50:
            (message,) = await read(stream)
            seen.add(message["webhookEvent"]["id"])
            taken = await api.conn.fetchval("select count(*) from webhook_events where state = 'SENDING'")
            assert taken <= 8
            await acknowledge(api, webhook_id, [message])

    assert len(seen) == 50


async def test_what_is_not_settled_comes_again_after_its_lease(api: Platform) -> None:
    webhook, webhook_id = await create_pulled(api)
    await create_due_events(api.conn, webhook)

    async with event_stream(api, QUERY, {"id": webhook_id, "lease": 1}) as stream:
        first, second = await read(stream, 2)

    assert (first["attempt"], second["attempt"]) == (1, 2)
    assert first["webhookEvent"]["id"] == second["webhookEvent"]["id"]
    assert first["id"] != second["id"]


async def test_what_was_taken_and_not_handed_over_may_be_taken_at_once(api: Platform) -> None:
    """By others, when the stream ends."""
    webhook, _ = await create_pulled(api)
    await create_due_events(api.conn, webhook, 50)

    async with create_database(api.settings.database_url or "", pool_size=2) as database:
        hub = Hub(api.settings.database_url or "", timeout_s=30)
        stream = MessageStream(
            database=database,
            viewer=OPERATOR,
            settings=api.settings,
            hub=hub,
            in_lane=lambda work: work(),
            webhook_id=webhook.id,
            lease_s=3_600,
            in_flight=50,
        )
        await stream.open()
        handed_over = await stream.next()
        await stream.aclose()
        await hub.close()

    rows = await api.conn.fetch("select id, state, due_at <= now() as is_due from webhook_events order by state desc")
    assert (rows[0]["id"], rows[0]["state"]) == (handed_over.due.id, "SENDING")
    assert [(row["state"], row["is_due"]) for row in rows[1:]] == [("RETRYING", True)] * 49


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"inFlight": 0}, "BAD_USER_INPUT"),
        ({"inFlight": 1_001}, "BAD_USER_INPUT"),
        ({"lease": 0}, "BAD_USER_INPUT"),
        ({"id": "V2ViaG9vay05OTk="}, "NOT_FOUND"),
    ],
)
async def test_wrong_arguments_are_refused(api: Platform, arguments: dict[str, Any], code: str) -> None:
    _, webhook_id = await create_pulled(api)

    async with event_stream(api, QUERY, {"id": webhook_id, **arguments}) as stream:
        _, result = await stream.next()

    assert [error["extensions"]["code"] for error in result["errors"]] == [code]


async def test_a_pushed_webhook_has_no_messages(api: Platform) -> None:
    webhook = await create_subscription(api.conn, "https://receiver.example")

    async with event_stream(api, QUERY, {"id": global_ids.encode("Webhook", webhook.id)}) as stream:
        _, result = await stream.next()

    assert [error["extensions"]["code"] for error in result["errors"]] == ["CONFLICT"]


async def test_a_stream_ends_when_its_webhook_is_deleted(api: Platform) -> None:
    webhook, webhook_id = await create_pulled(api)

    async with event_stream(api, QUERY, {"id": webhook_id}) as stream:
        await create_due_events(api.conn, webhook)
        await read(stream)
        await api.mutate("webhookDelete", "", webhookId=webhook_id)
        await api.conn.execute("select pg_notify('tellgraph_messages', $1)", str(webhook.id))
        _, result = await stream.next()
        ended = await stream.next()

    assert [error["extensions"]["code"] for error in result["errors"]] == ["NOT_FOUND"]
    assert ended == ("complete", None)


async def test_a_stream_goes_on_after_the_connections_are_lost(api: Platform) -> None:
    webhook, webhook_id = await create_pulled(api)

    async with event_stream(api, QUERY, {"id": webhook_id}) as stream:
        await api.conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        await create_due_events(api.conn, webhook)
        began = time.monotonic()
        await read(stream)
        took = time.monotonic() - began

    assert took < 30
