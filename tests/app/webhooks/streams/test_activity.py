"""`webhookActivity` shows webhook events as they change to whoever may see them, and costs nothing without watchers."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from app.webhooks.streams import activity
from schema.entities import global_ids
from tests.builders.deliveries import claim_all, create_due_events, create_subscription
from tests.builders.sellers import create_seller
from tests.support.platform import Platform
from tests.support.receiver import Receiver
from tests.support.streams import ACTIVITY, EventReader, event_stream
from tests.support.waiting import until

URL = "https://receiver.example"


def event_ids(*keys: int) -> list[str]:
    return [global_ids.encode("WebhookEvent", key) for key in keys]


async def shown(stream: EventReader, count: int) -> list[tuple[str, str]]:
    """Id and state of the next changes."""
    events = [(await stream.data())["webhookActivity"] for _ in range(count)]
    return [(event["id"], event["state"]) for event in events]


async def test_an_event_is_shown_when_it_is_made_claimed_and_cancelled(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)

    async with event_stream(api, ACTIVITY) as stream:
        (first,) = await create_due_events(api.conn, webhook)
        made = await shown(stream, 1)
        await claim_all(api.conn)
        claimed = await shown(stream, 1)
        (second,) = await create_due_events(api.conn, webhook, first_entity=2)
        await shown(stream, 1)
        await api.mutate("webhookEventCancel", "", webhookEventId=event_ids(second)[0])
        cancelled = await shown(stream, 1)

    assert made == [(event_ids(first)[0], "PENDING")]
    assert claimed == [(event_ids(first)[0], "SENDING")]
    assert cancelled == [(event_ids(second)[0], "CANCELLED")]


async def test_a_delivery_is_shown_with_its_attempt(platform: Platform, receiver: Receiver) -> None:
    webhook = await create_subscription(platform.conn, receiver.url())
    query = "subscription { webhookActivity(states: [DELIVERED]) { state attempts { number status } webhook { id } } }"

    async with event_stream(platform, query) as stream:
        await create_due_events(platform.conn, webhook)
        event = (await stream.data())["webhookActivity"]

    assert event == {
        "state": "DELIVERED",
        "attempts": [{"number": 1, "status": 200}],
        "webhook": {"id": global_ids.encode("Webhook", webhook.id)},
    }


async def test_a_seller_sees_the_events_of_its_own_webhooks_alone(api: Platform) -> None:
    sellers = [await create_seller(api.conn), await create_seller(api.conn)]
    webhooks = [await create_subscription(api.conn, URL, seller_id=seller.id) for seller in sellers]

    async with event_stream(api, ACTIVITY, key=await api.seller_key(sellers[1].id)) as stream:
        await create_due_events(api.conn, webhooks[0])
        await create_due_events(api.conn, await create_subscription(api.conn, URL))
        (own,) = await create_due_events(api.conn, webhooks[1])

        assert await shown(stream, 1) == [(event_ids(own)[0], "PENDING")]


async def test_filters_leave_out_other_webhooks_and_states(api: Platform) -> None:
    wanted, other = [await create_subscription(api.conn, URL) for _ in range(2)]
    query = ACTIVITY.replace("Activity", "Activity(webhookId: $id, states: [SENDING])").replace(
        "n {", "n($id: ID) {", 1
    )

    async with event_stream(api, query, {"id": global_ids.encode("Webhook", wanted.id)}) as stream:
        await create_due_events(api.conn, other)
        (event,) = await create_due_events(api.conn, wanted)
        await claim_all(api.conn)

        assert await shown(stream, 1) == [(event_ids(event)[0], "SENDING")]


async def test_many_events_of_one_transaction_are_all_shown(api: Platform) -> None:
    """Their ids are more than one notification can hold."""
    webhook = await create_subscription(api.conn, URL)

    async with event_stream(api, ACTIVITY) as stream:
        made = await create_due_events(api.conn, webhook, 900)

        assert [one for one, _ in await shown(stream, 900)] == event_ids(*made)


async def test_a_flood_of_one_owner_leaves_out_no_event_of_another(api: Platform) -> None:
    seller = await create_seller(api.conn)
    flooded, quiet = (
        await create_subscription(api.conn, URL),
        await create_subscription(api.conn, URL, seller_id=seller.id),
    )

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(event_stream(api, ACTIVITY))
        stream = await stack.enter_async_context(event_stream(api, ACTIVITY, key=await api.seller_key(seller.id)))
        async with api.conn.transaction():
            (event,) = await create_due_events(api.conn, quiet)
            await create_due_events(api.conn, flooded, 5_000)

        assert await shown(stream, 1) == [(event_ids(event)[0], "PENDING")]


async def test_nothing_is_notified_while_nobody_watches(
    api: Platform, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "WATCHED_S", 1)
    webhook, heard = await create_subscription(api.conn, URL), []
    listener = await asyncpg.connect(database_url)
    await listener.add_listener(activity.CHANNEL, lambda *told: heard.append(told[-1]))
    try:
        await create_due_events(api.conn, webhook)
        async with event_stream(api, ACTIVITY):
            (watched,) = await create_due_events(api.conn, webhook, first_entity=2)
        still = "select last_value >= extract(epoch from clock_timestamp()) from webhook_activity_watched"
        await until(lambda: _is_false(api, still))
        await create_due_events(api.conn, webhook, first_entity=3)
        await api.conn.execute(f"notify {activity.CHANNEL}, 'last'")
        await until(lambda: _ends_with_last(heard))
    finally:
        await listener.close()

    assert heard == [f"0 {webhook.id} {watched}", "last"]


async def test_a_stream_goes_on_after_the_hub_has_lost_its_connection(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)

    async with event_stream(api, ACTIVITY) as stream:
        ended = await api.conn.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        assert ended
        reading = asyncio.ensure_future(shown(stream, 1))
        # What changes while nobody listens is not shown.
        entity = 0
        while not reading.done():
            entity += 1
            await create_due_events(api.conn, webhook, first_entity=entity)
            await asyncio.wait([reading], timeout=0.1)
        seen = await reading

    assert seen[0][1] == "PENDING"


@pytest.mark.parametrize(
    ("arguments", "scopes", "code"),
    [
        ('(webhookId: "V2ViaG9vay05OTk=")', ["webhooks"], "NOT_FOUND"),
        ('(webhookId: "nonsense")', ["webhooks"], "BAD_USER_INPUT"),
        ("", ["read"], "MISSING_SCOPE"),
        ("(states: [NONE])", ["webhooks"], "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_a_wrong_subscription_is_refused(api: Platform, arguments: str, scopes: list[str], code: str) -> None:
    created: Any = await api.mutate("apiKeyCreate", "key", name="narrow", scopes=[scope.upper() for scope in scopes])
    query = f"subscription {{ webhookActivity{arguments} {{ id }} }}"

    async with event_stream(api, query, key=created["key"]) as stream:
        event, result = await stream.next()
        ended = await stream.next()

    assert (event, [error["extensions"]["code"] for error in result["errors"]]) == ("next", [code])
    assert ended == ("complete", None)


async def _is_false(api: Platform, sql: str) -> bool:
    return not await api.conn.fetchval(sql)


async def _ends_with_last(heard: list[str]) -> bool:
    return heard[-1:] == ["last"]
