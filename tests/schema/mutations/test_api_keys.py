"""apiKeyCreate, apiKeyRevoke and apiKeyRotate: who may, what comes of it, and what the next request is told."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.auth.viewers import Scope, create_key
from app.docs.links import error_extensions
from app.marketplace.catalogue.db.sellers import SellerId
from schema.entities.global_ids import encode
from tests.builders.sellers import create_seller
from tests.support.platform import Platform

SHOWN = "apiKey { id name scopes state expiresAt revokedAt seller { id } replacedBy { id } } "


async def create(api: Platform, key: str | None = None, **given: Any) -> Any:
    return await api.mutate("apiKeyCreate", f"key {SHOWN}", key, **{"name": "the ERP", **given})


async def revoke(api: Platform, api_key_id: str, key: str | None = None) -> Any:
    return await api.mutate("apiKeyRevoke", SHOWN, key, apiKeyId=api_key_id)


async def rotate(api: Platform, api_key_id: str, key: str | None = None, **given: Any) -> Any:
    return await api.mutate("apiKeyRotate", f"key {SHOWN}", key, apiKeyId=api_key_id, **given)


async def principal(api: Platform, key: str) -> Any:
    return (await api.data("{ apiKeyPrincipal { name type scopes expiresAt } }", key=key))["apiKeyPrincipal"]


async def status_of(api: Platform, key: str) -> int:
    response = await api.http.post(
        f"{api.url}/graphql", json={"query": "{ __typename }"}, headers={"Authorization": f"Bearer {key}"}
    )
    return response.status_code


async def own_id(api: Platform) -> str:
    return encode("ApiKey", await api.conn.fetchval("select min(id) from api_keys"))


async def test_a_key_has_all_scopes_of_its_owner_unless_they_are_named(api: Platform) -> None:
    seller = await create_seller(api.conn)

    operators = await create(api)
    sellers = await create(api, sellerId=encode("Seller", seller.id))
    reading = await create(api, sellerId=encode("Seller", seller.id), scopes=["READ", "READ"])

    assert [made["status"] for made in (operators, sellers, reading)] == [200, 200, 200]
    assert await principal(api, operators["key"]) == {
        "name": "the ERP",
        "type": "OPERATOR",
        "scopes": ["READ", "WRITE", "WEBHOOKS", "AUDIT", "KEYS"],
        "expiresAt": None,
    }
    assert (await principal(api, sellers["key"]))["scopes"] == ["READ", "WRITE", "WEBHOOKS", "AUDIT"]
    assert (await principal(api, reading["key"]))["scopes"] == ["READ"]
    assert reading["apiKey"]["seller"] == {"id": encode("Seller", seller.id)}
    assert reading["apiKey"]["state"] == "LIVE"


async def test_a_key_is_stored_as_its_hash_and_shown_once(api: Platform) -> None:
    made = await create(api)

    stored = await api.conn.fetchval("select k::text from api_keys k where name = 'the ERP'")
    assert made["key"].startswith("tgk_")
    assert made["key"] not in stored
    assert made["key"][:10] in stored


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"name": " "}, "name", "must not be blank"),
        ({"name": "x" * 501}, "name", "must not be longer than 500 characters"),
        ({"name": "a\0b"}, "name", "must not contain the NUL character"),
        ({"scopes": []}, "scopes", "must name at least one; leave it out for all that the owner's keys can have"),
        ({"expiresAt": "2020-01-01"}, "expiresAt", "must be in the future"),
        ({"expiresAt": "9999-12-31T23:59:59-05:00"}, "expiresAt", "is beyond the years 1 to 9999"),
        ({"sellerId": encode("Seller", 99)}, "sellerId", "there is no seller 99"),
        ({"sellerId": encode("Order", 1)}, "sellerId", "is the id of an Order, not of a Seller"),
    ],
)
async def test_a_wrong_attribute_is_named(api: Platform, given: dict[str, Any], field: str, message: str) -> None:
    refused = await create(api, **given)

    assert (refused["status"], refused["key"], refused["apiKey"]) == (422, None, None)
    assert refused["errors"] == [{"field": field, "messages": [message]}]
    assert await api.conn.fetchval("select count(*) from api_keys") == 1


async def test_a_sellers_key_can_not_have_the_scope_keys(api: Platform) -> None:
    seller = await create_seller(api.conn)

    refused = await create(api, sellerId=encode("Seller", seller.id), scopes=["READ", "KEYS"])

    assert refused["errors"] == [{"field": "scopes", "messages": ["a seller's key can't have the scope keys"]}]
    assert await api.conn.fetchval("select count(*) from api_keys") == 1


async def test_a_sellers_key_makes_no_keys_and_is_told_why(api: Platform) -> None:
    seller = await create_seller(api.conn)
    key = await api.seller_key(seller.id)
    document = 'mutation { apiKeyCreate(input: {name: "x"}) { key } }'

    answer = await api.graphql(document, key=key)
    listed = await api.graphql("{ apiKeys { totalCount } sellers { totalCount } }", key=key)

    for found in (answer, listed):
        (error,) = found["errors"]
        assert error["extensions"] == error_extensions("MISSING_SCOPE")
        assert error["message"] == "This API key lacks the scope 'keys', which no seller's key can have."
    assert listed["data"] == {"apiKeys": None, "sellers": {"totalCount": 1}}
    assert await api.conn.fetchval("select count(*) from api_keys") == 2


async def test_an_operators_key_without_the_scope_makes_none(api: Platform) -> None:
    key = await create_key(api.conn, name="ERP", seller_id=None, scopes=[Scope.READ, Scope.WRITE, Scope.WEBHOOKS])

    answer = await api.graphql('mutation { apiKeyCreate(input: {name: "x"}) { key } }', key=key)

    assert answer["data"] == {"apiKeyCreate": None}
    assert answer["errors"][0]["message"] == "This API key lacks the scope 'keys'."


async def test_the_scope_keys_alone_makes_keys_of_any_scopes(api: Platform) -> None:
    key = await create_key(api.conn, name="broker", seller_id=None, scopes=[Scope.KEYS])

    made = await api.mutate("apiKeyCreate", "key apiKey { id }", key, name="the ERP", scopes=["READ"])

    assert made["status"] == 200
    assert (await principal(api, made["key"]))["scopes"] == ["READ"]


async def test_a_revoked_key_is_refused_by_the_very_next_request(api: Platform) -> None:
    made = await create(api)
    before = await status_of(api, made["key"])

    revoked = await revoke(api, made["apiKey"]["id"])

    assert (before, await status_of(api, made["key"])) == (200, 401)
    assert (revoked["status"], revoked["apiKey"]["state"]) == (200, "REVOKED")
    again = await revoke(api, made["apiKey"]["id"])
    assert again["status"] == 409
    assert again["errors"][0]["field"] == "apiKeyId"
    assert again["errors"][0]["messages"][0].startswith("it was revoked at ")


async def test_an_expired_key_is_refused(api: Platform) -> None:
    made = await create(api, expiresAt=(datetime.now(UTC) + timedelta(days=1)).isoformat())
    before = await status_of(api, made["key"])

    await api.conn.execute("update api_keys set expires_at = now() where name = 'the ERP'")

    assert (before, await status_of(api, made["key"])) == (200, 401)


async def test_a_key_can_not_revoke_itself(api: Platform) -> None:
    refused = await revoke(api, await own_id(api))

    assert refused["status"] == 409
    (error,) = refused["errors"]
    assert error["field"] == "apiKeyId"
    assert error["messages"][0].startswith("it is the key of this request, and a key can't revoke itself.")
    assert await status_of(api, api.key) == 200


async def test_both_keys_work_during_the_overlap_of_a_rotation(api: Platform) -> None:
    seller = await create_seller(api.conn)
    old = await create(api, sellerId=encode("Seller", seller.id), scopes=["READ"])

    new = await rotate(api, old["apiKey"]["id"])

    assert new["key"] != old["key"]
    assert (new["apiKey"]["name"], new["apiKey"]["scopes"]) == ("the ERP", ["READ"])
    assert new["apiKey"]["seller"] == {"id": encode("Seller", seller.id)}
    assert new["apiKey"]["expiresAt"] is None
    assert [await status_of(api, one["key"]) for one in (old, new)] == [200, 200]
    row = await api.conn.fetchrow(
        "select expires_at - now() between '23:59' and '24:00' as is_a_day, replaced_by from api_keys"
        " where seller_id is not null order by id limit 1"
    )
    assert row is not None
    assert tuple(row) == (True, int(await api.conn.fetchval("select max(id) from api_keys")))


async def test_a_rotation_without_an_overlap_ends_the_old_key(api: Platform) -> None:
    old = await create(api)

    new = await rotate(api, old["apiKey"]["id"], overlapSeconds=0)

    assert [await status_of(api, one["key"]) for one in (old, new)] == [401, 200]


async def test_a_key_can_rotate_itself(api: Platform) -> None:
    new = await rotate(api, await own_id(api), overlapSeconds=0)

    assert [await status_of(api, key) for key in (api.key, new["key"])] == [401, 200]


async def test_a_rotation_lets_no_key_live_longer_than_it_would(api: Platform) -> None:
    old = await create(api, expiresAt=(datetime.now(UTC) + timedelta(hours=2)).isoformat())

    await rotate(api, old["apiKey"]["id"])

    rows = await api.conn.fetch(
        "select round(extract(epoch from expires_at - now()) / 3600) as hours from api_keys where name = 'the ERP'"
    )
    assert [row["hours"] for row in rows] == [2, 2]


async def test_the_new_key_lives_as_long_as_the_old_one_was_meant_to(api: Platform) -> None:
    old = await create(api, expiresAt="9999-12-31T00:00:00Z")
    await api.conn.execute("update api_keys set created_at = created_at - interval '89 days' where name = 'the ERP'")
    await api.conn.execute("update api_keys set expires_at = created_at + interval '90 days' where name = 'the ERP'")

    new = await rotate(api, old["apiKey"]["id"])

    left = datetime.fromisoformat(new["apiKey"]["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)


async def test_an_end_beyond_the_calendar_stays(api: Platform) -> None:
    old = await create(api, expiresAt="9999-12-31T00:00:00Z")

    new = await rotate(api, old["apiKey"]["id"])

    assert new["apiKey"]["expiresAt"].startswith("9999-12-31")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("revoked_at = now()", "it is revoked, so there is nothing to change over from: make a new key"),
        ("expires_at = now()", "it is expired, so there is nothing to change over from: make a new key"),
        ("replaced_by = 1", "it was rotated before, and API key 1 replaces it: rotate that one"),
    ],
)
async def test_a_key_that_is_over_can_not_be_rotated(api: Platform, change: str, message: str) -> None:
    old = await create(api)
    await api.conn.execute(f"update api_keys set {change} where name = 'the ERP'")

    refused = await rotate(api, old["apiKey"]["id"])

    assert (refused["status"], refused["key"]) == (409, None)
    assert refused["errors"] == [{"field": "apiKeyId", "messages": [message]}]
    assert await api.conn.fetchval("select count(*) from api_keys") == 2


async def test_two_rotations_at_once_make_one_key(api: Platform) -> None:
    old = await create(api)

    made = await asyncio.gather(*(rotate(api, old["apiKey"]["id"]) for _ in range(4)))

    assert sorted(one["status"] for one in made) == [200, 409, 409, 409]
    assert await api.conn.fetchval("select count(*) from api_keys where name = 'the ERP'") == 2


@pytest.mark.parametrize("overlap", [-1, 30 * 86_400 + 1])
async def test_the_overlap_is_bounded(api: Platform, overlap: int) -> None:
    refused = await rotate(api, await own_id(api), overlapSeconds=overlap)

    assert refused["status"] == 422
    assert refused["errors"] == [{"field": "overlapSeconds", "messages": ["must be from 0 to 2592000"]}]


async def test_what_is_no_key_is_told(api: Platform) -> None:
    unknown = [await act(api, encode("ApiKey", 99)) for act in (revoke, rotate)]
    other = await revoke(api, encode("Order", 1))

    for refused in unknown:
        assert refused["status"] == 404
        assert refused["errors"] == [{"field": "apiKeyId", "messages": ["there is no such API key"]}]
    assert other["errors"] == [{"field": "apiKeyId", "messages": ["is the id of an Order, not of an ApiKey"]}]


async def test_a_principal_is_told_when_its_key_expires(api: Platform) -> None:
    seller = await create_seller(api.conn)
    until = datetime(2100, 1, 2, tzinfo=UTC)
    key = await create_key(api.conn, name="shop", seller_id=SellerId(seller.id), expires_at=until)

    told = await principal(api, key)

    assert (told["name"], datetime.fromisoformat(told["expiresAt"])) == ("shop", until)
