"""GraphQL over HTTP: the specification's audits, what a refusal looks like, and that nothing gives a 5xx."""

import asyncio
import base64
import json
import os
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query
from hypothesis import given, settings
from hypothesis import strategies as st

from app.docs.links import error_extensions
from schema.errors import CODES
from tests.clients import CLIENTS, needs_node_packages
from tests.support.platform import Platform, running_platform, settings_for
from tests.support.sources import server_modules


@pytest.fixture
async def reticent(database_url: str) -> AsyncIterator[Platform]:
    """An API that answers no introspection and allows little."""
    async with running_platform(
        settings_for(database_url, introspection=False, max_cost=100), with_worker=False
    ) as running:
        yield running


async def post(api: Platform, body: Any, **headers: str) -> httpx.Response:
    return await api.http.post(
        f"{api.url}/graphql", json=body, headers={"Authorization": f"Bearer {api.key}", **headers}
    )


@needs_node_packages
async def test_every_audit_of_graphql_over_http_passes(api: Platform) -> None:
    environment = {**os.environ, "GRAPHQL_URL": f"{api.url}/graphql", "GRAPHQL_KEY": api.key}

    process = await asyncio.create_subprocess_exec(
        "node", "audits/audit.mjs", cwd=CLIENTS, env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()

    *failed, totals = [json.loads(line) for line in output.splitlines()]
    assert failed == []
    assert totals == {"passed": 61, "audits": 61}


async def test_cost_is_reported_with_every_executed_operation(api: Platform) -> None:
    query = "query($n: Int) { invoices(first: $n) { nodes { id } } }"

    answers = [await api.graphql(query, {"n": size}) for size in (3, 4)]

    assert answers == [
        {"data": {"invoices": {"nodes": []}}, "extensions": {"cost": {"requested": 2 + size, "maximum": 100_000}}}
        for size in (3, 4)
    ]


async def test_too_costly_operation_is_refused_with_both_numbers(reticent: Platform) -> None:
    response = await post(
        reticent, {"query": "{ invoices(first: 99) { nodes { id } } }"}, Accept="application/graphql-response+json"
    )

    message = "The operation may return 101 values; at most 100 are allowed."
    advice = "Ask for smaller pages (first) or fewer nested lists."
    assert response.status_code == 400
    assert response.json() == {
        "errors": [
            {
                "message": f"{message} {advice}",
                "extensions": error_extensions("COST_LIMIT", requested=101, maximum=100),
            }
        ],
        "extensions": {"cost": {"requested": 101, "maximum": 100}},
    }


async def test_batch_is_refused_clearly(api: Platform) -> None:
    response = await post(api, [{"query": "{ __typename }"}, {"query": "{ __typename }"}])

    (error,) = response.json()["errors"]
    assert response.status_code == 400
    assert error["extensions"] == error_extensions("BATCHING_UNSUPPORTED")
    assert error["message"].startswith("Batches are not supported")


async def test_mutation_by_get_is_refused_and_the_way_is_named(api: Platform) -> None:
    response = await api.http.get(
        f"{api.url}/graphql",
        params={"query": "mutation { webhookCreate(input: {attributes: {}}) { status } }"},
        headers={"Authorization": f"Bearer {api.key}"},
    )

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["errors"][0]["extensions"] == error_extensions("METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    "query", [get_introspection_query(), '{ invoices { totalCount } __type(name: "Query") { name } }']
)
async def test_introspection_can_be_switched_off(reticent: Platform, query: str) -> None:
    answer = await reticent.graphql(query)

    assert answer == {
        "errors": [
            {"message": "Introspection is switched off here.", "extensions": error_extensions("INTROSPECTION_DISABLED")}
        ]
    }


SUGGESTING: dict[str, tuple[str, dict[str, Any]]] = {
    "field": ("{ invoces { totalCount } }", {}),
    "argument": ("{ invoices(frist: 1) { totalCount } }", {}),
    "type": ("query($f: InvoiceFilter) { invoices(filters: $f) { totalCount } }", {}),
    "enumeration": ("{ invoices(filters: {statuses: [SENTT]}) { totalCount } }", {}),
    "input field": ("{ invoices(filters: {statusess: [SENT]}) { totalCount } }", {}),
    "directive": ("{ invoices @skp(if: true) { totalCount } }", {}),
    "selection": ("{ invoices }", {}),
    "variable": (
        "query($f: InvoiceFilters) { invoices(filters: $f) { totalCount } }",
        {"f": {"createdSinc": "2026-01-01T00:00:00Z"}},
    ),
    "enumeration in a variable": (
        "query($f: InvoiceFilters) { invoices(filters: $f) { totalCount } }",
        {"f": {"statuses": ["SENTT"]}},
    ),
}


@pytest.mark.parametrize("case", SUGGESTING)
async def test_nothing_is_suggested_while_introspection_is_off(api: Platform, reticent: Platform, case: str) -> None:
    query, variables = SUGGESTING[case]

    open_, closed = await api.graphql(query, variables), await reticent.graphql(query, variables)

    suggesting = [error for error in open_["errors"] if "Did you mean" in error["message"]]
    assert suggesting or case == "directive"
    assert len(closed["errors"]) == len(open_["errors"])
    assert [error for error in closed["errors"] if "Did you mean" in error["message"]] == []


@pytest.mark.parametrize(
    ("filters", "column"),
    [
        ('{createdSince: "2026-13-45"}', 36),
        ("{createdSince: 5}", 36),
        ('{statuses: [SENT], createdSince: "x"}', 54),
        ("{statuses: [SENT, NOPE]}", 39),
    ],
)
async def test_wrong_literal_has_its_place(api: Platform, filters: str, column: int) -> None:
    answer = await api.graphql(f"{{ invoices(filters: {filters}) {{ totalCount }} }}")

    (error,) = answer["errors"]
    assert error["locations"] == [{"line": 1, "column": column}]
    assert error["extensions"] == error_extensions("GRAPHQL_VALIDATION_FAILED")


async def test_typename_and_the_page_need_no_introspection(reticent: Platform) -> None:
    data = await reticent.data("{ __typename invoices { __typename } }")
    page = await reticent.http.get(f"{reticent.url}/graphql", headers={"Accept": "text/html"})

    assert data == {"__typename": "Query", "invoices": {"__typename": "InvoicesConnection"}}
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"query": "{ a: __typename } { b: __typename }"}, 400, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A { __typename } query B { __typename }"}, 400, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query A { __typename }", "operationName": "C"}, 400, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "{"}, 200, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ unknown }"}, 200, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query($n: Int!) { invoices(first: $n) { totalCount } }"}, 200, "BAD_USER_INPUT"),
        (
            {"query": "query($n: Int) { invoices(first: $n) { totalCount } }", "variables": {"n": 10**18}},
            200,
            "BAD_USER_INPUT",
        ),
        ({"query": "{ invoices(first: 501) { totalCount } }"}, 200, "BAD_USER_INPUT"),
        ({"query": '{ invoices(after: "x") { totalCount } }'}, 200, "BAD_USER_INPUT"),
    ],
)
async def test_every_error_has_a_code(api: Platform, body: dict[str, Any], status: int, code: str) -> None:
    response = await post(api, body)

    assert response.status_code == status
    assert {error["extensions"]["code"] for error in response.json()["errors"]} == {code}


async def test_wrong_variables_are_a_request_error(api: Platform) -> None:
    body = {"query": "query($n: Int) { invoices(first: $n) { totalCount } }", "variables": {"n": "many"}}

    response = await post(api, body, Accept="application/graphql-response+json")

    assert response.status_code == 400
    assert "data" not in response.json()


@pytest.mark.parametrize("headers", ["{}", "9" * 5_000, '{a: "b"}', "[[[[1]]]]"])
async def test_literal_that_no_parser_takes_is_the_clients_error(api: Platform, headers: str) -> None:
    attributes = f'{{url: "https://example.com/", type: INVOICE, headers: {headers}}}'

    response = await post(
        api, {"query": f"mutation {{ webhookCreate(input: {{attributes: {attributes}}}) {{ status }} }}"}
    )

    assert response.status_code == 200
    assert {error["extensions"]["code"] for error in response.json().get("errors", [])} <= {"GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    "query",
    [
        "{ nodes(ids: %s) { id } }",
        "query($ids: [ID!]! = %s) { nodes(ids: $ids) { id } }",
        "{ node(id: %s) { id } }",
        "{ invoices(first: %s) { totalCount } }",
        "query($n: Int = %s) { invoices(first: $n) { totalCount } }",
        "query($n: Int = %s) { invoices(last: $n) { nodes { id } } }",
        "{ advertsWhere(legacyIds: [%s]) { totalCount } }",
        "{ webhookExplain(webhookId: %s, entityId: %s, first: %s) { changes { reason } } }",
    ],
)
async def test_a_number_of_thousands_of_digits_is_the_clients_error(api: Platform, query: str) -> None:
    document = query.replace("%s", "1" * 5_000)

    # Once by the reference executor and, from the third on, perhaps by a plan.
    for _ in range(4):
        response = await post(api, {"query": document})

        assert response.status_code == 200
        assert response.json()["errors"]
        codes = {error["extensions"]["code"] for error in response.json()["errors"]}
        assert codes <= {"GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT", "COST_LIMIT"}, codes


def test_every_code_that_is_sent_is_explained() -> None:
    pattern = re.compile(
        r'(?:code=|"code": |error_extensions\(|(?:BadRequest|refuse)\(\s*\d+,\s*|code, status = )"([A-Z_]+)"',
        flags=re.DOTALL,
    )

    found = {code for path in server_modules("app", "schema") for code in pattern.findall(path.read_text())}

    assert found <= CODES.keys()
    assert {"COST_LIMIT", "UNAUTHENTICATED", "BATCHING_UNSUPPORTED", "NOT_FOUND"} <= found


IDS = st.one_of(
    st.text(max_size=40),
    st.text(max_size=30).map(lambda text: base64.b64encode(text.encode("utf-8", "replace")).decode()),
    st.builds(
        lambda name, key: base64.b64encode(f"{name}-{key}".encode()).decode(),
        st.sampled_from(["Invoice", "Order", "Webhook", "WebhookEvent", "Seller", "Variant", "PageInfo", "Query"]),
        st.one_of(st.integers(), st.integers(min_value=0, max_value=2**63), st.just("007")),
    ),
)
JUNK = """
query($id: ID!, $text: String!) {
  node(id: $id) { __typename }
  nodes(ids: [$id, $id]) { id }
  webhookEvents(webhookId: $id) { totalCount nodes { id } }
  invoices(after: $text) { nodes { id } }
  variantsWhere(before: $text, last: 1) { nodes { id } }
}
"""


@settings(max_examples=60)
@given(given_id=IDS, text=st.one_of(IDS, st.text(max_size=60)))
async def test_junk_ids_and_cursors_are_no_fault_of_the_server(api: Platform, given_id: str, text: str) -> None:
    response = await post(api, {"query": JUNK, "variables": {"id": given_id, "text": text}})

    codes = {error["extensions"]["code"] for error in response.json().get("errors", [])}
    assert response.status_code == 200
    assert codes <= {"BAD_USER_INPUT", "NOT_FOUND"}
