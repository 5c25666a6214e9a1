"""The list of API keys: its filters, its pages, and who is shown it."""

from typing import Any

import pytest

from app.auth.viewers import Scope, Viewer, create_key
from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId
from schema.entities.global_ids import encode
from tests.builders.sellers import create_seller
from tests.support.operation import read_node, run_operation

NAMES = "query($filters: ApiKeyFilters) { apiKeys(filters: $filters) { totalCount nodes { name } } }"


@pytest.fixture
async def seller(conn: Connection) -> SellerId:
    """One of two sellers. It has a live key and an expired one; the operator has a live key and a revoked one."""
    seller_ids = [SellerId((await create_seller(conn)).id) for _ in range(2)]
    for name, seller_id in (("live", None), ("revoked", None), ("shop", seller_ids[0]), ("old", seller_ids[0])):
        await create_key(conn, name=name, seller_id=seller_id)
    await conn.execute("update api_keys set revoked_at = now(), expires_at = now() where name = 'revoked'")
    await conn.execute("update api_keys set expires_at = now() where name = 'old'")
    return seller_ids[0]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (None, ["live", "revoked", "shop", "old"]),
        ({}, ["live", "revoked", "shop", "old"]),
        ({"states": ["LIVE"]}, ["live", "shop"]),
        ({"states": ["EXPIRED"]}, ["old"]),
        ({"states": ["REVOKED", "EXPIRED"]}, ["revoked", "old"]),
        ({"states": []}, []),
        ({"type": "OPERATOR"}, ["live", "revoked"]),
        ({"type": "SELLER", "states": ["LIVE"]}, ["shop"]),
        ({"sellerId": encode("Seller", 1)}, ["shop", "old"]),
        ({"sellerId": encode("Seller", 2)}, []),
    ],
)
async def test_filters(conn: Connection, seller: SellerId, filters: Any, expected: list[str]) -> None:
    assert seller == 1

    answer = await run_operation(conn, NAMES, filters=filters)

    assert answer.errors == []
    assert answer.data["apiKeys"] == {"totalCount": len(expected), "nodes": [{"name": name} for name in expected]}


async def test_shows_whose_a_key_is_and_its_state_in_few_statements(conn: Connection, seller: SellerId) -> None:
    document = "{ apiKeys { nodes { name state seller { id } prefix lastUsedAt replacedBy { name } } } }"
    await conn.execute("update api_keys set replaced_by = 1 where name = 'old'")

    answer = await run_operation(conn, document)

    assert [(node["name"], node["state"]) for node in answer.data["apiKeys"]["nodes"]] == [
        ("live", "LIVE"),
        ("revoked", "REVOKED"),
        ("shop", "LIVE"),
        ("old", "EXPIRED"),
    ]
    assert answer.data["apiKeys"]["nodes"][3]["seller"] == {"id": encode("Seller", seller)}
    assert answer.data["apiKeys"]["nodes"][3]["replacedBy"] == {"name": "live"}
    assert answer.statements == 3


async def test_a_thousand_keys_are_read_page_by_page(conn: Connection) -> None:
    await conn.execute(
        "insert into api_keys (name, prefix, hash, scopes)"
        " select n::text, 'tgk_', n::text::bytea, '{read}' from generate_series(1, 1000) n"
    )
    document = """query($after: String) { apiKeys(first: 300, after: $after) {
      nodes { name } pageInfo { hasNextPage endCursor } } }"""
    found, after, pages = [], None, 0

    while True:
        page = (await run_operation(conn, document, after=after)).data["apiKeys"]
        found += [node["name"] for node in page["nodes"]]
        pages += 1
        # A key that is made meanwhile shifts nothing.
        await create_key(conn, name=f"later {pages}", seller_id=None)
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert pages == 4
    assert found == [str(number) for number in range(1, 1001)] + ["later 1", "later 2", "later 3"]


async def test_a_seller_sees_no_key_even_with_all_scopes(conn: Connection, seller: SellerId) -> None:
    everything = Viewer(seller, frozenset(Scope))

    listed = await run_operation(conn, NAMES, viewer=everything)
    node = await read_node(conn, encode("ApiKey", 3), "ApiKey { name }", viewer=everything)

    assert (listed.data, listed.failures) == ({"apiKeys": None}, [(["apiKeys"], "FORBIDDEN")])
    assert (node.data, node.failures) == (None, [(["node"], "FORBIDDEN")])


async def test_the_database_lets_no_seller_have_the_scope_keys(conn: Connection, seller: SellerId) -> None:
    refused = await conn.execute(
        "do $$ begin update api_keys set scopes = '{read,keys}' where seller_id is not null;"
        " exception when check_violation then update api_keys set name = 'refused'; end $$"
    )

    assert refused == "DO"
    assert await conn.fetchval("select bool_and(name = 'refused') from api_keys")
