"""`waitSeconds` of a take: it gets a message as soon as there is one, and holds nothing while it waits."""

import asyncio
import time
from typing import Any

import asyncpg
import httpx
import pytest

from app.db.pool import Connection
from app.webhooks.db.webhooks import Webhook
from schema.entities.global_ids import encode
from tests.builders.deliveries import create_due_events, create_pulled_subscription
from tests.support.platform import Platform, running_api, running_platform, settings_for
from tests.support.waiting import until

POLL = (
    "mutation($input: WebhookMessagesTakeMutationInput!) { webhookMessagesTake(input: $input)"
    " { status messages { id sequence %s } } }"
)
LISTENS = "query ilike 'listen%' or query = 'select 1'"


async def poll(api: Platform, webhook: Webhook, key: str | None = None, more: str = "", **given: Any) -> Any:
    given = {"webhookId": encode("Webhook", webhook.id), "waitSeconds": 30, **given}
    return await api.graphql(POLL % more, {"input": given}, key)


def sequences(answer: Any) -> list[int]:
    return [int(one["sequence"]) for one in answer["data"]["webhookMessagesTake"]["messages"]]


async def has_listener(conn: Connection) -> bool:
    sql = "select exists (select from pg_stat_activity where datname = current_database() and query ilike 'listen%')"
    return bool(await conn.fetchval(sql))


async def waiting_polls(api: Platform, count: int) -> None:
    """Wait until so many polls have looked twice: before they listened, and after."""
    await until(lambda: _has_looked(api, 2 * count))


async def _has_looked(api: Platform, times: int) -> bool:
    # The key is looked up for each operation, and each look of a take takes the lock of its webhook's claim.
    sql = "select calls from pg_stat_user_functions where funcname = 'claim_webhook_events'"
    return int(await api.conn.fetchval(sql) or 0) >= times


@pytest.fixture
async def counted(database_url: str) -> None:
    """PostgreSQL counts the calls of functions: so a test sees that a poll has looked."""
    conn = await asyncpg.connect(database_url)
    try:
        name = await conn.fetchval("select current_database()")
        await conn.execute(f"alter database {name} set track_functions = 'pl'")
    finally:
        await conn.close()


@pytest.mark.parametrize("more", ["", "body headers { name value }"], ids=["light", "heavy"])
async def test_poll_gets_what_is_published_meanwhile(database_url: str, counted: None, more: str) -> None:
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        webhook, other = await create_pulled_subscription(api.conn), await create_pulled_subscription(api.conn)
        waiting = asyncio.create_task(poll(api, webhook, more=more))
        await waiting_polls(api, 1)
        await create_due_events(api.conn, other)
        assert not waiting.done()

        (event,) = await create_due_events(api.conn, webhook)

        assert sequences(await waiting) == [event]


async def test_poll_gets_a_retry_when_it_is_due(database_url: str, counted: None) -> None:
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        webhook = await create_pulled_subscription(api.conn)
        (event,) = await create_due_events(api.conn, webhook)
        await api.conn.execute("alter table webhook_events_open disable trigger user")
        await api.conn.execute(
            "update webhook_events set state = 'RETRYING', due_at = clock_timestamp() + interval '2 s'"
        )

        assert sequences(await poll(api, webhook)) == [event]

        due = "select bool_and(attempted_at >= due_at) from webhook_events"
        assert await api.conn.fetchval(due)


async def test_poll_without_a_message_ends_in_time(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    began = time.monotonic()

    assert sequences(await poll(api, webhook, waitSeconds=1)) == []

    assert time.monotonic() - began >= 1


async def test_polls_hold_neither_places_nor_connections(database_url: str, counted: None) -> None:
    settings = settings_for(database_url, database_pool_size=3, rate_concurrent=1)
    async with running_platform(settings, with_worker=False) as api:
        webhook = await create_pulled_subscription(api.conn)
        polls = [asyncio.create_task(poll(api, webhook)) for _ in range(15)]
        await waiting_polls(api, 15)

        await api.data("{ __typename }")

        # Each looks now and then, for some milliseconds.
        await until(
            lambda: api.conn.fetchval(
                "select count(*) = 0 from pg_stat_activity where datname = current_database()"
                " and pid <> pg_backend_pid() and state <> 'idle'"
            )
        )
        events = await create_due_events(api.conn, webhook, 40)
        # The first takes them all. The others go on waiting.
        assert sequences(await polls[0]) == events
        assert [one.done() for one in polls[1:]] == [False] * 14
        for one in polls:
            one.cancel()
        await asyncio.gather(*polls, return_exceptions=True)


async def test_client_that_has_gone_takes_nothing(database_url: str, counted: None) -> None:
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        webhook = await create_pulled_subscription(api.conn)
        with pytest.raises(httpx.ReadTimeout):
            await api.http.post(
                f"{api.url}/graphql",
                json={
                    "query": POLL % "",
                    "variables": {"input": {"webhookId": encode("Webhook", webhook.id), "waitSeconds": 30}},
                },
                headers={"Authorization": f"Bearer {api.key}"},
                timeout=1,
            )
        (event,) = await create_due_events(api.conn, webhook)

        assert sequences(await poll(api, webhook)) == [event]
        assert await api.conn.fetchval("select attempt_count from webhook_events") == 1


async def test_poll_ends_with_the_server(database_url: str, counted: None) -> None:
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        webhook = await create_pulled_subscription(api.conn)
        async with running_api(api.settings) as url:
            other = Platform(url=url, key=api.key, conn=api.conn, settings=api.settings, http=api.http)
            waiting = asyncio.create_task(poll(other, webhook))
            await waiting_polls(api, 1)
            began = time.monotonic()

        assert sequences(await waiting) == []
        assert time.monotonic() - began < 20


async def test_poll_ends_when_its_key_is_revoked(database_url: str, counted: None) -> None:
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        webhook = await create_pulled_subscription(api.conn)
        made = await api.mutate("apiKeyCreate", "key apiKey { id }", name="a till", scopes=["WEBHOOKS"])
        waiting = asyncio.create_task(poll(api, webhook, made["key"]))
        await waiting_polls(api, 1)

        await api.mutate("apiKeyRevoke", "", apiKeyId=made["apiKey"]["id"])
        await create_due_events(api.conn, webhook)
        answer = await waiting

        assert "errors" in answer or sequences(answer) == []
        assert await api.conn.fetchval("select state from webhook_events") == "PENDING"


async def test_poll_gets_a_message_after_the_listener_was_lost(database_url: str, counted: None) -> None:
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        webhook = await create_pulled_subscription(api.conn)
        waiting = asyncio.create_task(poll(api, webhook))
        await waiting_polls(api, 1)
        await api.conn.execute("alter table webhook_events_open disable trigger user")
        (event,) = await create_due_events(api.conn, webhook)

        await api.conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid()"
        )

        assert sequences(await waiting) == [event]


async def test_a_key_with_too_many_polls_is_refused_and_others_are_not(database_url: str, counted: None) -> None:
    async with running_platform(settings_for(database_url, streams_per_key=3), with_worker=False) as api:
        webhook = await create_pulled_subscription(api.conn)
        other = (await api.mutate("apiKeyCreate", "key", name="another"))["key"]
        polls = [asyncio.create_task(poll(api, webhook)) for _ in range(3)]
        await waiting_polls(api, 3)

        refused = await poll(api, webhook)

        assert [one["extensions"]["code"] for one in refused["errors"]] == ["RATE_LIMITED"]
        assert sequences(await poll(api, webhook, other, waitSeconds=1)) == []
        for one in polls:
            one.cancel()
        await asyncio.gather(*polls, return_exceptions=True)
