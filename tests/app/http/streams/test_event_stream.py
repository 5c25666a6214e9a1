"""Operations over Server-Sent Events: their form, their refusals, and how they end."""

import asyncio
import time

import httpx
import pytest

from app.http.streams import event_stream as sse
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.platform import Platform, running_platform, settings_for
from tests.support.streams import ACTIVITY, event_stream
from tests.support.waiting import until

EVENT_STREAM = {"Accept": "text/event-stream"}


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_results_are_events_of_an_answer_that_no_proxy_keeps_back(api: Platform, method: str) -> None:
    webhook = await create_subscription(api.conn, "https://receiver.example")

    async with event_stream(api, ACTIVITY, method=method) as stream:
        await create_due_events(api.conn, webhook)
        event, result = await stream.next()

    assert (event, result["data"]["webhookActivity"]["state"]) == ("next", "PENDING")
    headers = stream.response.headers
    assert headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
    assert "x-request-id" in headers
    assert not {"content-length", "content-encoding"} & {*headers}


async def test_a_query_and_a_mutation_have_one_result(api: Platform) -> None:
    async with event_stream(api, "{ __typename }") as stream:
        query = [await stream.next() for _ in range(3)]
    mutation = 'mutation { apiKeyCreate(input: {name: "streamed"}) { status } }'
    async with event_stream(api, mutation) as stream:
        mutated = await stream.next()

    assert [event for event, _ in query] == ["next", "complete", "end"]
    assert query[0][1]["data"] == {"__typename": "Query"}
    assert mutated[1]["data"] == {"apiKeyCreate": {"status": 200}}


async def test_errors_of_the_document_are_an_event(api: Platform) -> None:
    """Because a browser's EventSource tells nobody the body of a 400."""
    async with event_stream(api, "subscription { nothing }") as stream:
        told = [await stream.next() for _ in range(2)]

    assert stream.response.status_code == 200
    assert told[0][1]["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert told[1] == ("complete", None)


async def test_what_costs_too_much_is_refused(database_url: str) -> None:
    async with running_platform(settings_for(database_url, max_cost=100), with_worker=False) as api:
        query = "subscription { webhookActivity { attempts { responseBody } } }"
        async with event_stream(api, query) as stream:
            _, result = await stream.next()

    assert result["errors"][0]["extensions"]["code"] == "COST_LIMIT"


async def test_a_request_without_a_valid_key_is_no_stream(api: Platform) -> None:
    wrong = await api.http.post(
        f"{api.url}/graphql", json={"query": ACTIVITY}, headers={**EVENT_STREAM, "Authorization": "Bearer wrong"}
    )

    assert (wrong.status_code, wrong.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")


async def test_a_subscription_that_accepts_no_stream_says_what_to_accept(api: Platform) -> None:
    response = await api.post(ACTIVITY)

    assert response.status_code == 400
    assert "text/event-stream" in response.json()["errors"][0]["message"]


async def test_a_client_that_names_a_stream_beside_json_gets_one_for_subscriptions_alone(api: Platform) -> None:
    """urql accepts both with each operation."""
    headers = {"Authorization": f"Bearer {api.key}", "Accept": "application/json, text/event-stream"}
    query = await api.http.post(f"{api.url}/graphql", json={"query": "{ __typename }"}, headers=headers)
    async with api.http.stream("POST", f"{api.url}/graphql", json={"query": ACTIVITY}, headers=headers) as streamed:
        kind = streamed.headers["content-type"]

    assert query.headers["content-type"].startswith("application/json")
    assert kind.startswith("text/event-stream")


async def test_a_silent_stream_has_heartbeats(api: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.01)

    async with event_stream(api, ACTIVITY) as stream:
        lines = [await anext(stream.lines) for _ in range(6)]

    assert lines == [":", ""] * 3


async def test_a_key_has_so_many_streams_and_other_keys_have_others(database_url: str) -> None:
    async with running_platform(settings_for(database_url, streams_per_key=2), with_worker=False) as api:
        other = (await api.mutate("apiKeyCreate", "key", name="another"))["key"]
        async with (
            event_stream(api, ACTIVITY),
            event_stream(api, ACTIVITY) as second,
            event_stream(api, ACTIVITY) as third,
            event_stream(api, ACTIVITY, key=other) as others,
        ):
            statuses = [one.response.status_code for one in (second, third, others)]
            refusal = await third.response.aread()
        # A place is free as soon as a stream's client has gone.
        await until(lambda: _begins(api))

    assert statuses == [200, 429, 200]
    assert third.response.headers["retry-after"] == "5"
    assert b"TELLGRAPH_STREAMS_PER_KEY" in refusal


async def test_a_process_has_so_many_streams(database_url: str) -> None:
    async with running_platform(settings_for(database_url, max_streams=1), with_worker=False) as api:
        other = (await api.mutate("apiKeyCreate", "key", name="another"))["key"]
        async with event_stream(api, ACTIVITY), event_stream(api, ACTIVITY, key=other) as second:
            status, refusal = second.response.status_code, await second.response.aread()

    assert status == 429
    assert b"TELLGRAPH_MAX_STREAMS" in refusal


@pytest.mark.parametrize("end", ["revoked_at = now()", "expires_at = now()", "scopes = '{read}'"])
async def test_a_stream_ends_soon_after_its_key(api: Platform, end: str) -> None:
    key = (await api.mutate("apiKeyCreate", "key", name="short-lived"))["key"]

    async with event_stream(api, ACTIVITY) as kept, event_stream(api, ACTIVITY, key=key) as stream:
        await api.conn.execute(f"update api_keys set {end} where name = 'short-lived'")
        began = time.monotonic()
        told = [await stream.next() for _ in range(3)]
        took = time.monotonic() - began
        await create_due_events(api.conn, await create_subscription(api.conn, "https://receiver.example"))
        await kept.data()

    assert told[0][1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert [event for event, _ in told[1:]] == ["complete", "end"]
    assert took < 30


async def test_streams_are_completed_when_the_server_stops(database_url: str) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        async with running_platform(settings_for(database_url), with_worker=False) as api:
            api.http, owned = http, api.http
            stream = event_stream(api, ACTIVITY)
            reader = await stream.__aenter__()
            api.http = owned
            ending = asyncio.ensure_future(reader.next())
        told = await ending
        await stream.__aexit__(None, None, None)

    assert told == ("complete", None)


async def _begins(api: Platform) -> bool:
    async with event_stream(api, ACTIVITY) as stream:
        return stream.response.status_code == 200
