"""Rows as PostgreSQL writes them in JSON: what arrives is what the driver would have given."""

from datetime import datetime
from typing import Any

import asyncpg
import orjson
import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from app.db.table import JsonText
from schema import schema
from schema.engine.plans.json_rows import from_json, time_shown
from schema.entities.declarations import ENTITIES, Relation
from schema.entities.declared import declaration_of
from tests.builders.difficult_sales import create_difficult_sales
from tests.support.executors import by_plan, by_reference, fresh_plans

#: What can be read from JSON: the columns' types in PostgreSQL, by those of the rows' fields.
READABLE = {
    bool: {"boolean"},
    int: {"integer", "bigint"},
    float: {"double precision"},
    bytes: {"bytea"},
    datetime: {"timestamp with time zone"},
    JsonText: {"jsonb"},
    tuple[int, ...]: {"bigint[]"},
}
TABLES = sorted({entity.table.name: entity.table for entity in ENTITIES.values()}.items())


@pytest.mark.parametrize("table", [table for _, table in TABLES], ids=[name for name, _ in TABLES])
async def test_every_column_is_of_a_type_that_can_be_read_from_json(conn: asyncpg.Connection, table: Any) -> None:
    records = await conn.fetch(
        "select attname as name, format_type(atttypid, null) as type from pg_attribute where attrelid = $1::regclass",
        table.name,
    )
    types = {record["name"]: record["type"] for record in records}

    # Enumerations and lists of texts are text; anything else, such as `numeric`, needs a line in in_json.py.
    wrong = [
        f"{column}: {types[column]}"
        for column in table.columns
        if types[column] not in READABLE.get(table.kind(column)[0], {"text", "text[]"})
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-25 13:39:19.123456+00",
        "2026-11-25 13:39:19.5+00",
        "2026-11-25 13:39:19.000001+00",
        "2026-11-25 13:39:19+11",
        "0001-01-01 00:00:00+00",
        "9999-12-31 23:59:59.999999+00",
        "infinity",
        "-infinity",
    ],
)
async def test_time_is_as_the_driver_reads_it(conn: asyncpg.Connection, time: str) -> None:
    driver, text = await conn.fetchrow(  # type: ignore[misc]  # a row of two
        f"select t, to_json(t) #>> '{{}}' from cast('{time}' as timestamptz) t"
    )
    read = from_json(ENTITIES["Invoice"].table, "paid_at")

    assert read is not None
    assert (read(text), read(None)) == (driver, None)
    assert orjson.dumps(time_shown(text)) == orjson.dumps(driver)


@pytest.mark.parametrize("time", ["0044-03-15 00:00:00.123+00 BC", "10000-01-01 00:00:00.12345+00"])
async def test_time_that_python_does_not_have_is_refused(conn: asyncpg.Connection, time: str) -> None:
    await create_difficult_sales(conn)
    await conn.execute(f"update invoices set paid_at = '{time}'")

    # Neither does the driver have it: there is nothing that the reference executor could say.
    assert await by_plan(fresh_plans(), conn, "{ invoices { nodes { id paidAt } } }") is None


async def test_row_of_more_values_than_a_function_may_be_given(conn: asyncpg.Connection) -> None:
    await create_difficult_sales(conn)
    text = f"{{ invoices {{ nodes {_wide('Invoice', depth=3)} }} }}"

    expected = await by_reference(conn, text)

    assert text.count(" ") > 120
    assert b'"errors"' not in expected
    assert await by_plan(fresh_plans(), conn, text) == expected


def _wide(type_name: str, *, depth: int) -> str:
    """Every leaf of a type and of the rows that are joined to it."""
    on = schema._schema.type_map[type_name]
    assert isinstance(on, GraphQLObjectType)
    found = []
    for name, field in on.fields.items():
        declaration, of = declaration_of(field), get_named_type(field.type)
        # An amount beyond GraphQL's Int is an error.
        if is_leaf_type(of) and declaration is not None and not name.endswith("Cents"):
            found.append(name)
        elif depth > 1 and isinstance(declaration, Relation) and not declaration.is_list:
            found.append(f"{name} {_wide(of.name, depth=depth - 1)}")
    return f"{{ {' '.join(found)} }}"
