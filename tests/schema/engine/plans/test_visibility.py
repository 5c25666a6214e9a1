"""By plans, too, a seller sees its own alone: every relation path, with what is another's beside it."""

import os
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio
from graphql import REMOVE, FieldNode, Visitor, parse, print_ast, visit

from app.auth.viewers import Viewer
from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId
from schema.entities.declarations import ENTITIES
from tests.schema import walk
from tests.schema.marked import NODES, OPERATORS_NODES, MarkedRows, create_marked
from tests.schema.marks import hidden_in, seen_in
from tests.support.database import cloned_database
from tests.support.executors import by_plan, by_reference, fresh_plans
from tests.support.servers import DATABASE_VARIABLE, TEMPLATE_VARIABLE

pytestmark = pytest.mark.asyncio(loop_scope="module")


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


class _Planned(Visitor):
    """Takes out what keeps a seller's operation from being planned."""

    def enter_field(self, node: FieldNode, *_: object) -> Any:
        return REMOVE if node.name.value == "order" else None


async def test_every_relation_path_shows_a_seller_its_own_alone(conn: Connection, marked: MarkedRows) -> None:
    planned, seen, answers = fresh_plans(), set[str](), 0
    sellers = {owner: Viewer(SellerId(marked.rows["sellers", owner]["id"])) for owner in ("S1", "S2")}
    for name in sorted(set(NODES) - OPERATORS_NODES):
        if (ENTITIES[name].table.name, "S1") not in marked.rows:
            continue
        for document in walk.documents(name, 2):
            text = print_ast(visit(parse(document), _Planned()))
            # The other seller goes first: nothing of it may stay with the plan.
            for viewer, owner in (("S2", "S2"), ("S1", "S1"), ("S1", "S2")):
                variables = {"id": marked.id_of(name, owner)}
                expected = await by_reference(conn, text, variables, sellers[viewer])
                given = await by_plan(planned, conn, text, variables, sellers[viewer])
                assert given in (None, expected), (text, viewer, owner)
                if given is None or viewer == "S2":
                    continue
                answers += 1
                data = orjson.loads(given)["data"]
                assert hidden_in(data) == [], (text, owner)
                assert (data["node"] is None) == (owner == "S2")
                seen |= seen_in(data)

    assert answers > 100
    assert seen >= {"invoices", "line_items", "shipments", "refund_request_notes", "adverts", "variants", "sellers"}
