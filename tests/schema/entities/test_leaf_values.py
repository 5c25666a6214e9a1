"""Leaves are read without resolvers, with the answers that graphql-core gives by them."""

from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import strawberry
from graphql import parse, validate

from app.db.pool import Connection
from schema import schema
from schema.engine import execution
from schema.engine.documents import Documents
from schema.engine.execution import ReferenceExecution
from schema.engine.limits import RULES
from schema.entities.declarations import ENTITIES
from tests.schema import walk
from tests.schema.marked import NODES, create_marked


async def test_every_type_is_answered_as_by_its_resolvers(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    marked = await create_marked(conn)
    # An amount that does not fit GraphQL's Int is an error.
    await conn.execute(
        "update invoices set total_cents = 8000000000 where id = $1", marked.rows["invoices", "S2"]["id"]
    )
    asked = [
        (document, marked.id_of(name, owner))
        for name in NODES
        for owner in ("S1", "S2", "S0", "ALL")
        if (ENTITIES[name].table.name, owner) in marked.rows
        for document in walk.documents(name, 1)
    ]

    read = [await walk.ask(conn, document, id=one) for document, one in asked]
    monkeypatch.setattr(execution, "leaf_readers", lambda *_: {})
    resolved = [await walk.ask(conn, document, id=one) for document, one in asked]

    assert [orjson.dumps([one.data, one.errors]) for one in read] == [
        orjson.dumps([one.data, one.errors]) for one in resolved
    ]
    assert {code for one in read for _, code in one.failures} == {"INT_OVERFLOW"}


@strawberry.type
class Thing:
    name: str
    sizes: list[int | None]

    @strawberry.field
    async def later(self) -> str:
        return "later"


@strawberry.type
class Query:
    @strawberry.field
    def things(self) -> list[Thing | None]:
        error: Any = ValueError("no name")
        return [Thing(name="a", sizes=[1, None]), Thing(name=error, sizes=[]), Thing(name="c", sizes=[2**40])]


async def test_error_of_a_leaf_and_the_order_of_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    small = strawberry.Schema(query=Query, execution_context_class=ReferenceExecution)
    context = SimpleNamespace(loaders=SimpleNamespace(wait_for=lambda _: None))
    document = "{ things { sizes later __typename name } }"

    read = await small.execute(document, context_value=context)
    monkeypatch.setattr(execution, "leaf_readers", lambda *_: {})
    resolved = await small.execute(document, context_value=context)

    assert orjson.dumps(read.data) == orjson.dumps(resolved.data)
    assert [error.formatted for error in read.errors or ()] == [error.formatted for error in resolved.errors or ()]
    assert [error.path for error in read.errors or ()] == [["things", 1, "name"], ["things", 2, "sizes", 0]]


@pytest.mark.parametrize(
    "document",
    [
        "{ __typename @skip }",
        "{ __typename @nothing }",
        "{ node(id: $id) { id } }",
        "query($id: ID!) { __typename }",
        "query($id: ID!, $id: ID!) { node(id: $id) { id } }",
        "query($one: Invoice) { __typename }",
        "query($id: Int) { node(id: $id) { id } }",
        "{ node(id: $id) { ...F } } fragment F on Invoice { id }",
    ],
)
def test_document_has_the_errors_of_all_rules(document: str) -> None:
    by_all = [error.message for error in validate(schema._schema, parse(document), RULES)]

    assert [error.message for error in Documents().read(schema, document).errors] == by_all != []
