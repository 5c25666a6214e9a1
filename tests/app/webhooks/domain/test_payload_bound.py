"""A payload that is too large is described by its size and by the fields to leave out."""

import re
import time
from typing import Any

import orjson
import pytest

from app.webhooks.domain.payload_bound import describe_excess

ROW = {"id": "TGluZUl0ZW0tMTIz", "quantity": 2, "totalCents": 2000, "advertTitle": "Kettle", "isGift": False}


def body_of(node: Any, **errors: Any) -> bytes:
    return orjson.dumps({"data": {"node": node}, **errors})


def named(body: bytes) -> list[tuple[str, int]]:
    """The largest fields with their bytes."""
    text = describe_excess(body, 1_000)
    assert text is not None
    assert text.startswith(f"The payload has {len(body):,} bytes; at most 1,000 are allowed.")
    found = re.findall(r"(\S+) \((?:[\d,]+ rows, )?(?:about )?([\d,]+) bytes\)", text)
    return [(path, int(size.replace(",", ""))) for path, size in found]


def test_what_fits_is_not_described() -> None:
    body = body_of({"notes": "x" * 1000})

    assert describe_excess(body, len(body)) is None
    assert describe_excess(body, len(body) - 1) is not None


def test_the_largest_fields_are_named_with_their_bytes() -> None:
    body = body_of({"a": "é" * 2000, "b": 1, "c": "x" * 3000, "d": "y" * 100, "e": "z" * 200})

    assert describe_excess(body, 1_000) == (
        f"The payload has {len(body):,} bytes; at most 1,000 are allowed."
        " Largest fields: a (4,000 bytes), c (3,000 bytes), e (200 bytes)."
    )


def test_rows_of_a_list_are_taken_together() -> None:
    rows = [{"quantity": n, "variant": {"description": "d" * 500}} for n in range(1000, 1010)]

    assert named(body_of({"lineItems": rows, "note": "n" * 30})) == [
        ("lineItems[].variant.description", 5_000),
        ("lineItems[].quantity", 40),
        ("note", 30),
    ]


def test_a_list_is_named_where_no_field_of_it_is_most_of_it() -> None:
    body = body_of({"lineItems": [ROW] * 500, "note": "n" * 3000})

    ((first, size), second) = named(body)

    assert (first, second) == ("lineItems", ("note", 3000))
    assert abs(size - len(orjson.dumps([ROW] * 500))) < 5_000
    assert "lineItems (500 rows, about " in str(describe_excess(body, 1_000))


@pytest.mark.parametrize("place", [0, 777, 4_999])
def test_one_large_row_among_thousands_is_found(place: int) -> None:
    rows = [{"alt": "small", "url": "u" * 20} for _ in range(5_000)]
    rows[place] = {"alt": "small", "url": "v" * 2_000_000}

    (path, size), *_ = named(body_of({"images": rows}))

    assert path == "images[].url"
    assert 2_000_000 <= size <= 2_300_000


def test_a_large_field_behind_thousands_of_rows_is_found() -> None:
    body = body_of({"lineItems": [ROW] * 10_000, "notes": "y" * 4_194_304})

    assert named(body)[0] == ("notes", 4_194_304)


def test_errors_and_aliases_are_named_too() -> None:
    body = orjson.dumps({"data": {"mine": {"z": "z" * 900}}, "errors": [{"message": "m" * 700, "path": ["mine", "q"]}]})

    assert named(body)[:2] == [("z", 900), ("errors[].message", 700)]
    assert named(orjson.dumps({"data": {"node": None}, "errors": [{"message": "m" * 2000}]}))[0] == (
        "errors[].message",
        2000,
    )


def test_a_list_of_texts_is_named_by_its_field() -> None:
    assert named(body_of({"tags": ["t" * 200] * 9}))[0] == ("tags", 1800)


def test_a_long_alias_is_cut() -> None:
    text = describe_excess(body_of({"a" * 3000: 1}), 1_000)

    assert text is not None
    assert len(text) < 400


@pytest.mark.parametrize(("depth", "is_named"), [(100, True), (300, False), (3000, False)])
def test_any_depth_is_taken(depth: int, is_named: bool) -> None:
    deep = '{"a":[' * depth + f'"{"x" * 2000}"' + "]}" * depth
    body = f'{{"data":{{"node":{{"custom":{deep}}}}}}}'.encode()

    found = named(body)

    assert bool(found) == is_named
    assert all(path.startswith("custom.a[].a") for path, _ in found)


LARGE = {
    "a text": {"notes": "x" * 10_000_000},
    "a text of which each character has two bytes": {"notes": "é" * 5_000_000},
    "small rows": {"lineItems": [ROW] * 55_000},
    "more small rows than are looked into": {"lineItems": [ROW] * 100_000},
    "long rows": {"lineItems": [{**ROW, "description": "d" * 900}] * 10_000},
    "lists in lists": {"x": [{"x": [{"x": [{"t": "t" * 300}] * 31}] * 31}] * 31},
    "texts in a list": {"tags": ["t" * 100] * 90_000},
    "nothing but brackets": {"x": [[]] * 3_000_000},
    "nothing but commas": {"notes": "," * 10_000_000},
}


@pytest.mark.parametrize("name", LARGE)
def test_ten_megabytes_hold_nobody_up(name: str) -> None:
    body = body_of(LARGE[name])
    assert 5_000_000 < len(body) < 11_000_000
    took = []

    for _ in range(3):
        begun = time.process_time()
        assert describe_excess(body, 1_048_576) is not None
        took.append(time.process_time() - begun)

    # A tenth of a second is allowed; a machine that does much else at the time takes up to ten times as long.
    assert min(took) < 1, took
