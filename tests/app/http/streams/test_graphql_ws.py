"""The protocol graphql-transport-ws: keys, operations, close codes, bounds."""

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.http.persisted_queries import hash_of
from app.http.streams import graphql_ws
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.platform import Platform, running_platform, settings_for
from tests.support.streams import ACTIVITY, graphql_socket, websocket
from tests.support.waiting import until

SHOP = "https://shop.example"
URL = "https://receiver.example"


async def initialise(api: Platform, payload: object, headers: dict[str, str] | None = None) -> Any:
    """The first answer to `connection_init`; a close code if there is none."""
    async with websocket(api, additional_headers=headers or {}) as socket:
        await socket.send({"type": "connection_init", "payload": payload})
        try:
            return await socket.receive()
        except ConnectionClosed as closed:
            return closed.rcvd and closed.rcvd.code


@pytest.mark.parametrize(
    "payload",
    [
        {"Authorization": "Bearer {key}"},
        {"authorization": "bearer {key}"},
        {"MARKETPLACER-API-KEY": "{key}"},
        {"headers": {"Authorization": "Bearer {key}"}},
    ],
)
async def test_the_key_is_in_the_init_payload(api: Platform, payload: dict[str, Any]) -> None:
    filled = _filled(payload, api.key)

    assert await initialise(api, filled) == {"type": "connection_ack"}


async def test_the_key_is_in_the_headers_of_the_websocket(api: Platform) -> None:
    headers = {"Authorization": f"Bearer {api.key}"}

    assert await initialise(api, None, headers) == {"type": "connection_ack"}


@pytest.mark.parametrize("payload", [None, {}, {"Authorization": "Bearer wrong"}, {"Authorization": 1}, ["text"]])
async def test_without_a_valid_key_it_is_closed_as_forbidden(api: Platform, payload: object) -> None:
    assert await initialise(api, payload) == 4403


async def test_queries_mutations_and_subscriptions_run_beside_each_other(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)

    async with graphql_socket(api) as socket:
        await socket.subscribe(ACTIVITY, "live")
        await socket.subscribe("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", "query", variables={"ids": []})
        query = [await socket.receive() for _ in range(2)]
        await socket.subscribe('mutation { apiKeyCreate(input: {name: "by socket"}) { status } }', "mutation")
        mutation = [await socket.receive() for _ in range(2)]
        await until(lambda: _is_watched(api))
        await create_due_events(api.conn, webhook)
        live = await socket.receive()

    assert query[0]["payload"]["data"] == {"nodes": []}
    assert query[1] == {"id": "query", "type": "complete"}
    assert (mutation[0]["payload"]["data"], mutation[1]["type"]) == ({"apiKeyCreate": {"status": 200}}, "complete")
    assert (live["id"], live["type"], live["payload"]["data"]["webhookActivity"]["state"]) == (
        "live",
        "next",
        "PENDING",
    )


async def test_a_completed_subscription_frees_its_id_and_its_place(database_url: str) -> None:
    settings = settings_for(database_url, streams_per_key=1)
    async with running_platform(settings, with_worker=False) as api, graphql_socket(api) as socket:
        await socket.subscribe(ACTIVITY, "a")
        await until(lambda: _is_watched(api))
        await socket.subscribe(ACTIVITY, "b")
        refused = await socket.receive()
        await socket.send({"id": "a", "type": "complete"})
        await until(lambda: _begins(api, "a"))

    assert (refused["id"], refused["type"]) == ("b", "error")
    assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_errors_of_one_operation_end_that_alone(api: Platform) -> None:
    async with graphql_socket(api) as socket:
        told = {}
        for name, query in {
            "syntax": "{",
            "unknown": "subscription { a }",
            "none": "query A { a } query B { a }",
        }.items():
            await socket.subscribe(query, name)
            told[name] = await socket.receive()
        await socket.subscribe("{ __typename }", "next")
        after = await socket.receive()

    assert {name: (one["type"], one["payload"][0]["extensions"]["code"]) for name, one in told.items()} == {
        "syntax": ("error", "GRAPHQL_PARSE_FAILED"),
        "unknown": ("error", "GRAPHQL_VALIDATION_FAILED"),
        "none": ("error", "OPERATION_RESOLUTION_FAILURE"),
    }
    assert after["payload"]["data"] == {"__typename": "Query"}


async def test_persisted_queries_are_found_by_their_hash(api: Platform) -> None:
    query = "{ __typename }"
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(query)}}

    async with graphql_socket(api) as socket:
        answers = []
        for sent in ("", query, ""):
            await socket.subscribe(sent, "1", extensions=extensions)
            answers.append(await socket.receive())
            await socket.receive()

    assert answers[0]["payload"]["errors"][0]["message"] == "PersistedQueryNotFound"
    assert [one["payload"]["data"] for one in answers[1:]] == [{"__typename": "Query"}] * 2


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["nonsense"], 4400),
        ([b"bytes"], 4400),
        ([{"type": "unknown"}], 4400),
        ([{"id": "1", "type": "subscribe", "payload": {}}], 4400),
        ([{"type": "subscribe", "payload": {"query": "{ __typename }"}}], 4400),
        ([{"type": "connection_init"}], 4429),
        ([{"id": "1", "type": "subscribe", "payload": {"query": ACTIVITY}}] * 2, 4409),
        (['{"type":"ping","payload":"' + "x" * 1_000_000 + '"}'], 1009),
    ],
)
async def test_a_wrong_message_closes_the_websocket(api: Platform, messages: list[object], code: int) -> None:
    async with graphql_socket(api) as socket:
        for message in messages:
            await socket.send(message)

        assert (await socket.close_code())[0] == code


async def test_an_operation_before_the_acknowledgement_is_unauthorized(api: Platform) -> None:
    async with websocket(api) as socket:
        await socket.subscribe("{ __typename }")

        assert await socket.close_code() == (4401, "Unauthorized")


async def test_a_client_that_does_not_initialise_is_closed(api: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphql_ws, "INIT_TIMEOUT_S", 0.05)

    async with websocket(api) as socket:
        assert await socket.close_code() == (4408, "Connection initialisation timeout")


async def test_pings_are_answered(api: Platform) -> None:
    async with websocket(api) as socket:
        await socket.send({"type": "ping"})
        before = await socket.receive()
    async with graphql_socket(api) as socket:
        await socket.send({"type": "pong"})
        await socket.send({"type": "ping", "payload": {"any": 1}})
        after = await socket.receive()

    assert (before, after) == ({"type": "pong"}, {"type": "pong"})


async def test_another_subprotocol_is_refused(api: Platform) -> None:
    for subprotocols in (["graphql-ws"], None):
        assert await _refusal(api, subprotocols=subprotocols) == 403


@pytest.mark.parametrize(
    ("origin", "origins", "is_allowed"),
    [
        ("https://other.example", (), False),
        ("null", (), False),
        (SHOP, (SHOP,), True),
        ("https://other.example", (SHOP,), False),
        ("https://other.example", ("*",), True),
        (None, (), True),
        ("{own}", (), True),
    ],
)
async def test_pages_of_other_origins_are_refused(
    database_url: str, origin: str | None, origins: tuple[str, ...], is_allowed: bool
) -> None:
    async with running_platform(settings_for(database_url, cors_origins=origins), with_worker=False) as api:
        status = await _refusal(api, origin=api.url if origin == "{own}" else origin)

    assert status == (None if is_allowed else 403)


async def test_a_websocket_is_closed_soon_after_its_key(api: Platform) -> None:
    key = (await api.mutate("apiKeyCreate", "key", name="short-lived"))["key"]

    async with graphql_socket(api, key) as socket:
        await socket.subscribe(ACTIVITY)
        await api.conn.execute("update api_keys set revoked_at = now() where name = 'short-lived'")

        assert await socket.close_code() == (4403, "The API key has been revoked or has expired.")


async def test_a_websocket_is_closed_when_the_server_stops(database_url: str) -> None:
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        connecting = graphql_socket(api)
        socket = await connecting.__aenter__()
        await socket.subscribe(ACTIVITY)

    assert (await socket.close_code())[0] == 1001
    await connecting.__aexit__(None, None, None)


async def test_a_websocket_counts_as_a_connection(database_url: str) -> None:
    settings = settings_for(database_url, max_connections=2)
    async with running_platform(settings, with_worker=False) as api, graphql_socket(api), graphql_socket(api):
        refused = await _refusal(api)

    assert refused == 503


async def test_many_operations_of_one_websocket_are_answered(api: Platform) -> None:
    async with graphql_socket(api) as socket:
        for number in range(500):
            await socket.subscribe("{ __typename }", str(number))
        ended: dict[str, str] = {}
        while len(ended) < 500:
            message = await socket.receive()
            if message["type"] != "next":
                assert ended.setdefault(message["id"], message["type"]) is message["type"]

    assert {*ended.values()} <= {"complete", "error"}
    assert [*ended.values()].count("complete") >= 100


async def _is_watched(api: Platform) -> bool:
    sql = "select last_value > extract(epoch from clock_timestamp()) from webhook_activity_watched"
    return bool(await api.conn.fetchval(sql))


async def _refusal(api: Platform, **options: Any) -> int | None:
    """The HTTP status with which a websocket is refused."""
    try:
        async with websocket(api, **options):
            return None
    except InvalidStatus as error:
        return error.response.status_code


async def _begins(api: Platform, operation_id: str) -> bool:
    async with graphql_socket(api) as socket:
        await socket.subscribe(ACTIVITY, operation_id)
        await socket.subscribe("{ __typename }", "after")
        told = [await socket.receive() for _ in range(2)]
        return {message["id"] for message in told} == {"after"}


def _filled(payload: Any, key: str) -> Any:
    if isinstance(payload, dict):
        return {name: _filled(value, key) for name, value in payload.items()}
    return payload.replace("{key}", key)
