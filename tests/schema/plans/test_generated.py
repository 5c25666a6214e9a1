"""An operation by its plan gives what the reference executor gives, byte for byte, whatever is asked."""

import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_required_argument
from structlog.testing import capture_logs

from app.auth import OPERATOR, Scope, Viewer
from app.db.keyset import BY_ID, Sort, encode_cursor
from app.db.table import Table
from schema import global_ids
from schema.declarations import ENTITIES, Listing
from schema.plans.declared import declaration_of
from tests.builders.difficult_sales import create_difficult_sales
from tests.schema.marked import create_marked
from tests.support.api_documents import GRAPH, requests
from tests.support.database import cloned_database
from tests.support.executors import by_plan, by_reference, fresh_plans
from tests.support.servers import DATABASE_VARIABLE, TEMPLATE_VARIABLE

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Operations of the usual run; the nightly mode has more.
NUMBER = 2_000 * int(os.environ.get("TELLGRAPH_PLAN_EXAMPLES", "60")) // 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Two sellers, all of whose values differ, and sales that a rendering may stumble over."""

    conn: asyncpg.Connection
    others: Sequence[Viewer]
    ids: Mapping[str, Sequence[str]]
    cursors: Mapping[str, Sequence[str]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market() -> AsyncIterator[Market]:
    async with cloned_database(os.environ[DATABASE_VARIABLE], os.environ[TEMPLATE_VARIABLE]) as url:
        conn = await asyncpg.connect(url)
        try:
            marked = await create_marked(conn)
            await create_difficult_sales(conn)
            sellers = [marked.rows["sellers", owner]["id"] for owner in ("S1", "S2")]
            yield Market(
                conn=conn,
                others=[*map(Viewer, sellers), Viewer(sellers[0], frozenset({Scope.READ}))],
                ids=await _ids(conn),
                cursors=await _cursors(conn),
            )
        finally:
            await conn.close()


async def _ids(conn: asyncpg.Connection) -> dict[str, list[str]]:
    """Of every node type: the ids of all its rows, and one of none."""
    found = {}
    for name, entity in ENTITIES.items():
        if entity.is_node and not entity.is_stand_in:
            keys = [record["id"] for record in await conn.fetch(f"select id from {entity.table.name} order by id")]
            found[name] = [global_ids.encode(name, key) for key in (*keys, 10**12)]
    return found


async def _cursors(conn: asyncpg.Connection) -> dict[str, list[str]]:
    """Of each root list, in its own order, and of each connection type, by id."""
    assert GRAPH.query_type is not None
    lists = {name: field for name, field in GRAPH.query_type.fields.items() if "first" in field.args}
    found = {name: await _first_cursors(conn, _listing(field).target, _order(field)) for name, field in lists.items()}
    for kind in GRAPH.type_map.values():
        if isinstance(kind, GraphQLObjectType) and kind.name.endswith("Connection"):
            of = get_named_type(kind.fields["nodes"].type).name
            found[kind.name] = await _first_cursors(conn, ENTITIES["Advert" if of == "AllAdvert" else of].table, BY_ID)
    return found


def _listing(field: GraphQLField) -> Listing:
    declaration = declaration_of(field)
    assert isinstance(declaration, Listing)
    return declaration


def _order(field: GraphQLField) -> Sort:
    samples = {"updated_since": datetime(2020, 1, 1, tzinfo=UTC), "webhook_id": global_ids.encode("Webhook", 1)}
    required = [name for name in samples if _is_required(field, name)]
    return _listing(field).ask(OPERATOR, **{name: samples[name] for name in required}).sort


def _is_required(field: GraphQLField, name: str) -> bool:
    head, *tail = name.split("_")
    argument = field.args.get(head + "".join(part.title() for part in tail))
    return argument is not None and is_required_argument(argument)


async def _first_cursors(conn: asyncpg.Connection, table: Table[Any], sort: Sort) -> list[str]:
    if not table.has("id"):
        return ["x"]
    rows = table.rows(await conn.fetch(f"select {table.select_list('t')} from {table.name} t order by id limit 3"))
    return [encode_cursor(table.name, sort, row) for row in rows] or ["x"]


async def test_generated_operations_give_the_same_bytes(market: Market) -> None:
    planned, how = fresh_plans(), Counter[str]()

    # What the reference executor logs of odd data, with tracebacks, takes longer than all the rest.
    with capture_logs():
        for number, request in enumerate(requests(market.ids, market.cursors, number=NUMBER)):
            both = [*zip((OPERATOR, market.others[number % 3]), request.variables, strict=True)]
            # Now and then both by one plan, with other variables.
            for viewer, variables in both if number % 4 == 0 else both[number % 2 :][:1]:
                expected = await by_reference(market.conn, request.text, variables, viewer)
                given = await by_plan(planned, market.conn, request.text, variables, viewer)
                assert given in (None, expected), (request, variables, viewer)
                how[_outcome(given, expected)] += 1

    assert how["planned"] > 0.7 * how.total(), how
    # A seller may not see orders: that is no error while no order is met, but the plan doesn't know.
    assert how["left, without an error"] < 0.03 * how.total(), how


def _outcome(given: bytes | None, expected: bytes) -> str:
    if given is not None:
        return "planned"
    return "left, with an error" if b'"errors":' in expected else "left, without an error"
