"""Whatever way a seller asks, nothing that is another's answers. Generated from the schema, so that what is
declared later is walked, too.
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

from app.auth import OPERATOR, Scope, Viewer
from app.db.pool import Connection
from app.db.sellers import SellerId
from app.domain.webhook import WebhookKlass
from schema.declarations import ENTITIES
from schema.stored.execute import execute_stored_query, render_stored_query
from schema.stored.validate import stored_query
from tests.schema import walk
from tests.schema.marked import OPERATORS_OWN, UNMARKED, Marked, create_marked
from tests.support.database import cloned_database
from tests.support.servers import DATABASE_VARIABLE, TEMPLATE_VARIABLE

pytestmark = pytest.mark.asyncio(loop_scope="module")

NODES = sorted(name for name, entity in ENTITIES.items() if entity.is_node and not entity.is_stand_in)
OPERATORS_NODES = {name for name in NODES if ENTITIES[name].table.name in OPERATORS_OWN}
LISTS = sorted(set(walk.GRAPH.query_type.fields) - {"node", "nodes", "order", "apiKeyPrincipal", "webhookDryRun"})  # type: ignore[union-attr]
OPERATORS_LISTS = {"updatedOrders"}
DEPTH = 4
_HIDDEN = range(8_000_000, 10_000_000)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def conn() -> AsyncIterator[Connection]:
    async with cloned_database(os.environ[DATABASE_VARIABLE], os.environ[TEMPLATE_VARIABLE]) as url:
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def marked(conn: Connection) -> Marked:
    return await create_marked(conn)


@pytest.fixture
def seller(marked: Marked) -> Viewer:
    return Viewer(SellerId(marked.rows["sellers", "S1"]["id"]))


def hidden_in(answer: Any) -> list[str]:
    """Every value, deep inside, that is marked as seller 2's or as the operator's own."""
    if isinstance(answer, dict):
        return [found for key, value in answer.items() for found in (*hidden_in(key), *hidden_in(value))]
    if isinstance(answer, list):
        return [found for value in answer for found in hidden_in(value)]
    return [str(answer)] if _is_hidden(answer) else []


def _is_hidden(value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        return int(value) in _HIDDEN or round(value * 100_000) in _HIDDEN
    if re.search(r"S[02]-|2082-", value) or _in_global_id(value):
        return True
    digits = re.sub(r"\D", "", value)
    return not re.search("[A-Za-z]", value) and digits != "" and int(digits) in _HIDDEN


def _in_global_id(value: str) -> bool:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return False
    number = re.fullmatch(r"[A-Za-z]+-(\d+)", text)
    return number is not None and int(number[1]) in _HIDDEN


def seen_in(answer: Any) -> set[str]:
    """The tables whose rows of seller 1 an answer shows."""
    return set(re.findall(r"S1-([a-z_]+)-", orjson.dumps(answer).decode()))


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
    conn: Connection, marked: Marked, seller: Viewer
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


async def test_operator_sees_by_the_same_paths_what_a_seller_does_not(conn: Connection, marked: Marked) -> None:
    """Were there nothing to see, the walk would prove nothing."""
    found: set[str] = set()
    for name in sorted(set(NODES) - {"Money"}):
        owner = next(of for of in ("S2", "S0", "ALL") if (ENTITIES[name].table.name, of) in marked.rows)
        for document in walk.documents(name, 2):
            answer = await walk.ask(conn, document, id=marked.id_of(name, owner))
            found |= set(re.findall(r"S[02]-([a-z_]+)-", orjson.dumps(answer.data).decode()))

    assert found >= _shown_tables(marked) | OPERATORS_OWN


async def test_crossing_links_are_there(conn: Connection, marked: Marked, seller: Viewer) -> None:
    """The other seller's rows that hang on seller 1's: the operator counts them, seller 1 does not."""
    document = "query($id: ID!) { node(id: $id) { ... on Advert { variants { totalCount } } } }"
    advert = marked.id_of("Advert", "S1")

    all_ = await walk.ask(conn, document, id=advert)
    own = await walk.ask(conn, document, viewer=seller, id=advert)

    assert all_.data["node"]["variants"]["totalCount"] > own.data["node"]["variants"]["totalCount"] > 0


async def test_nodes_are_null_for_what_is_anothers(conn: Connection, marked: Marked, seller: Viewer) -> None:
    names = [name for name in NODES if (ENTITIES[name].table.name, "S2") in marked.rows]
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"

    hidden = await walk.ask(conn, document, viewer=seller, ids=[marked.id_of(name, "S2") for name in names])
    own = await walk.ask(conn, document, viewer=seller, ids=[marked.id_of(name, "S1") for name in names])

    assert (hidden.data["nodes"], hidden.errors) == ([None] * len(names), [])
    assert [node["id"] for node in own.data["nodes"]] == [marked.id_of(name, "S1") for name in names]


@pytest.mark.parametrize("name", sorted(OPERATORS_NODES))
async def test_operators_own_is_a_permission_error(conn: Connection, marked: Marked, seller: Viewer, name: str) -> None:
    document = "query($id: ID!) { node(id: $id) { id } }"

    answer = await walk.ask(conn, document, viewer=seller, id=marked.id_of(name, "S0"))

    assert (answer.data, answer.failures) == ({"node": None}, [(["node"], "FORBIDDEN")])


async def test_order_is_a_permission_error(conn: Connection, marked: Marked, seller: Viewer) -> None:
    document = (
        'query($id: ID!) { order(orderId: $id) { token } updatedOrders(updatedSince: "2000-01-01") { totalCount } }'
    )

    answer = await walk.ask(conn, document, viewer=seller, id=marked.id_of("Order", "S0"))
    whole = await walk.ask(conn, document, id=marked.id_of("Order", "S0"))

    assert answer.data == {"order": None, "updatedOrders": None}
    assert sorted(answer.failures) == [(["order"], "FORBIDDEN"), (["updatedOrders"], "FORBIDDEN")]
    assert whole.data["order"]["token"].startswith("S0-")


@pytest.mark.parametrize("name", sorted(set(LISTS) - OPERATORS_LISTS))
async def test_list_shows_a_seller_its_own_alone(conn: Connection, marked: Marked, seller: Viewer, name: str) -> None:
    field, rows = walk.listed(name)
    document, variables = walk.call("query", name, field, rows % walk.selection(walk.row_type(field), 2))

    answer = await walk.ask(conn, document, viewer=seller, **variables)

    assert hidden_in([answer.data, answer.errors]) == []
    assert {code for _, code in answer.failures} <= {"FORBIDDEN"}
    shown = answer.data[name] if isinstance(answer.data[name], list) else answer.data[name]["nodes"]
    assert len(shown) > 0
    assert isinstance(answer.data[name], list) or answer.data[name]["totalCount"] == len(shown)


FILTERS = [
    (name, path, kind)
    for name in sorted(set(LISTS) - OPERATORS_LISTS)
    for path, kind in walk.filters_of(walk.listed(name)[0])
]


@pytest.mark.parametrize(("name", "path", "kind"), FILTERS, ids=[".".join((name, *path)) for name, path, _ in FILTERS])
async def test_what_matches_anothers_row_alone_matches_nothing(
    conn: Connection, marked: Marked, seller: Viewer, name: str, path: tuple[str, ...], kind: Any
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


def only_of_seller_2(marked: Marked, name: str, path: tuple[str, ...]) -> dict[str, Any]:
    """Arguments of a list with one filter that is met by rows of seller 2 and of nobody else who is not hidden."""
    *outer, leaf = path
    values = _values(marked, "advertsWhere" if outer == ["advertFilters"] else name)
    assert leaf in values or leaf.endswith(("Since", "Until")), f"say here what of seller 2's {leaf} is to match"
    given = {leaf: values[leaf]} if leaf in values else {}
    if leaf.endswith(("Since", "Until")):
        given = {f"{leaf[:-5]}Since": "2080-01-01T00:00:00Z"}
        if leaf.endswith("Until"):
            given[leaf] = "2084-01-01T00:00:00Z"
    if leaf == "quantityTo":
        given["quantityFrom"] = _HIDDEN.start
    return {outer[0]: given} if outer else given


def _values(marked: Marked, name: str) -> dict[str, Any]:
    invoice, advert, variant, seller = (
        marked.rows[table, "S2"] for table in ("invoices", "adverts", "variants", "sellers")
    )
    tables = {"refundRequests": "refund_requests", "invoiceAmendments": "invoice_amendments", "advertsWhere": "adverts"}
    listed = marked.rows[tables.get(name, "invoices"), "S2"]["id"]
    external = {of: marked.rows[f"external_ids of {of}", "S2"] for of in ("Invoice", "Variant", "Advert")}
    pair = external["Variant" if name == "variantsWhere" else "Advert"]
    return {
        "awaitingCollection": True,
        "awaitingReturn": True,
        "barcodes": [variant["barcode"]],
        "brandIds": [marked.id_of("Brand", "ALL")],
        "businessName": seller["business_name"],
        "buyerEmailAddress": invoice["buyer_email_address"],
        "buyerName": invoice["buyer_surname"],
        "codes": [advert["code"]],
        "conditions": ["USED"],
        "entityId": marked.id_of("Invoice", "S2"),
        "eventNames": ["DESTROY"],
        "externalId": external["Invoice"]["value"] if name == "invoices" else {k: pair[k] for k in ("key", "value")},
        "infiniteQuantity": True,
        "invoiceLegacyId": invoice["id"],
        "key": external["Invoice"]["key"],
        "kinds": [marked.rows["operational_events", "S2"]["kind"]],
        "legacyId": listed,
        "legacyIds": [listed],
        "lineItemStatuses": [marked.rows["refund_request_line_items", "S2"]["status"]],
        "notDispatched": True,
        "online": False,
        "orderId": marked.rows["orders", "S0"]["id"],
        "ownerType": "Order",
        "published": False,
        "q": advert["title"],
        "quantityFrom": _HIDDEN.start,
        "quantityTo": _HIDDEN.stop,
        "retailerIds": [marked.id_of("Seller", "S2")],
        "sellerId": marked.id_of("Seller", "S2"),
        "sellerIds": [marked.id_of("Seller", "S2")],
        "skus": [variant["sku"]],
        "states": ["FAILED"],
        "status": "NOT_DISPLAYED",
        "statuses": ["READY"] if name == "invoices" else [marked.rows["refund_requests", "S2"]["status"]],
        "stocked": True,
        "taxonIds": [marked.id_of("Taxon", "ALL")],
        "title": advert["title"],
        "value": external["Invoice"]["value"],
        "values": [external["Invoice"]["value"]],
        "variantBarcodes": [row["barcode"] for row in marked.all_rows["variants", "S2"]],
        "variantSkus": [row["sku"] for row in marked.all_rows["variants", "S2"]],
        "vetted": False,
        "webhookId": marked.id_of("Webhook", "S2"),
    }  # fmt: skip


@pytest.mark.parametrize("klass", [klass for klass in WebhookKlass if klass.entity_type not in OPERATORS_NODES])
async def test_stored_query_shows_a_seller_its_own_alone(
    conn: Connection, marked: Marked, seller: Viewer, klass: WebhookKlass
) -> None:
    name = klass.entity_type
    queries = [stored_query(walk.GRAPH, document, klass) for document in walk.documents(name, DEPTH)]
    context = walk.unlimited(conn, seller, sees_deleted=True)
    own, others = (marked.rows[ENTITIES[name].table.name, owner]["id"] for owner in ("S1", "S2"))

    for query in queries:
        rendered = await render_stored_query(query, [own, others], context)
        executed = await execute_stored_query(query, own, context)

        for body in (rendered[own], executed):
            assert hidden_in(orjson.loads(body)) == []
            assert orjson.loads(body)["data"]["node"]
        assert rendered[others] == b'{"data":{"node":null}}'


def _root_fields(operation: str) -> Iterator[tuple[str, Any]]:
    root = walk.GRAPH.query_type if operation == "query" else walk.GRAPH.mutation_type
    assert root is not None
    yield from root.fields.items()


ROOT_FIELDS = [
    (operation, name, field)
    for operation in ("query", "mutation")
    for name, field in _root_fields(operation)
    if name != "apiKeyPrincipal"
]


@pytest.mark.parametrize(("operation", "name", "field"), ROOT_FIELDS, ids=[name for _, name, _ in ROOT_FIELDS])
async def test_root_field_refuses_a_key_without_its_scope(
    conn: Connection, seller: Viewer, operation: str, name: str, field: Any
) -> None:
    writing = Scope.WRITE if operation == "mutation" else Scope.READ
    needed = Scope.WEBHOOKS if name.startswith(("webhook", "operational")) else writing
    document, variables = walk.call(operation, name, field, "__typename")

    for viewer in (seller, OPERATOR):
        lacking = Viewer(viewer.seller_id, frozenset(Scope) - {needed})
        answer = await walk.ask(conn, document, viewer=lacking, **variables)

        assert [code for _, code in answer.failures] == ["MISSING_SCOPE"], answer.errors
        assert f"{needed.value!r}" in answer.errors[0]["message"]
        assert answer.errors[0]["path"][0] == name


async def test_node_of_a_webhook_needs_the_scope_of_webhooks(conn: Connection, marked: Marked, seller: Viewer) -> None:
    lacking = Viewer(seller.seller_id, frozenset({Scope.READ, Scope.WRITE}))
    document = "query($id: ID!) { node(id: $id) { id } }"

    answers = [
        await walk.ask(conn, document, viewer=lacking, id=marked.id_of(name, "S1"))
        for name in NODES
        if ENTITIES[name].scope is Scope.WEBHOOKS
    ]

    assert len(answers) >= 2
    assert all(answer.failures == [(["node"], "MISSING_SCOPE")] for answer in answers)


async def test_key_without_scopes_is_told_who_it_is(conn: Connection, marked: Marked, seller: Viewer) -> None:
    document = "{ apiKeyPrincipal { type scopes seller { businessName } } }"
    bare = Viewer(seller.seller_id, frozenset())

    told = await walk.ask(conn, document, viewer=seller)
    refused = await walk.ask(conn, document, viewer=bare)
    operator = await walk.ask(conn, document)

    scopes = ["READ", "WRITE", "WEBHOOKS"]
    name = marked.rows["sellers", "S1"]["business_name"]
    assert told.data["apiKeyPrincipal"] == {"type": "SELLER", "scopes": scopes, "seller": {"businessName": name}}
    assert refused.data["apiKeyPrincipal"] == {"type": "SELLER", "scopes": [], "seller": None}
    assert refused.failures == [(["apiKeyPrincipal", "seller"], "MISSING_SCOPE")]
    assert operator.data["apiKeyPrincipal"] == {"type": "OPERATOR", "scopes": scopes, "seller": None}


def _shown_tables(marked: Marked) -> set[str]:
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
