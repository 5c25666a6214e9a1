"""A key that was seen before is a guess, which only PostgreSQL confirms."""

import pytest

from app.auth import KnownKeys, Scope, Viewer
from app.db.sellers import SellerId

SELLER = Viewer(SellerId(1), frozenset({Scope.READ}))


def test_witness_is_of_a_key_that_was_found_before() -> None:
    keys = KnownKeys()
    keys.remember("a", SELLER)
    keys.remember("b", SELLER)
    keys.remember("b", None)

    found = [keys.witness(key) for key in "abc"]

    assert [one and one.viewer for one in found] == [SELLER, None, None]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((1, ["read"]), True),
        ((2, ["read"]), False),
        ((None, ["read"]), False),
        ((1, ["read", "write"]), False),
        ((1, []), False),
        (None, False),
    ],
)
def test_witness_confirms_the_very_same_viewer(said: tuple[int | None, list[str]] | None, expected: bool) -> None:
    keys = KnownKeys()
    keys.remember("a", SELLER)
    witness = keys.witness("a")
    assert witness is not None

    witness.hear(said)

    assert witness.is_confirmed is expected


def test_keys_are_remembered_up_to_a_number() -> None:
    keys = KnownKeys(maximum=2)

    for key in "abac":
        keys.remember(key, SELLER)

    assert [keys.witness(key) is not None for key in "abc"] == [True, False, True]
