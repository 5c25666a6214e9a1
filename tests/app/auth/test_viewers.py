"""A key that was seen before is a guess, which only PostgreSQL confirms."""

import pytest

from app.auth.viewers import OPERATOR, Scope, Viewer, ViewerCache, authenticate, create_key
from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId
from workers.bench.environment.marketplace import create_sellers

SELLER = Viewer(SellerId(1), frozenset({Scope.READ}))


def test_key_check_is_of_a_key_that_was_found_before() -> None:
    keys = ViewerCache()
    keys.remember("a", SELLER)
    keys.remember("b", SELLER)
    keys.remember("b", None)

    found = [keys.key_check(key) for key in "abc"]

    assert [one and one.viewer for one in found] == [SELLER, None, None]


@pytest.mark.parametrize(
    ("viewer", "change", "expected"),
    [
        (SELLER, "name = 'another'", True),
        (SELLER, "seller_id = 2", False),
        (SELLER, "seller_id = null", False),
        (SELLER, "scopes = '{read,write}'", False),
        (SELLER, "scopes = '{}'", False),
        (SELLER, "hash = '\\x00'", False),
        (SELLER, "revoked_at = now()", False),
        (SELLER, "expires_at = now() - interval '1 s'", False),
        (OPERATOR, "scopes = '{keys,audit,webhooks,read,write}'", True),
        (OPERATOR, "scopes = '{read,write}'", False),
        (OPERATOR, "seller_id = 1, scopes = '{read,write,webhooks}'", False),
    ],
)
async def test_key_check_confirms_the_very_same_viewer(
    conn: Connection, viewer: Viewer, change: str, expected: bool
) -> None:
    await create_sellers(conn, 2)
    key = await create_key(conn, name="shop", seller_id=viewer.seller_id, scopes=tuple(viewer.scopes))
    keys = ViewerCache()
    keys.remember(key, viewer)
    await conn.execute(f"update api_keys set {change}")

    key_check = keys.key_check(key)
    assert key_check is not None
    said = await conn.fetchval(f"select {key_check.column(1)}", *key_check.args)

    assert said is expected


async def test_a_viewer_knows_its_key(conn: Connection) -> None:
    keys = [await create_key(conn, name=name, seller_id=None) for name in ("erp", "shop")]

    viewers = [await authenticate(conn, key) for key in keys]

    ids = [row["id"] for row in await conn.fetch("select id from api_keys order by id")]
    assert [viewer and viewer.key_id for viewer in viewers] == ids


def test_keys_are_remembered_up_to_a_number() -> None:
    keys = ViewerCache(maximum=2)

    for key in "abac":
        keys.remember(key, SELLER)

    assert [keys.key_check(key) is not None for key in "abc"] == [True, False, True]
