"""Two sellers, all of whose values differ, and sales that a rendering may stumble over: what documents are run on."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_required_argument

from app.auth.viewers import OPERATOR, Scope, Viewer
from app.db.keyset import BY_ID, Sort, encode_cursor
from app.db.table import Table
from schema import schema
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES, Listing
from schema.entities.declared import declaration_of
from tests.builders.difficult_sales import create_difficult_sales
from tests.builders.extremes import spoil_rows
from tests.schema.marked import create_marked
from tests.support.database import cloned_database

GRAPH = schema._schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """`others`: a seller each, the last one with a key that may only read. `ids`, `cursors`: of rows and of none."""

    conn: asyncpg.Connection
    others: Sequence[Viewer]
    ids: Mapping[str, Sequence[str]]
    cursors: Mapping[str, Sequence[str]]


@asynccontextmanager
async def open_market(admin_url: str, template: str, *, seed: int) -> AsyncIterator[Market]:
    """In a database of its own. `seed`: of the values at the ends of what columns hold."""
    async with cloned_database(admin_url, template) as url:
        conn = await asyncpg.connect(url)
        try:
            marked = await create_marked(conn)
            await create_difficult_sales(conn)
            await spoil_rows(conn, seed=seed)
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
        if entity.is_node:
            rows = await conn.fetch(f"select id from {entity.table.name} t where {entity.where} order by id")
            keys = [row["id"] for row in rows]
            found[name] = [global_ids.encode(name, key) for key in (*keys, 10**12)]
    return found


async def _cursors(conn: asyncpg.Connection) -> dict[str, list[str]]:
    """Of each root list, in its own order, and of each connection type, by id."""
    assert GRAPH.query_type is not None
    fields = GRAPH.query_type.fields.items()
    lists = {
        name: field for name, field in fields if isinstance(declaration_of(field), Listing) and "first" in field.args
    }
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
