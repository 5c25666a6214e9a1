"""Pages stay stable, are bounded, and count only when asked; no id or cursor brings the server down."""

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.db.pool import Connection
from tests.builders.catalogue import create_commission_package
from tests.builders.invoices import create_invoice
from tests.builders.variants import create_variant
from tests.support.operation import Answer, run_operation

PAGE = """
query($first: Int, $after: String, $last: Int, $before: String) {
  variantsWhere(first: $first, after: $after, last: $last, before: $before) {
    nodes { legacyId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def page(conn: Connection, **given_: Any) -> tuple[list[int], dict[str, Any]]:
    answer = await run_operation(conn, PAGE, **given_)
    assert answer.errors == []
    found = answer.data["variantsWhere"]
    return [node["legacyId"] for node in found["nodes"]], found["pageInfo"]


async def test_pages_are_stable_while_rows_come_and_go(conn: Connection) -> None:
    variants = [await create_variant(conn) for _ in range(5)]

    first, info = await page(conn, first=2)
    await conn.execute("delete from variants where id = $1", variants[1].id)
    added = await create_variant(conn)
    second, info = await page(conn, first=10, after=info["endCursor"])

    assert first == [variants[0].id, variants[1].id]
    assert second == [*(one.id for one in variants[2:]), added.id]
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (False, True)


async def test_backwards_gives_the_same_order(conn: Connection) -> None:
    ids = [(await create_variant(conn)).id for _ in range(5)]

    last, info = await page(conn, last=2)
    before, earlier = await page(conn, last=2, before=info["startCursor"])

    assert (last, before) == (ids[3:], ids[1:3])
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (False, True)
    assert (earlier["hasNextPage"], earlier["hasPreviousPage"]) == (True, True)


@pytest.mark.parametrize(
    "arguments",
    [
        {"first": -1},
        {"first": 501},
        {"last": 501},
        {"first": 1, "last": 1},
        {"last": 1, "after": "x"},
        {"first": 1, "before": "x"},
    ],
)
async def test_page_sizes_are_bounded(conn: Connection, arguments: dict[str, Any]) -> None:
    answer = await run_operation(conn, PAGE, **arguments)

    assert [code for _, code in answer.failures] == ["BAD_USER_INPUT"]
    assert answer.statements == 0


async def test_a_cursor_of_another_list_is_refused(conn: Connection) -> None:
    await create_invoice(conn)
    invoices = await run_operation(conn, "{ invoices { pageInfo { endCursor } } }")

    answer = await run_operation(conn, PAGE, first=1, after=invoices.data["invoices"]["pageInfo"]["endCursor"])

    assert answer.failures == [(["variantsWhere"], "BAD_USER_INPUT")]
    assert "cursor of another list" in answer.errors[0]["message"]


async def test_the_total_is_counted_only_when_selected(conn: Connection) -> None:
    await create_variant(conn)

    without = await run_operation(conn, "{ variantsWhere { nodes { id } } }")
    counted = await run_operation(conn, "{ variantsWhere(first: 0) { totalCount nodes { id } } }")

    assert (without.statements, counted.statements) == (1, 2)
    assert counted.data == {"variantsWhere": {"totalCount": 1, "nodes": []}}


def known(answer: Answer) -> bool:
    return all(error["extensions"]["code"] == "BAD_USER_INPUT" for error in answer.errors)


#: What a forger would try: our own form with anything at each place.
_ANYTHING = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(-(2**70), 2**70).filter(lambda n: -(2**63) <= n < 2**64),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none(),
    st.booleans(),
    st.datetimes().map(str),
    st.sampled_from(["0001-01-01T00:00:00+23:59", "2020-W01-1", "infinity", "٣", "1_000", " 1 ", "+1", "10000-01-01"]),
)
_FORGED = st.tuples(_ANYTHING, _ANYTHING).map(lambda pair: list(pair))


async def test_forged_cursors_are_refused_and_never_an_internal_error(conn: Connection) -> None:
    await create_invoice(conn)
    asks = {
        "variants": "query($c: String) { found: variantsWhere(first: 1, after: $c) { pageInfo { endCursor } } }",
        "invoices": "query($c: String) { found: invoices(first: 1, after: $c) { pageInfo { endCursor } } }",
        "packages": "query($c: String) { found: commissionPackages(first: 1, after: $c, sort: {fields: [RATE]})"
        " { pageInfo { endCursor } } }",
    }
    await create_variant(conn)
    await create_commission_package(conn)
    forms = {}
    for resource, ask in asks.items():
        real = (await run_operation(conn, ask)).data["found"]["pageInfo"]["endCursor"]
        forms[resource] = orjson.loads(base64.b64decode(real))[:3]

    for forged in examples(_FORGED, 150):
        for resource, ask in asks.items():
            cursor = base64.b64encode(orjson.dumps([*forms[resource], *forged])).decode()
            assert known(await run_operation(conn, ask, c=cursor)), forged


async def test_any_text_as_an_id_or_cursor_is_never_an_internal_error(conn: Connection) -> None:
    ask = "query($t: ID!, $c: String) { node(id: $t) { id } variantsWhere(after: $c) { nodes { id } } }"
    texts = st.text(st.characters(exclude_categories=["Cs"]))

    for text in [*examples(texts, 60), *(base64.b64encode(text.encode()).decode() for text in examples(texts, 60))]:
        assert known(await run_operation(conn, ask, t=text, c=text)), text


def examples(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """Drawn outside of an event loop's reach: hypothesis itself is synchronous."""
    drawn: list[Any] = []

    @settings(max_examples=count)
    @given(strategy)
    def draw(value: Any) -> None:
        drawn.append(value)

    draw()
    return drawn
