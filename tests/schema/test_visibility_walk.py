"""Whatever way a seller asks, nothing that is another's answers. Generated from the schema, so that what is
declared later is walked, too.

Above 300 lines: the walk, and the marketplace of two sellers that it goes through, read as one.
"""

import base64
import os
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio

from app.auth.viewers import OPERATOR, Scope, Viewer
from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.entities.declarations import ENTITIES
from schema.stored.execute import execute_stored_query, render_stored_query
from schema.stored.validate import stored_query
from tests.schema import walk
from tests.schema.marked import EVERYBODYS, NODES, OPERATORS_NODES, OPERATORS_OWN, UNMARKED, MarkedRows, create_marked
from tests.schema.marked_filters import only_of_seller_2
from tests.schema.marks import hidden_in, seen_in
from tests.support.database import cloned_database
from tests.support.servers import DATABASE_VARIABLE, TEMPLATE_VARIABLE

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: `webhookDigests` is of one webhook: tests/schema/mutations/webhooks/test_webhook_reconcile.py.
#: `deliveryStatistics` is of one owner: tests/schema/queries/test_delivery_statistics.py.
_NO_LISTS = {
    "apiKeyPrincipal",
    "deliveryStatistics",
    "node",
    "nodes",
    "order",
    "webhookDigests",
    "webhookDryRun",
    "webhookExplain",
    "webhookRecipes",
}
LISTS = sorted(set(walk.GRAPH.query_type.fields) - _NO_LISTS)  # type: ignore[union-attr]
OPERATORS_LISTS = {"apiKeys", "commissionPackages", "updatedOrders"}
#: What everybody sees hides nothing from anybody.
SELLERS_KLASSES = [
    klass
    for klass in WebhookKlass
    if klass.entity_type not in OPERATORS_NODES and ENTITIES[klass.entity_type].table.name not in EVERYBODYS
]
DEPTH = 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def conn() -> AsyncIterator[Connection]:
    async with cloned_database(os.environ[DATABASE_VARIABLE], os.environ[TEMPLATE_VARIABLE]) as url:
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def marked(conn: Connection) -> MarkedRows:
    return await create_marked(conn)


@pytest.fixture
def seller(marked: MarkedRows) -> Viewer:
    return Viewer(SellerId(marked.rows["sellers", "S1"]["id"]))


@pytest.mark.parametrize(
    "value",
    [
        "x S2-a-b-1 y",
        "S0-a",
        "2082-03-04T00:00:00+00:00",
        8_000_123,
        80.00123,
        "$80,001.23",
        "80001.23",
        base64.b64encode(b"Invoice-8000001").decode(),
        {"a": ["S2-x"]},
    ],
)
async def test_a_mark_is_found_wherever_it_is(value: Any) -> None:
    assert len(hidden_in({"deep": [value]})) == 1


async def test_every_relation_path_shows_a_seller_its_own_alone(
    conn: Connection, marked: MarkedRows, seller: Viewer
) -> None:
    seen: set[str] = set()
    for name in sorted(set(NODES) - OPERATORS_NODES):
        for document in walk.documents(name, DEPTH):
            for owner in ("S1", "S2") if (ENTITIES[name].table.name, "S1") in marked.rows else ("ALL",):
                answer = await walk.ask(conn, document, viewer=seller, id=marked.id_of(name, owner))

                assert hidden_in([answer.data, answer.errors]) == [], (name, owner, document)
                assert {code for _, code in answer.failures} <= {"FORBIDDEN"}, answer.errors
                assert owner != "S2" or answer.data == {"node": None}
                assert owner == "S2" or answer.data["node"] is not None
                seen |= seen_in(answer.data)

    assert seen >= _shown_tables(marked)


async def test_operator_sees_by_the_same_paths_what_a_seller_does_not(conn: Connection, marked: MarkedRows) -> None:
    """Were there nothing to see, the walk would prove nothing."""
    found: set[str] = set()
    for name in sorted(set(NODES) - {"Money"}):
        owner = next(of for of in ("S2", "S0", "ALL") if (ENTITIES[name].table.name, of) in marked.rows)
        for document in walk.documents(name, 2):
            answer = await walk.ask(conn, document, id=marked.id_of(name, owner))
            found |= set(re.findall(r"S[02]-([a-z_]+)-", orjson.dumps(answer.data).decode()))

    assert found >= _shown_tables(marked) | OPERATORS_OWN


async def test_crossing_links_are_there(conn: Connection, marked: MarkedRows, seller: Viewer) -> None:
    """The other seller's rows that hang on seller 1's: the operator counts them, seller 1 does not."""
    document = "query($id: ID!) { node(id: $id) { ... on Advert { variants { totalCount } } } }"
    advert = marked.id_of("Advert", "S1")

    all_ = await walk.ask(conn, document, id=advert)
    own = await walk.ask(conn, document, viewer=seller, id=advert)

    assert all_.data["node"]["variants"]["totalCount"] > own.data["node"]["variants"]["totalCount"] > 0


async def test_nodes_are_null_for_what_is_anothers(conn: Connection, marked: MarkedRows, seller: Viewer) -> None:
    names = [name for name in NODES if (ENTITIES[name].table.name, "S2") in marked.rows]
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"

    hidden = await walk.ask(conn, document, viewer=seller, ids=[marked.id_of(name, "S2") for name in names])
    own = await walk.ask(conn, document, viewer=seller, ids=[marked.id_of(name, "S1") for name in names])

    assert (hidden.data["nodes"], hidden.errors) == ([None] * len(names), [])
    assert [node["id"] for node in own.data["nodes"]] == [marked.id_of(name, "S1") for name in names]


@pytest.mark.parametrize("name", sorted(OPERATORS_NODES))
async def test_operators_own_is_a_permission_error(
    conn: Connection, marked: MarkedRows, seller: Viewer, name: str
) -> None:
    document = "query($id: ID!) { node(id: $id) { id } }"

    answer = await walk.ask(conn, document, viewer=seller, id=marked.id_of(name, "S0"))

    assert (answer.data, answer.failures) == ({"node": None}, [(["node"], "FORBIDDEN")])


async def test_order_is_a_permission_error(conn: Connection, marked: MarkedRows, seller: Viewer) -> None:
    document = (
        'query($id: ID!) { order(orderId: $id) { token } updatedOrders(updatedSince: "2000-01-01") { totalCount } }'
    )

    answer = await walk.ask(conn, document, viewer=seller, id=marked.id_of("Order", "S0"))
    whole = await walk.ask(conn, document, id=marked.id_of("Order", "S0"))

    assert answer.data == {"order": None, "updatedOrders": None}
    assert sorted(answer.failures) == [(["order"], "FORBIDDEN"), (["updatedOrders"], "FORBIDDEN")]
    assert whole.data["order"]["token"].startswith("S0-")


@pytest.mark.parametrize("name", sorted(set(LISTS) - OPERATORS_LISTS))
async def test_list_shows_a_seller_its_own_alone(
    conn: Connection, marked: MarkedRows, seller: Viewer, name: str
) -> None:
    field, rows = walk.listed(name)
    document, variables = walk.call("query", name, field, rows % walk.selection(walk.row_type(field), 2))

    answer = await walk.ask(conn, document, viewer=seller, **variables)

    assert hidden_in([answer.data, answer.errors]) == []
    assert {code for _, code in answer.failures} <= {"FORBIDDEN"}
    shown = answer.data[name] if isinstance(answer.data[name], list) else answer.data[name]["nodes"]
    assert len(shown) > 0
    assert isinstance(answer.data[name], list) or answer.data[name]["totalCount"] == len(shown)


#: It asks whether the remittance itself names an amendment, whoever sees that one.
OF_ITSELF = {("remittances", ("remittableType",))}
#: Taxons are everybody's.
FILTERS = [
    (name, path, kind)
    for name in sorted(set(LISTS) - OPERATORS_LISTS - {"taxons"})
    for path, kind in walk.filters_of(walk.listed(name)[0])
    if (name, path) not in OF_ITSELF
]


@pytest.mark.parametrize(("name", "path", "kind"), FILTERS, ids=[".".join((name, *path)) for name, path, _ in FILTERS])
async def test_what_matches_anothers_row_alone_matches_nothing(
    conn: Connection, marked: MarkedRows, seller: Viewer, name: str, path: tuple[str, ...], kind: Any
) -> None:
    field, rows = walk.listed(name)
    given = only_of_seller_2(marked, name, path)
    document, variables = walk.call("query", name, field, rows % "__typename", **given)

    for_seller = await walk.ask(conn, document, viewer=seller, **variables)
    for_operator = await walk.ask(conn, document, **variables)

    empty: Any = [] if field.type == walk.listed("externalIds")[0].type else {"totalCount": 0, "nodes": []}
    assert (for_seller.data, for_seller.errors) == ({name: empty}, [])
    assert for_operator.errors == []
    assert for_operator.data[name] not in (empty, None)


@pytest.mark.parametrize("klass", SELLERS_KLASSES)
async def test_stored_query_shows_a_seller_its_own_alone(
    conn: Connection, marked: MarkedRows, seller: Viewer, klass: WebhookKlass
) -> None:
    name = klass.entity_type
    queries = [stored_query(walk.GRAPH, document, klass) for document in walk.documents(name, DEPTH)]
    context = walk.unlimited(conn, seller, is_rendering=True)
    own, others = (marked.rows[ENTITIES[name].table.name, owner]["id"] for owner in ("S1", "S2"))

    for query in queries:
        rendered = await render_stored_query(schema, query, [own, others], context)
        executed = await execute_stored_query(schema, query, own, context)

        for body in (rendered[own], executed):
            assert hidden_in(orjson.loads(body)) == []
            assert orjson.loads(body)["data"]["node"]
        assert rendered[others] == b'{"data":{"node":null}}'


async def test_explanation_shows_a_seller_its_own_alone(conn: Connection, marked: MarkedRows, seller: Viewer) -> None:
    field, _ = walk.listed("webhookExplain")
    document, variables = walk.call("query", "webhookExplain", field, "changes { operation changed }")
    variables["webhookId"] = marked.id_of("Webhook", "S1")

    own, others, of_others_webhook = [
        await walk.ask(conn, document, viewer=seller, **variables | given)
        for given in (
            {"entityId": marked.id_of("Invoice", "S1")},
            {"entityId": marked.id_of("Invoice", "S2")},
            {"entityId": marked.id_of("Invoice", "S1"), "webhookId": marked.id_of("Webhook", "S2")},
        )
    ]

    assert own.data["webhookExplain"]["changes"]
    assert others.data == {"webhookExplain": {"changes": []}}
    assert of_others_webhook.data == {"webhookExplain": None}


def _root_fields(operation: str) -> Iterator[tuple[str, Any]]:
    root = walk.GRAPH.query_type if operation == "query" else walk.GRAPH.mutation_type
    assert root is not None
    yield from root.fields.items()


ROOT_FIELDS = [
    (operation, name, field)
    for operation in ("query", "mutation")
    for name, field in _root_fields(operation)
    if name not in ("apiKeyPrincipal", "webhookRecipes")
]


@pytest.mark.parametrize(("operation", "name", "field"), ROOT_FIELDS, ids=[name for _, name, _ in ROOT_FIELDS])
async def test_root_field_refuses_a_key_without_its_scope(
    conn: Connection, seller: Viewer, operation: str, name: str, field: Any
) -> None:
    writing = Scope.WRITE if operation == "mutation" else Scope.READ
    needed = Scope.KEYS if name.startswith("apiKey") else writing
    if name.startswith("audit"):
        needed = Scope.AUDIT
    if name.startswith(("webhook", "operational", "delivery", "changeEvents")):
        needed = Scope.WEBHOOKS
    document, variables = walk.call(operation, name, field, "__typename")

    for viewer in (seller, OPERATOR):
        lacking = Viewer(viewer.seller_id, frozenset(Scope) - {needed})
        answer = await walk.ask(conn, document, viewer=lacking, **variables)

        assert [code for _, code in answer.failures] == ["MISSING_SCOPE"], answer.errors
        assert f"{needed.value!r}" in answer.errors[0]["message"]
        assert answer.errors[0]["path"][0] == name


async def test_node_of_a_webhook_needs_the_scope_of_webhooks(
    conn: Connection, marked: MarkedRows, seller: Viewer
) -> None:
    lacking = Viewer(seller.seller_id, frozenset({Scope.READ, Scope.WRITE}))
    document = "query($id: ID!) { node(id: $id) { id } }"

    answers = [
        await walk.ask(conn, document, viewer=lacking, id=marked.id_of(name, "S1"))
        for name in NODES
        if ENTITIES[name].scope is Scope.WEBHOOKS
    ]

    assert len(answers) >= 2
    assert all(answer.failures == [(["node"], "MISSING_SCOPE")] for answer in answers)


async def test_key_without_scopes_is_told_who_it_is(conn: Connection, marked: MarkedRows, seller: Viewer) -> None:
    document = "{ apiKeyPrincipal { type scopes seller { businessName } } }"
    bare = Viewer(seller.seller_id, frozenset())

    told = await walk.ask(conn, document, viewer=seller)
    refused = await walk.ask(conn, document, viewer=bare)
    operator = await walk.ask(conn, document)

    scopes = ["READ", "WRITE", "WEBHOOKS", "AUDIT", "KEYS"]
    name = marked.rows["sellers", "S1"]["business_name"]
    assert told.data["apiKeyPrincipal"] == {"type": "SELLER", "scopes": scopes, "seller": {"businessName": name}}
    assert refused.data["apiKeyPrincipal"] == {"type": "SELLER", "scopes": [], "seller": None}
    assert refused.failures == [(["apiKeyPrincipal", "seller"], "MISSING_SCOPE")]
    assert operator.data["apiKeyPrincipal"] == {"type": "OPERATOR", "scopes": scopes, "seller": None}


def _shown_tables(marked: MarkedRows) -> set[str]:
    """The tables with rows of each seller that have a text of their own to show."""
    return {
        table
        for table, owner in marked.rows
        if owner == "S1"
        and " " not in table
        and any(
            column.type == "text" and not column.allowed and column.name not in UNMARKED
            for column in marked.columns[table]
        )
    }
