"""A key that was seen before is a guess, which only PostgreSQL confirms."""

import pytest

from app.auth.viewers import OPERATOR, KnownKeys, Scope, Viewer, create_key
from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId
from workers.bench.marketplace import create_sellers

SELLER = Viewer(SellerId(1), frozenset({Scope.READ}))


def test_witness_is_of_a_key_that_was_found_before() -> None:
    keys = KnownKeys()
    keys.remember("a", SELLER)
    keys.remember("b", SELLER)
    keys.remember("b", None)

    found = [keys.witness(key) for key in "abc"]

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
        (OPERATOR, "scopes = '{webhooks,read,write}'", True),
        (OPERATOR, "scopes = '{read,write}'", False),
        (OPERATOR, "seller_id = 1", False),
    ],
)
async def test_witness_confirms_the_very_same_viewer(
    conn: Connection, viewer: Viewer, change: str, expected: bool
) -> None:
    await create_sellers(conn, 2)
    key = await create_key(conn, name="shop", seller_id=viewer.seller_id, scopes=tuple(viewer.scopes))
    keys = KnownKeys()
    keys.remember(key, viewer)
    await conn.execute(f"update api_keys set {change}")

    witness = keys.witness(key)
    assert witness is not None
    said = await conn.fetchval(f"select {witness.column(1)}", *witness.args)

    assert said is expected


def test_keys_are_remembered_up_to_a_number() -> None:
    keys = KnownKeys(maximum=2)

    for key in "abac":
        keys.remember(key, SELLER)

    assert [keys.witness(key) is not None for key in "abc"] == [True, False, True]
