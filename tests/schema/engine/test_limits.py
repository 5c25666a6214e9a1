"""Documents that are too large are refused for what they are, by work that does not grow with what they expand to."""

import asyncio
import gc
import time
from typing import Any

import pytest
from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    get_introspection_query,
    parse,
    validate,
)

from app.db.pool import Connection
from app.errors import InvalidInput
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.engine.documents import Documents
from schema.engine.limits import (
    MAX_ALIASES,
    MAX_CHARACTERS,
    MAX_DEPTH,
    RULES,
    Ruler,
    introspects,
    parse_within_limits,
)
from schema.stored.validate import stored_query
from tests.support.operation import run_operation

#: What GraphiQL, the entity graph and code generators ask for, and more.
EVERYTHING = {
    "specified_by_url": True,
    "directive_is_repeatable": True,
    "schema_description": True,
    "input_value_deprecation": True,
}
NODE = '{ node(id: "SW52b2ljZS0x") { ... on Invoice { %s } } }'


def nested(levels: int) -> str:
    """A query of so many levels of fields."""
    pairs, odd = divmod(levels - 2, 2)
    return NODE % ("refundRequests { invoice { " * pairs + ("seller { id }" if odd else "id") + " } }" * pairs)


def aliased(count: int) -> str:
    return NODE % " ".join(f"a{n}: id" for n in range(count))


def spread_twice(fragments: int) -> str:
    chain = " ".join(f"fragment F{n} on Invoice {{ ...F{n + 1} ...F{n + 1} }}" for n in range(fragments))
    return f"{NODE % '...F0'} {chain} fragment F{fragments} on Invoice {{ a: id }}"


def spread_one_another(fragments: int, last: int) -> str:
    """A chain of fragments, whose end spreads the one numbered `last`, or, if there is none, nothing."""
    chain = " ".join(f"fragment F{n} on Invoice {{ ...F{n + 1} id }}" for n in range(fragments))
    end = f"...F{last}" if last < fragments else "id"
    return f"{NODE % '...F0'} {chain} fragment F{fragments} on Invoice {{ {end} }}"


def spread_beside(fragments: int) -> str:
    names = range(fragments)
    return f"{NODE % ' '.join(f'...F{n}' for n in names)} " + " ".join(
        f"fragment F{n} on Invoice {{ id seller {{ id }} }}" for n in names
    )


@pytest.mark.parametrize("document", [nested(MAX_DEPTH), aliased(MAX_ALIASES), spread_twice(6), spread_beside(30)])
def test_operation_within_the_limits_is_valid(document: str) -> None:
    assert validate(schema._schema, parse(document), RULES) == []


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (nested(MAX_DEPTH + 1), "DEPTH_LIMIT"),
        (nested(150), "DEPTH_LIMIT"),
        (nested(500), "DEPTH_LIMIT"),
        (aliased(MAX_ALIASES + 1), "ALIAS_LIMIT"),
        ("{" + " ".join(f"s{n}: __schema {{ __typename }}" for n in range(MAX_ALIASES + 1)) + "}", "ALIAS_LIMIT"),
        (NODE % " ".join(f"t{n}: __typename" for n in range(MAX_ALIASES + 1)), "ALIAS_LIMIT"),
        (spread_twice(7), "ALIAS_LIMIT"),
        (spread_twice(30), "ALIAS_LIMIT"),
        (NODE % ("id " * 4_000), "TOKEN_LIMIT"),
        (NODE % ("id " + "@skip(if: true) " * 700), "TOKEN_LIMIT"),
        (NODE % ("id " + "@skip(if: true) " * 500), "GRAPHQL_VALIDATION_FAILED"),
        (NODE % "id" + "#" * MAX_CHARACTERS, "TOKEN_LIMIT"),
        ("{ nodes(ids: " + "[" * 1_900 + "]" * 1_900 + ") { id } }", "DEPTH_LIMIT"),
        ("{ nodes(ids: " + "[" * 150 + "]" * 150 + ") { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ invoices(first: %s) { totalCount } }" % ("9" * 90_000), "GRAPHQL_VALIDATION_FAILED"),
        ("{ invoices(first: 2147483648) { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (spread_one_another(300, 300), "DEPTH_LIMIT"),
        (spread_one_another(300, 0), "DEPTH_LIMIT"),
        (spread_one_another(30, 0), "GRAPHQL_VALIDATION_FAILED"),
        (NODE % ("id " * 1_900), "OVERLAP_LIMIT"),
        (NODE % ("seller { id } " * 900), "OVERLAP_LIMIT"),
        ("{" + 'node(id: "x") { id } ' * 400 + "}", "OVERLAP_LIMIT"),
        (spread_beside(200), "OVERLAP_LIMIT"),
        ("{ ...F } fragment F on Query { ...G } fragment G on Query { ...F __typename }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)  # fmt: skip
async def test_too_large_operation_is_refused(conn: Connection, document: str, code: str) -> None:
    answer = await run_operation(conn, document)

    assert answer.data is None
    assert {given for _, given in answer.failures} == {code}
    assert answer.statements == 0


@pytest.mark.parametrize(
    ("document", "variables", "what"),
    [
        ("{ advertsWhere(legacyIds: [%s]) { totalCount } }" % ("1 " * 501), {}, "the argument legacyIds"),
        ("query($ids: [Int!]) { advertsWhere(legacyIds: $ids) { totalCount } }", {"ids": [1] * 501},
         "the argument legacyIds ($ids)"),
        ("query($f: InvoiceFilters) { invoices(filters: $f) { totalCount } }", {"f": {"statuses": ["SENT"] * 501}},
         "the variable $f.statuses"),
        ("query($ids: [Int!] = [%s]) { advertsWhere(legacyIds: $ids) { totalCount } }" % ("1 " * 501), {},
         "a variable's default"),
    ],
)  # fmt: skip
async def test_long_list_is_refused_and_named(
    conn: Connection, document: str, variables: dict[str, Any], what: str
) -> None:
    answer = await run_operation(conn, document, **variables)

    message = f"The list in {what} has 501 entries; at most 500 are allowed. Send the rest in further requests."
    assert [(error["message"], error["extensions"]["code"]) for error in answer.errors] == [(message, "LIST_LIMIT")]
    assert (answer.data, answer.statements) == (None, 0)


async def test_list_within_the_limit_is_taken(conn: Connection) -> None:
    document = "query($ids: [Int!]) { advertsWhere(legacyIds: $ids) { totalCount } }"

    answer = await run_operation(conn, document, ids=[1] * 500)

    assert (answer.errors, answer.data) == ([], {"advertsWhere": {"totalCount": 0}})


def test_flood_of_errors_ends_at_a_hundred() -> None:
    document = f"{{ {' '.join(f'x{n}' for n in range(3_000))} }}"

    errors = Documents().read(schema, document).errors

    assert len(errors) == 101
    assert errors[-1].message == "Too many validation errors, error limit reached. Validation aborted."


def test_fragments_that_spread_the_next_one_twice_are_measured_once_each() -> None:
    document = parse(spread_twice(30).replace("a: id", "id"))
    operation, *fragments = document.definitions
    ruler = Ruler({node.name.value: node for node in fragments if isinstance(node, FragmentDefinitionNode)})

    assert isinstance(operation, OperationDefinitionNode)
    assert ruler.measure(operation.selection_set) == (2, 0)
    assert ruler.visited == 3 + 2 * 30 + 1


@pytest.mark.parametrize("options", [{}, EVERYTHING])
async def test_introspection_query_of_the_tools_passes_all_limits(conn: Connection, options: dict[str, bool]) -> None:
    answer = await run_operation(conn, get_introspection_query(**options))

    assert answer.errors == []
    assert answer.data["__schema"]["queryType"]["name"] == "Query"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ __schema { queryType { name } } }", True),
        ('{ invoices { totalCount } ...F } fragment F on Query { __type(name: "Invoice") { name } }', True),
        ("{ __typename invoices { nodes { __typename } } }", False),
    ],
)
def test_introspection_is_seen(document: str, expected: bool) -> None:
    assert introspects(parse_within_limits(document)) is expected


def test_read_documents_are_kept_up_to_a_number_of_characters() -> None:
    # Each counts for a hundred characters more than it has.
    documents = Documents(max_characters=310)
    first = documents.read(schema, "{ __typename }")

    assert documents.read(schema, "{ __typename }") is first
    documents.read(schema, "{ __typename }" + " " * 80)
    assert documents.read(schema, "{ __typename }") is first
    documents.read(schema, "{ __typename }" + " " * 78)
    documents.read(schema, "{ a: __typename }")
    assert documents.read(schema, "{ __typename }") is not first


def test_document_that_is_none_is_not_kept() -> None:
    documents = Documents()

    for _ in range(2):
        with pytest.raises(GraphQLError, match="Syntax Error"):
            documents.read(schema, "{")


#: Costs as much to refuse as a document may.
DEAR = "query($id: ID!) { node(id: $id) { ... on Invoice { %s } } }" % ("seller { id } " * 900)


def dry_runs(count: int) -> str:
    """An operation of so many dry runs, each with the text of a variable: `$q0` …"""
    declared = " ".join(f"$q{n}: String!" for n in range(count))
    run = 'webhookDryRun(type: INVOICE, id: "", queryString: '
    return f"query({declared}) {{ {' '.join(f'r{n}: {run}$q{n}) {{ cost }}' for n in range(count))} }}"


def test_refusal_of_a_stored_query_is_kept() -> None:
    refusals = []

    for _ in range(2):
        with pytest.raises(InvalidInput) as refused:
            stored_query(schema._schema, DEAR, WebhookKlass.INVOICE, max_cost=1_000)
        refusals.append(refused.value)

    first, second = refusals
    assert first is not second
    assert first.fields == second.fields
    # The very list: made once.
    assert first.fields["attributes.queryString"] is second.fields["attributes.queryString"]


async def test_stored_queries_of_one_operation_take_turns_with_others(conn: Connection) -> None:
    queries: dict[str, Any] = {f"q{number}": f"{DEAR} # {number}" for number in range(8)}
    pauses: list[float] = []

    async def watch() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            pauses.append(time.thread_time() - before)

    # A collection goes through all that this process keeps of other tests: that can take seconds.
    gc.disable()
    try:
        watching = asyncio.create_task(watch())
        answer = await run_operation(conn, dry_runs(len(queries)), **queries)
        watching.cancel()
    finally:
        gc.enable()

    assert answer.errors == []
    # Each holds the loop for an eighth of the time: two together for no more than what chance adds.
    assert max(pauses) < sum(sorted(pauses)[-8:]) / 2
