"""The SDL, the introspection and the AsyncAPI document have addresses, for whoever has a key."""

import gzip

import httpx
import pytest
from graphql import build_client_schema, get_introspection_query, print_schema

from schema import schema
from tests.support.platform import Platform, running_platform, settings_for

PATHS = ("/schema.graphql", "/schema.json", "/asyncapi.json")
QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { id statusFlags } } }"


async def get(api: Platform, path: str, key: str | None = None, **headers: str) -> httpx.Response:
    return await api.http.get(f"{api.url}{path}", headers={"Authorization": f"Bearer {key or api.key}", **headers})


async def test_sdl_is_the_schema_and_introspection_is_the_api_s_own_answer(api: Platform) -> None:
    sdl, introspection = [await get(api, path) for path in PATHS[:2]]
    answered = await api.data(get_introspection_query(specified_by_url=True, schema_description=True))

    assert sdl.text == schema.as_str() + "\n"
    assert sdl.headers["content-type"] == "text/plain; charset=utf-8"
    assert introspection.headers["content-type"] == "application/json"
    given = print_schema(build_client_schema(introspection.json()["data"]))
    assert given == print_schema(build_client_schema(answered))


@pytest.mark.parametrize("path", PATHS)
async def test_document_is_sent_again_only_when_it_has_changed(api: Platform, path: str) -> None:
    first = await get(api, path)
    tag = first.headers["etag"]
    same = await get(api, path, **{"If-None-Match": f'"another", {tag}'})
    other = await get(api, path, **{"If-None-Match": '"another"'})
    head = await api.http.head(f"{api.url}{path}", headers={"Authorization": f"Bearer {api.key}"})

    assert (first.status_code, first.headers["cache-control"]) == (200, "private, no-cache")
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert (other.status_code, other.content) == (200, first.content)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)


@pytest.mark.parametrize("path", PATHS)
async def test_document_needs_a_key_that_lives(api: Platform, path: str) -> None:
    assert (await get(api, path)).status_code == 200
    missing = await api.http.get(f"{api.url}{path}")
    wrong = await get(api, path, key="wrong")
    await api.conn.execute("update api_keys set revoked_at = now()")
    revoked = await get(api, path)

    for refused in (missing, wrong, revoked):
        assert refused.status_code == 401
        assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert refused.headers["www-authenticate"].startswith("Bearer ")


async def test_documents_of_webhooks_need_their_scope(api: Platform) -> None:
    created = await api.mutate("apiKeyCreate", "key", name="reader", scopes=["READ"])

    documents = [await get(api, path, key=created["key"]) for path in PATHS]

    assert [one.status_code for one in documents] == [200, 200, 403]
    assert documents[-1].json()["errors"][0]["extensions"]["code"] == "MISSING_SCOPE"


async def test_large_document_is_compressed(api: Platform) -> None:
    async with api.http.stream(
        "GET",
        f"{api.url}/schema.json",
        headers={"Authorization": f"Bearer {api.key}", "Accept-Encoding": "gzip"},
    ) as response:
        raw = b"".join([part async for part in response.aiter_raw()])

    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["vary"] == "Accept, Accept-Encoding"
    assert len(raw) * 4 < len(gzip.decompress(raw))


async def test_async_api_has_the_webhooks_of_the_key_s_owner_alone(api: Platform) -> None:
    seller = await api.conn.fetchval(
        "insert into sellers (business_name, email_address) values ('Shop', 'shop@example.com') returning id"
    )
    key = await api.seller_key(seller)
    own = await api.create_webhook("http://127.0.0.1:9/orders?x=1", QUERY, description="The ERP")
    sellers = await api.create_webhook(None, QUERY, key=key, delivery="PULL", includePrevious=True)

    operators, of_seller = [(await get(api, "/asyncapi.json", key=one)).json() for one in (api.key, key)]

    assert [one["title"] for one in operators["channels"].values()] == [own["webhook"]["id"]]
    assert [one["title"] for one in of_seller["channels"].values()] == [sellers["webhook"]["id"]]
    assert of_seller["servers"] == {}
    (of_own,) = operators["channels"].values()
    assert (of_own["address"], of_own["description"]) == ("/orders", "The ERP")
    assert list(operators["servers"].values()) == [{"host": "127.0.0.1:9", "protocol": "http"}]


async def test_async_api_of_many_webhooks_is_whole_or_refused(database_url: str) -> None:
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        for _ in range(120):
            await api.create_webhook(None, QUERY, delivery="PULL")
        document = (await get(api, "/asyncapi.json")).json()
    assert len(document["channels"]) == 120

    async with running_platform(settings_for(database_url, max_response_bytes=50_000), with_worker=False) as api:
        refused = await get(api, "/asyncapi.json")

    assert refused.status_code == 413
    assert refused.json()["errors"][0]["extensions"]["code"] == "RESPONSE_TOO_LARGE"
