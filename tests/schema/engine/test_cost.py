"""The static cost of an operation, and that finding it takes no more than a look at each selection.

Above 300 lines: every rule of the cost stands beside the others that it adds up with.
"""

from dataclasses import make_dataclass
from typing import Any

import pytest
from graphql import (
    ExecutionResult,
    GraphQLField,
    build_schema,
    execute,
    get_introspection_query,
    get_named_type,
    parse,
)

from app.auth.viewers import OPERATOR
from app.db.pool import Connection
from app.errors import InvalidInput
from app.kernel.problems import value_problems
from app.settings import Settings
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.engine.context import Context
from schema.engine.cost.argument_sizes import MAX_REPORTED
from schema.engine.cost.operation_cost import Cost, Costs, cost_error
from schema.engine.cost.weights import LIST_SIZE, LONGEST, weight
from schema.engine.reader import Reader
from schema.entities.declarations import Leaf
from schema.entities.declared import declaration_of
from schema.stored.execute import execute_stored_query
from schema.stored.validate import stored_query
from tests.support.operation import run_operation

SCHEMA = build_schema(
    """
    type Query {
      invoices(first: Int, last: Int, tags: [String!], filter: Filter): InvoiceConnection!
      node(id: ID!): Node
      nodes(ids: [ID!]!): [Node]!
      sellers(name: String): [Seller!]!
    }
    input Filter { tags: [String!] }
    interface Node { id: ID! }
    union Party = Invoice | Seller
    type Seller implements Node { id: ID! }
    type Invoice implements Node {
      id: ID! flags(of: [String!]): [String!]! seller: Seller! lines: [Line!]! party: Party!
    }
    type Line { id: ID! invoice: Invoice! parts(first: Int): LineConnection! }
    type InvoiceConnection { nodes: [Invoice!]! edges: [InvoiceEdge!]! pageInfo: PageInfo! totalCount: Int! }
    type InvoiceEdge { cursor: String! node: Invoice! }
    type LineConnection { nodes: [Line!]! pageInfo: PageInfo! }
    type PageInfo { endCursor: String }
    type Mutation { pay(id: ID!): Invoice }
    """
)


def cost(document: str, variables: dict[str, Any] | None = None, name: str | None = None) -> int:
    return Costs(SCHEMA, parse(document)).of(variables, name).total


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ __typename }", 1),
        ('{ node(id: "x") { id } }', 2),
        ('{ node(id: "x") { ... on Invoice { id flags seller { id } } ... on Seller { id } } }', 5 + LIST_SIZE),
        ('{ node(id: "x") { ... on Invoice { party { ... on Seller { id } } } } }', 3),
        ('{ node(id: "x") { ... on Invoice { lines { id } } } }', 2 + LIST_SIZE),
        ("{ invoices { totalCount } }", 2),
        ("{ invoices { nodes { id } } }", 2 + 50),
        ("{ invoices(first: 3) { nodes { id flags } pageInfo { endCursor } } }", 1 + 1 + 3 * (1 + LIST_SIZE) + 2),
        ("{ invoices(last: 3) { edges { cursor node { id } } } }", 2 + 3 * 3),
        ("{ invoices(first: 9, last: 3) { nodes { id } } }", 2 + 3),
        ("{ invoices(first: null, last: null) { nodes { id } } }", 2 + 50),
        ("{ invoices(first: 0) { nodes { id } } }", 2),
        ("{ invoices(first: 100000) { nodes { id } } }", 2 + 500),
        ("{ invoices(first: 2) { nodes { lines { parts(first: 3) { nodes { id } } } } } }", 2 + 2 * (1 + 10 * (2 + 3))),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 1 + 3),
        ('{ invoices(first: 2) { ... on InvoiceConnection { nodes { id } } ...F } } fragment F on InvoiceConnection '
         "{ totalCount nodes { id } }", 1 + (1 + 2) + (1 + 1 + 2)),
        ("{ a: invoices(first: 1) { nodes { id } } b: invoices(first: 1) { nodes { id } } }", 6),
        ("{ invoices(first: 1) @skip(if: true) { nodes { id } } }", 3),
        ("{ sellers { id } }", 1 + 500),
        ('mutation { pay(id: "x") { id } }', 2),
        ('{ invoices(first: 0, tags: ["a", "b"], filter: {tags: ["c", "d", "e"]}) { totalCount } }', 2 + 2 + 3),
        ('{ invoices(first: 2) { nodes { flags(of: ["a", "b"]) } } }', 2 + 2 * (LIST_SIZE + 2)),
        ("{ nodes(ids: " + "1" * 5_000 + ") { id } }", 1 + 500),
    ],
)  # fmt: skip
def test_cost_is_the_number_of_values_that_may_be_returned(document: str, expected: int) -> None:
    assert cost(document) == expected


@pytest.mark.parametrize(
    ("variables", "rows"),
    [({"n": 3}, 3), ({}, 7), (None, 7), ({"n": None}, 50), ({"n": "x"}, 50), ({"n": True}, 50), ({"n": -1}, 0)],
)
def test_page_size_of_a_variable_counts(variables: dict[str, Any] | None, rows: int) -> None:
    assert cost("query($n: Int = 7) { invoices(first: $n) { nodes { id } } }", variables) == 2 + rows


def test_number_of_ids_in_a_variable_counts() -> None:
    assert cost("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 40}) == 41


@pytest.mark.parametrize(
    ("variables", "entries"),
    [
        ({"tags": ["a"] * 40, "filter": {"tags": ["b"] * 30}}, 100),
        ({"tags": ["a"] * 40}, 40),
        ({}, 2),
        ({"tags": "a"}, 0),
    ],
)
def test_entries_of_lists_in_variables_count(variables: dict[str, Any], entries: int) -> None:
    document = """
    query($tags: [String!] = ["x", "y"], $filter: Filter) {
      a: invoices(first: 0, tags: $tags, filter: $filter) { totalCount }
      b: invoices(first: 0, filter: $filter) { totalCount }
    }
    """

    assert cost(document, variables) == 4 + entries


def test_each_operation_of_a_document_has_its_own_cost() -> None:
    document = "query A { invoices(first: 1) { totalCount } } query B { invoices(first: 1) { nodes { id } } }"

    assert (cost(document, name="A"), cost(document, name="B"), cost(document), cost(document, name="C")) == (
        2,
        3,
        0,
        0,
    )


TOOLS = get_introspection_query(input_value_deprecation=True, specified_by_url=True, directive_is_repeatable=True)


@pytest.mark.parametrize(
    "document",
    [
        TOOLS,
        "{ __schema { types { name } } }",
        "{ __schema { types { fields { name args { name type { name } } } } } }",
        "{ __schema { types { fields { type { ofType { name } } } } directives { args { name } } } }",
        "{ __schema { types { enumValues { name } possibleTypes { name } } } }",
        "{ __schema { types { interfaces { name } inputFields { name } } } }",
        '{ __type(name: "Invoice") { fields { name args { name } } } }',
    ],
)
def test_introspection_costs_about_what_it_returns(document: str) -> None:
    answer = execute(schema._schema, parse(document))

    assert isinstance(answer, ExecutionResult)
    assert 0.9 < Costs(schema._schema, parse(document)).of().total / values(answer.data) < 2.5


def values(result: Any) -> int:
    """Count the fields of an answer."""
    if isinstance(result, list):
        return sum(map(values, result))
    return sum(1 + values(each) for each in result.values()) if isinstance(result, dict) else 0


def test_tools_may_introspect_by_default() -> None:
    assert Costs(schema._schema, parse(TOOLS)).of().total < Settings().max_cost / 2


@pytest.mark.parametrize(("type_name", "field"), LONGEST)
def test_field_that_holds_a_text_is_one_of_the_schema(type_name: str, field: str) -> None:
    assert field in getattr(schema._schema.type_map[type_name], "fields", {})


def test_no_leaf_weighs_less_than_the_longest_text_that_it_may_hold() -> None:
    """Each value stands for at most 500 characters of a short text, 200 of a long one; the byte limit bounds bodies."""
    bodies = {("WebhookEvent", "payloadText"), ("WebhookDryRun", "payload")}
    light = [
        (named.name, name, longest)
        for named in schema._schema.type_map.values()
        for name, declared in getattr(named, "fields", {}).items()
        if isinstance(declared, GraphQLField) and (named.name, name) not in bodies
        if (longest := longest_written(named.name, name, declared)) > 500 * weight(named.name, name, declared)
    ]

    assert light == []
    assert weight("Advert", "descriptionHtml", fields_of("Advert")["descriptionHtml"]) == 50
    assert weight("Variant", "notes", fields_of("Variant")["notes"]) == 50
    assert weight("Variant", "sku", fields_of("Variant")["sku"]) == 1


def fields_of(type_name: str) -> dict[str, GraphQLField]:
    return schema._schema.type_map[type_name].fields  # type: ignore[attr-defined,no-any-return]


def longest_written(type_name: str, name: str, declared: GraphQLField) -> int:
    """Characters of the longest text that an input of the same field may carry, asked of the rules themselves."""
    leaf = declaration_of(declared)
    if (type_name, name) in LONGEST:
        return LONGEST[type_name, name]
    if get_named_type(declared.type).name != "String" or not isinstance(leaf, Leaf):
        return 0
    return max(length for length in (1, 500, 10_000) for each in leaf.reads if takes(each, length))


def takes(name: str, length: int) -> bool:
    given = make_dataclass("Given", [(name, str)])("x" * length)
    return not value_problems(given)


async def test_long_texts_of_a_page_are_refused_under_many_names(conn: Connection) -> None:
    shown = " ".join(f"d{n}: description" for n in range(20))

    many = f"{{ variantsWhere(first: 100) {{ nodes {{ advert {{ ... on Advert {{ {shown} }} }} }} }} }}"
    one = "{ variantsWhere(first: 500) { nodes { notes advert { ... on Advert { description } } } } }"
    answer, page = await run_operation(conn, many), await run_operation(conn, one)

    assert answer.failures == [([], "COST_LIMIT")]
    assert page.errors == []


async def test_a_few_dry_runs_are_within_the_limit_and_many_are_not(conn: Connection) -> None:
    run = 'webhookDryRun(type: INVOICE, id: "x", queryString: "") { cost }'
    few, many = (f"{{ {' '.join(f'r{n}: {run}' for n in range(count))} }}" for count in (9, 10))

    refused = await run_operation(conn, many)

    assert Costs(schema._schema, parse(few)).of().total == 90_009
    assert refused.failures == [([], "COST_LIMIT")]


async def test_texts_under_many_names_are_refused(conn: Connection) -> None:
    shown = " ".join(f"a{n}: payloadSchema" for n in range(100))

    answer = await run_operation(conn, f"{{ webhooks(first: 500) {{ nodes {{ {shown} }} }} }}")
    page = await run_operation(conn, "{ webhooks(first: 50) { nodes { url queryString payloadSchema } } }")

    assert answer.failures == [([], "COST_LIMIT")]
    assert (page.errors, answer.statements) == ([], 0)


async def test_introspection_under_many_names_is_refused(conn: Connection) -> None:
    shown = "fragment T on __Type { fields { name args { name type { ...R } } type { ...R } } } "
    shown += "fragment R on __Type { name ofType { name ofType { name ofType { name description kind } } } }"

    answer = await run_operation(
        conn, f"{{ {' '.join(f'a{n}: __schema {{ types {{ ...T }} }}' for n in range(100))} }} {shown}"
    )

    assert answer.failures == [([], "COST_LIMIT")]


def test_fragments_that_spread_the_next_one_twice_are_looked_at_once_each() -> None:
    chain = " ".join(f"fragment F{n} on Invoice {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))
    document = f'{{ node(id: "x") {{ ...F0 }} }} {chain} fragment F30 on Invoice {{ id }}'

    assert Costs(SCHEMA, parse(document)).of() == Cost(total=1 + 2**30, visited=2 + 2 * 30 + 1)


def test_largest_cost_is_one_that_json_can_carry() -> None:
    chain = " ".join(f"fragment F{n} on Invoice {{ lines {{ invoice {{ ...F{n + 1} }} }} }}" for n in range(60))
    document = f'{{ node(id: "x") {{ ...F0 }} }} {chain} fragment F60 on Invoice {{ id }}'

    assert cost(document) == MAX_REPORTED


def test_refusal_gives_both_numbers() -> None:
    refusal = cost_error(Cost(total=101, visited=1), 100)

    assert refusal is not None
    assert refusal.extensions == {"code": "COST_LIMIT", "requested": 101, "maximum": 100}
    assert cost_error(Cost(total=100, visited=1), 100) is None


async def test_costly_operation_is_refused_before_it_is_executed(conn: Connection) -> None:
    answer = await run_operation(
        conn,
        "query($n: Int) { invoices(first: $n) { nodes { refundRequests { invoice { lineItems { id quantity } } } } } }",
        n=500,
    )

    assert answer.failures == [([], "COST_LIMIT")]
    assert answer.statements == 0


async def test_small_page_of_the_same_operation_is_executed(conn: Connection) -> None:
    answer = await run_operation(
        conn,
        "query($n: Int) { invoices(first: $n) { nodes { refundRequests { invoice { lineItems { id quantity } } } } } }",
        n=20,
    )

    assert answer.errors == []
    assert answer.data == {"invoices": {"nodes": []}}


DEAR = "query($id: ID!) { node(id: $id) { ... on Invoice { refundRequests { invoice { lineItems { id } } } } } }"


def test_stored_query_is_refused_when_it_costs_too_much() -> None:
    with pytest.raises(InvalidInput) as refused:
        stored_query(schema._schema, DEAR, WebhookKlass.INVOICE, max_cost=121)

    (message,) = refused.value.fields["attributes.queryString"]
    assert message.startswith("line 1, column 1: The operation may return 122 values; at most 121 are allowed.")


def test_stored_query_within_the_limit_is_taken() -> None:
    assert stored_query(schema._schema, DEAR, WebhookKlass.INVOICE, max_cost=122).text == DEAR


async def test_stored_query_is_rendered_after_the_limit_was_lowered_and_without_extensions(conn: Connection) -> None:
    context = Context.for_rendering(Reader(conn), OPERATOR, Settings(max_cost=100))

    body = await execute_stored_query(schema, stored_query(schema._schema, DEAR, WebhookKlass.INVOICE), 1, context)

    assert body == b'{"data":{"node":null}}'
