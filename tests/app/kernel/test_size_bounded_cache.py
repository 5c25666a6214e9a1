"""The cache is bounded by the size of its values, and the value that was used least recently goes first."""

from app.kernel.size_bounded_cache import SizedCache


def test_value_used_least_lately_is_forgotten_first() -> None:
    kept: SizedCache[str, list[int]] = SizedCache(10)
    for key in "abc":
        kept.keep(key, [1], 3)
    kept.find("a")

    kept.keep("d", [1], 4)

    assert [key for key in "abcd" if kept.find(key)] == ["a", "c", "d"]


def test_value_that_grows_pushes_others_out() -> None:
    kept: SizedCache[str, list[int]] = SizedCache(10)
    values = {key: [1] for key in "abc"}
    for key, value in values.items():
        kept.keep(key, value, 3)

    kept.grow("c", values["c"], 4)

    assert [key for key in "abc" if kept.find(key)] == ["b", "c"]


def test_value_that_is_larger_than_all_is_not_kept() -> None:
    kept: SizedCache[str, list[int]] = SizedCache(10)

    kept.keep("a", [1], 11)

    assert kept.find("a") is None


def test_value_that_was_forgotten_does_not_grow() -> None:
    kept: SizedCache[str, list[int]] = SizedCache(10)
    old = [1]
    kept.keep("a", old, 6)
    kept.keep("b", [1], 6)

    kept.grow("a", old, 100)

    assert kept.find("b") == [1]


def test_what_is_forgotten_makes_room() -> None:
    kept: SizedCache[str, list[int]] = SizedCache(10)
    kept.keep("a", [1], 6)

    kept.forget("a")
    kept.forget("never kept")
    kept.keep("b", [2], 6)
    kept.keep("c", [3], 4)

    assert [kept.find(key) for key in "abc"] == [None, [2], [3]]
