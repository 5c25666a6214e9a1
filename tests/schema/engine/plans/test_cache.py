"""Plans are made of what is seen often, once, and are forgotten with their documents."""

import asyncpg
import pytest
from structlog.testing import capture_logs

from schema import documents, schema
from schema.engine.documents import Documents
from schema.engine.plan_executor import PlanExecutor
from schema.engine.plans.cache import MAX_PLANS, OFTEN, Plans
from tests.builders.sales import create_sale
from tests.support.executors import by_plan, by_reference, context_of, fresh_plans
from tests.support.expanding import expanding_fragments

PAGE = "{ invoices { nodes { id lineItems { id quantity } } } }"


async def test_document_is_compiled_once_it_is_met_again(conn: asyncpg.Connection) -> None:
    planned, text = fresh_plans(), f"# often\n{PAGE}"
    await by_reference(conn, text)

    with capture_logs() as logs:
        for _ in range(OFTEN + 3):
            await planned.response(text, None, None, context_of(conn))
            await planned.plans.settle()

    assert [log["event"] for log in logs] == ["plan.compiled"]
    assert planned.counts == {"reference": OFTEN, "planned": 3}


async def test_unsupported_document_is_remembered_as_such(conn: asyncpg.Connection) -> None:
    planned, text = fresh_plans(), "{ apiKeyPrincipal { type } invoices { totalCount } }"
    await by_reference(conn, text)

    with capture_logs() as logs:
        for _ in range(OFTEN + 3):
            assert await planned.response(text, None, None, context_of(conn)) is None
            await planned.plans.settle()

    assert [log["event"] for log in logs] == ["plan.unsupported"]
    assert planned.counts == {"reference": OFTEN + 3}


async def test_each_decision_of_variables_has_a_plan_up_to_a_number(conn: asyncpg.Connection) -> None:
    planned, names = fresh_plans(), "abcd"
    fields = " ".join(f"{name}: totalCount @include(if: ${name})" for name in names)
    text = f"query({' '.join(f'${name}: Boolean!' for name in names)}) {{ invoices {{ __typename {fields} }} }}"
    await create_sale(conn)
    decisions = [{name: bool(number >> place & 1) for place, name in enumerate(names)} for number in range(16)]

    expected = [await by_reference(conn, text, one) for one in decisions]
    given = [await by_plan(planned, conn, text, one) for one in decisions]

    assert given[:MAX_PLANS] == expected[:MAX_PLANS]
    assert given[MAX_PLANS:] == [None] * (16 - MAX_PLANS)


async def test_plans_are_forgotten_with_their_documents(conn: asyncpg.Connection) -> None:
    kept = Documents(max_characters=4_000)
    planned = PlanExecutor(documents=kept, plans=Plans(schema._schema, kept))
    texts = [f"# {number}\n{PAGE}" for number in range(100)]
    for text in texts:
        kept.read(schema, text)
        for _ in range(OFTEN):
            await planned.response(text, None, None, context_of(conn))
        await planned.plans.settle()
        assert await planned.response(text, None, None, context_of(conn)) is not None

    found = [text for text in texts if kept.find(text)]

    assert found == texts[-len(found) :]
    # Each counts for its text, a hundred characters, and a quarter of its code.
    assert 10 < len(found) < 4_000 / (len(texts[0]) + 100)


async def test_plan_of_a_forgotten_document_is_not_counted(conn: asyncpg.Connection) -> None:
    kept = Documents(max_characters=1_200)
    known = kept.read(schema, PAGE)
    kept.read(schema, "{ __typename }" + " " * 900)

    kept.grow(PAGE, known, 10**9)

    assert kept.find("{ __typename }" + " " * 900) is not None


@pytest.mark.parametrize("asked", ["Invoice", "Order"])
async def test_plan_of_a_node_learns_its_types(conn: asyncpg.Connection, asked: str) -> None:
    sale, planned = await create_sale(conn), fresh_plans()
    text = f"query($id: ID!) {{ node(id: $id) {{ id ... on {asked} {{ legacyId }} }} }}"
    ids = [sale.id_of("invoice"), sale.id_of("order")]
    expected = [await by_reference(conn, text, {"id": one}) for one in ids]

    given = [await by_plan(planned, conn, text, {"id": one}) for one in (*ids, *ids)]

    assert given == expected * 2
    assert documents.find(text) is not None


async def test_wrong_value_costs_an_operation_no_plan(conn: asyncpg.Connection) -> None:
    sale, planned = await create_sale(conn), fresh_plans()
    text = "query Wrong($id: ID!, $first: Int) { node(id: $id) { id } invoices(first: $first) { totalCount } }"
    wrong, right = {"id": "x", "first": -1}, {"id": sale.id_of("invoice"), "first": 1}
    expected = [await by_reference(conn, text, one) for one in (wrong, right)]

    given = [await by_plan(planned, conn, text, one) for one in (wrong, right)]

    assert b"BAD_USER_INPUT" in expected[0]
    assert given == [None, expected[1]]


async def test_type_that_is_not_planned_leaves_the_others_theirs(conn: asyncpg.Connection) -> None:
    sale, planned = await create_sale(conn), fresh_plans()
    text = f"query($id: ID!) {{ node(id: $id) {{ id ... on Invoice {{ ...F0 }} }} }} {expanding_fragments(6)}"
    ids = [sale.id_of("invoice"), sale.id_of("order")]
    expected = [await by_reference(conn, text, {"id": one}) for one in ids]

    given = [await by_plan(planned, conn, text, {"id": one}) for one in ids]

    assert given == [None, expected[1]]


async def test_operation_that_expands_too_far_is_left_to_the_reference_executor(conn: asyncpg.Connection) -> None:
    sale, planned = await create_sale(conn), fresh_plans()
    text = f"query($id: ID!) {{ node(id: $id) {{ ...F0 }} }} {expanding_fragments(6)}"
    await by_reference(conn, text, {"id": sale.id_of("invoice")})

    with capture_logs() as logs:
        given = await by_plan(planned, conn, text, {"id": sale.id_of("invoice")})

    assert given is None
    assert ("plan.unsupported", "it is too large") in [(log["event"], log.get("reason")) for log in logs]
