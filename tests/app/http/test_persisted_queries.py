"""Automatic persisted queries: a hash stands for the query that its owner has sent with it."""

from typing import Any

import orjson
import pytest

from app.auth.viewers import create_key
from app.docs.links import error_extensions
from app.http.negotiation import JSON, RESPONSE_JSON
from app.http.persisted_queries import PersistedQueries, hash_of
from tests.builders.sellers import create_seller
from tests.support.platform import Platform

QUERY = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
NOT_FOUND = {
    "errors": [{"message": "PersistedQueryNotFound", "extensions": error_extensions("PERSISTED_QUERY_NOT_FOUND")}]
}
FOUND: dict[str, Any] = {"nodes": []}


def persisted(hashed: str = QUERY, /, **given: Any) -> dict[str, Any]:
    """The body of a request by hash."""
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(hashed)}}
    return {"variables": {"ids": []}, "extensions": extensions, **given}


async def ask(api: Platform, body: dict[str, Any], *, by: str = "POST", key: str = "", accept: str = JSON) -> Any:
    headers = {"Authorization": f"Bearer {key or api.key}", "Accept": accept}
    if by == "POST":
        response = await api.http.post(f"{api.url}/graphql", json=body, headers=headers)
    else:
        values = {
            name: given if isinstance(given, str) else orjson.dumps(given).decode() for name, given in body.items()
        }
        response = await api.http.get(f"{api.url}/graphql", params=values, headers=headers)
    return response.status_code, response.json()


@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON])
@pytest.mark.parametrize("by", ["POST", "GET"])
async def test_hash_stands_for_a_query_that_was_sent_with_it(api: Platform, by: str, accept: str) -> None:
    unknown = await ask(api, persisted(), by=by, accept=accept)
    sent = await ask(api, persisted(query=QUERY), by=by, accept=accept)
    # More often than it takes to have the query compiled.
    known = [await ask(api, persisted(), by=by, accept=accept) for _ in range(5)]

    assert unknown == (200, NOT_FOUND)
    assert [(status, answer["data"]) for status, answer in (sent, *known)] == [(200, FOUND)] * 6


async def test_hash_of_a_mutation_works_by_post_alone(api: Platform) -> None:
    mutation = 'mutation { webhookDelete(input: {webhookId: "V2ViaG9vay0x"}) { status } }'
    await ask(api, persisted(mutation, query=mutation))

    status, answer = await ask(api, persisted(mutation))
    refused, _ = await ask(api, persisted(mutation), by="GET")

    assert (status, answer["data"]) == (200, {"webhookDelete": {"status": 404}})
    assert refused == 405


@pytest.mark.parametrize(
    "extensions",
    [
        {"persistedQuery": {"version": 1, "sha256Hash": hash_of("{ __typename }")}},
        {"persistedQuery": {"version": 2, "sha256Hash": hash_of(QUERY)}},
        {"persistedQuery": {"sha256Hash": hash_of(QUERY)}},
        {"persistedQuery": {"version": 1}},
        {"persistedQuery": {"version": 1, "sha256Hash": 5}},
        {"persistedQuery": hash_of(QUERY)},
    ],
    ids=["hash of another query", "other version", "no version", "no hash", "hash is a number", "text"],
)
async def test_wrong_hash_is_refused_and_nothing_is_kept(api: Platform, extensions: Any) -> None:
    status, answer = await ask(api, persisted(query=QUERY, extensions=extensions))

    assert (status, answer["errors"][0]["extensions"]) == (400, error_extensions("BAD_REQUEST"))
    assert await ask(api, persisted()) == (200, NOT_FOUND)
    assert await ask(api, persisted("{ __typename }")) == (200, NOT_FOUND)


async def test_invalid_query_is_not_kept(api: Platform) -> None:
    await ask(api, persisted("{ nope }", query="{ nope }"))

    assert await ask(api, persisted("{ nope }")) == (200, NOT_FOUND)


async def test_owner_finds_its_own_queries_alone_by_any_of_its_keys(api: Platform) -> None:
    sellers = [await create_seller(api.conn) for _ in range(2)]
    own, same, others = [
        await create_key(api.conn, name="a key", seller_id=seller.id) for seller in (sellers[0], *sellers)
    ]
    await ask(api, persisted(query=QUERY), key=own)

    assert (await ask(api, persisted(), key=same))[1]["data"] == FOUND
    assert await ask(api, persisted(), key=others) == (200, NOT_FOUND)
    assert await ask(api, persisted()) == (200, NOT_FOUND)


async def test_unknown_hash_of_a_revoked_key_is_401(api: Platform) -> None:
    await ask(api, persisted(query=QUERY))
    await api.conn.execute("update api_keys set revoked_at = now()")

    answers = [await ask(api, persisted()), await ask(api, persisted("{ __typename }"))]

    assert [status for status, _ in answers] == [401, 401]


def test_one_owner_pushes_out_nobody_else() -> None:
    kept = PersistedQueries(max_bytes=1_000_000)
    few = [f"{{ small{number} }}" for number in range(100)]
    many = [f"{{ large{number} {'x' * 1_000} }}" for number in range(20_000)]
    for query in few:
        kept.keep("small", hash_of(query), query)

    for query in many:
        kept.keep("large", hash_of(query), query)

    found = [query for query in many if kept.find("large", hash_of(query))]
    assert [kept.find("small", hash_of(query)) for query in few] == few
    assert found == many[-len(found) :]
    assert 700 < len(found) < 800


def test_least_used_query_is_dropped_first() -> None:
    kept = PersistedQueries(max_bytes=2_000)
    first, second, third = (f"{number} {'x' * 500}" for number in range(3))
    kept.keep("one", "first", first)
    kept.keep("one", "second", second)
    kept.find("one", "first")

    kept.keep("one", "third", third)

    assert [kept.find("one", name) for name in ("first", "second", "third")] == [first, None, third]
