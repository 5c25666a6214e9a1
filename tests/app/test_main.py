"""The endpoint refuses what is no GraphQL request in GraphQL's form, and never with a 5xx."""

import asyncio
from typing import Any

import httpx
import pytest

from app.auth.viewers import Scope, create_key
from app.docs.links import error_extensions
from schema.entities import global_ids
from tests.builders.invoices import create_invoice
from tests.builders.sales import create_sale
from tests.builders.sellers import create_seller
from tests.support.platform import Platform, running_platform, settings_for

JSON = {"Content-Type": "application/json"}


async def post(api: Platform, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    given = {"Authorization": f"Bearer {api.key}", **JSON, **(headers or {})}
    return await api.http.post(f"{api.url}/graphql", content=content, headers=given)


def outcome(response: httpx.Response) -> tuple[int, str]:
    """Status and the code of the first error."""
    error = response.json()["errors"][0]
    assert error["message"]
    return response.status_code, error["extensions"]["code"]


BODIES: dict[str, tuple[bytes, tuple[int, str]]] = {
    "nothing": (b"", (400, "BAD_JSON")),
    "half": (b'{"query":', (400, "BAD_JSON")),
    "null": (b"null", (400, "BAD_REQUEST")),
    "text": (b'"x"', (400, "BAD_REQUEST")),
    "number": (b"1e999", (400, "BAD_JSON")),
    "list": (b'[{"query": "{__typename}"}]', (400, "BATCHING_UNSUPPORTED")),
    "deep": (b"[" * 10_000 + b"]" * 10_000, (400, "BAD_JSON")),
    "deep variables": (
        b'{"query":"{__typename}","variables":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
        (400, "BAD_JSON"),
    ),
    "not UTF-8": (b'{"query":"\xff"}', (400, "BAD_JSON")),
    "lone surrogate": (b'{"query":"{ a } # \\ud800"}', (400, "BAD_JSON")),
    "NaN": (b'{"query":"{__typename}","variables":{"a":NaN}}', (400, "BAD_JSON")),
    "no query": (b"{}", (400, "BAD_REQUEST")),
    "query is a number": (b'{"query":1}', (400, "BAD_REQUEST")),
    "blank query": (b'{"query":" "}', (400, "BAD_REQUEST")),
    "variables are a list": (b'{"query":"{__typename}","variables":[]}', (400, "BAD_REQUEST")),
    "name is a number": (b'{"query":"{__typename}","operationName":1}', (400, "BAD_REQUEST")),
    "extensions are text": (b'{"query":"{__typename}","extensions":"x"}', (400, "BAD_REQUEST")),
    "unknown operation": (b'{"query":"{__typename}","operationName":"x"}', (400, "OPERATION_RESOLUTION_FAILURE")),
    "no operation": (b'{"query":"fragment a on Query {__typename}"}', (400, "OPERATION_RESOLUTION_FAILURE")),
    "subscription": (b'{"query":"subscription {x}"}', (400, "OPERATION_RESOLUTION_FAILURE")),
    "too large": (b'{"query":"' + b" " * 1_000_000 + b'{__typename}"}', (413, "BODY_TOO_LARGE")),
    "NUL": (b'{"query":"{\\u0000}"}', (200, "GRAPHQL_PARSE_FAILED")),
    "deep document": (b'{"query":"' + b"{a" * 10_000 + b"}" * 10_000 + b'"}', (200, "DEPTH_LIMIT")),
    "deep list": (b'{"query":"{nodes(ids:' + b"[" * 10_000 + b"]" * 10_000 + b'){id}}"}', (200, "DEPTH_LIMIT")),
    "too many tokens": (b'{"query":"{' + b"__typename " * 5_000 + b'}"}', (200, "TOKEN_LIMIT")),
    "the same field over and over": (b'{"query":"{' + b"__typename " * 3_900 + b'}"}', (200, "OVERLAP_LIMIT")),
    "deep introspection": (
        b'{"query":"{__schema{types' + b"{fields{type" * 6 + b"{name}" + b"}}" * 6 + b'}}"}',
        (200, "GRAPHQL_VALIDATION_FAILED"),
    ),
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_bad_body_is_refused_in_graphql_s_form(api: Platform, case: str) -> None:
    content, expected = BODIES[case]

    assert outcome(await post(api, content)) == expected


async def test_fragments_that_double_each_other_do_not_stall_the_server(api: Platform) -> None:
    query = "{ ...f0 }" + "".join(f" fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(60))

    answer = await asyncio.wait_for(api.graphql(query + " fragment f60 on Query { __typename }"), 10)

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["COST_LIMIT"]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_another_content_type_is_415(api: Platform, content_type: str) -> None:
    response = await post(api, b'{"query":"{__typename}"}', {"Content-Type": content_type})

    assert outcome(response) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_get_asks_but_never_changes(api: Platform) -> None:
    mutation = (
        'mutation { webhookCreate(input: {attributes: {url: "https://a.example.com", type: INVOICE}}) { status } }'
    )
    headers = {"Authorization": f"Bearer {api.key}"}

    async def get(**params: str) -> httpx.Response:
        return await api.http.get(f"{api.url}/graphql", params=params, headers=headers)

    asked = await get(query="query($ids: [ID!]!) { nodes(ids: $ids) { id } }", variables='{"ids": []}')

    assert (asked.status_code, asked.json()["data"]) == (200, {"nodes": []})
    assert outcome(await get(query=mutation)) == (405, "METHOD_NOT_ALLOWED")
    assert outcome(await get(query="{ __typename }", variables="{")) == (400, "BAD_JSON")
    assert outcome(await get(query="{ __typename }", variables="[]")) == (400, "BAD_REQUEST")
    assert outcome(await get()) == (400, "BAD_REQUEST")
    assert await api.conn.fetchval("select count(*) from webhooks") == 0


async def test_a_key_that_is_missing_unknown_revoked_or_expired_is_401(api: Platform) -> None:
    revoked, expired = [await create_key(api.conn, name=name, seller_id=None) for name in ("revoked", "expired")]
    await api.conn.execute("update api_keys set revoked_at = now() where name = 'revoked'")
    await api.conn.execute("update api_keys set expires_at = now() where name = 'expired'")
    credentials = [
        "",
        "Bearer",
        f"Basic {api.key}",
        "Bearer tgk_unknown",
        f"Bearer {revoked}",
        f"Bearer {expired}",
        "Bearer \xff",
    ]

    for credential in credentials:
        response = await api.http.post(
            f"{api.url}/graphql",
            content=b'{"query":"{__typename}"}',
            headers={b"Authorization": credential.encode("latin-1"), b"Content-Type": b"application/json"},
        )
        assert outcome(response) == (401, "UNAUTHENTICATED")


async def test_marketplacer_s_header_is_a_credential(api: Platform) -> None:
    response = await post(api, b'{"query":"{__typename}"}', {"Authorization": "", "MARKETPLACER-API-KEY": api.key})

    assert (response.status_code, response.json()["data"]) == (200, {"__typename": "Query"})


async def test_a_missing_scope_is_an_error_with_its_code(api: Platform) -> None:
    key = await create_key(api.conn, name="reads", seller_id=None, scopes=[Scope.READ])
    webhook = (await api.create_webhook("https://hooks.example.com/"))["webhook"]["id"]
    create = 'mutation { webhookCreate(input: {attributes: {url: "https://a.example.com", type: INVOICE}}) { status } }'

    answers = [
        await api.graphql(query, None, key)
        for query in (create, "{ webhooks { nodes { id } } }", f'{{ node(id: "{webhook}") {{ id }} }}')
    ]

    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["MISSING_SCOPE"] * 3
    assert await api.conn.fetchval("select count(*) from webhooks") == 1


async def test_wrong_ids_are_errors_at_their_path_and_hidden_rows_are_null(api: Platform) -> None:
    own, other = await create_sale(api.conn), await create_sale(api.conn)
    key = await api.seller_key(own.seller.id)
    ids = [
        own.id_of("invoice"),
        other.id_of("invoice"),
        "?",
        global_ids.encode("Invoice", 10**29),
        global_ids.encode("Nope", 1),
        "SW52b2ljZQ==",
    ]

    answer = await api.graphql("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ids}, key)

    assert answer["data"]["nodes"] == [{"id": ids[0]}, None, None, None, None, None]
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [
        (["nodes", place], "BAD_USER_INPUT") for place in (2, 4, 5)
    ]


async def test_an_unknown_error_is_masked(api: Platform) -> None:
    invoice = await create_invoice(api.conn)
    await api.conn.execute("alter table invoices drop column buyer_phone cascade")
    variables = {"id": global_ids.encode("Invoice", invoice.id)}

    response = await api.http.post(
        f"{api.url}/graphql",
        json={"query": "query($id: ID!) { node(id: $id) { id } __typename }", "variables": variables},
        headers={"Authorization": f"Bearer {api.key}"},
    )

    answer = response.json()
    assert answer["data"] == {"node": None, "__typename": "Query"}
    (error,) = answer["errors"]
    assert (error["message"], error["path"]) == ("An internal error occurred.", ["node"])
    assert error["extensions"] == error_extensions("INTERNAL_SERVER_ERROR", requestId=response.headers["X-Request-Id"])


async def test_more_mutations_than_connections_all_end(database_url: str) -> None:
    """A mutation takes a connection while its request holds one: a small pool must not lock up on itself."""
    create = 'mutation { webhookCreate(input: {attributes: {url: "https://a.example.com", type: INVOICE}}) { status } }'
    async with running_platform(settings_for(database_url, database_pool_size=2), with_worker=False) as api:
        answers = await asyncio.wait_for(asyncio.gather(*(api.data(create) for _ in range(20))), 20)

    assert answers == [{"webhookCreate": {"status": 200}}] * 20


async def test_bodies_that_come_in_slowly_hold_no_connection(database_url: str) -> None:
    async with running_platform(settings_for(database_url, database_pool_size=2), with_worker=False) as api:
        ended = asyncio.Event()

        async def slowly() -> Any:
            yield b'{"query":'
            await ended.wait()
            yield b'"{__typename}"}'

        headers = {"Authorization": f"Bearer {api.key}", **JSON}
        slow = [
            asyncio.create_task(api.http.post(f"{api.url}/graphql", content=slowly(), headers=headers))
            for _ in range(4)
        ]
        await asyncio.sleep(0.1)
        answer = await asyncio.wait_for(api.data("{ __typename }"), 60)
        ended.set()

        assert answer == {"__typename": "Query"}
        assert [(await task).json()["data"] for task in slow] == [answer] * 4


async def test_sellers_see_only_themselves(api: Platform) -> None:
    own, _ = await create_seller(api.conn), await create_seller(api.conn)

    data = await api.data("{ sellers { totalCount nodes { id } } }", None, await api.seller_key(own.id))

    assert data["sellers"] == {"totalCount": 1, "nodes": [{"id": global_ids.encode("Seller", own.id)}]}
