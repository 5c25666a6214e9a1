"""Values at the ends of what a column holds, in rows that are there already."""

import random
from collections.abc import Mapping, Sequence

import asyncpg

from app.db.pool import Connection
from schema.entities.declarations import ENTITIES

#: As SQL, by the column's type. What a constraint refuses is left out.
_EXTREMES: Mapping[str, Sequence[str]] = {
    "text": (
        "''",
        "' '",
        "U&'\\+01D4B3\\+01F600\\+10FFFF'",  # beyond 16 bits: two units in JSON's own notation
        "U&'\\2028\\2029\\0085\\FEFF'",  # ends of lines, to some
        "U&'e\\0301\\200D\\202E'",
        "E'\"\\\\/\\b\\f\\n\\r\\t\\x01\\x7f'",
        "'<script>&amp;\"'",
        "repeat('long ', 4000)",
    ),
    "text[]": ("'{}'", "array['', '\"', U&'\\+01F600\\2028']"),
    "bigint": ("9223372036854775807", "-9223372036854775808", "2147483647", "2147483648", "-2147483649", "-1", "0"),
    "integer": ("2147483647", "-2147483648", "-1", "0"),
    "numeric": ("1e20", "-0.000001", "'NaN'"),
    "timestamp with time zone": (
        "'0001-01-01T00:00:00Z'",
        "'9999-12-31T23:59:59.999999Z'",
        "'infinity'",
        "'-infinity'",
        "'1969-12-31T23:59:59.000001Z'",
    ),
    "date": ("'0001-01-01'", "'9999-12-31'", "'infinity'"),
    "double precision": ("'NaN'", "'Infinity'", "1e308", "5e-324", "'-0.0'"),
    "jsonb": ("'null'", """'{"\\u2028": [1e400, 0.1, 123456789012345678901234567890, {"": []}]}'""", "'[]'", "'\"\"'"),
    "boolean": ("true", "false"),
}


async def spoil_rows(conn: Connection, *, seed: int) -> int:
    """Write every extreme, and null, into one of the last rows of each table, column after column; how many it took.

    Keys and links stay, and so do enumerations. Of each table the first rows stay as they are.
    """
    chance, written = random.Random(seed), 0
    tables = {entity.table.name: entity.table for entity in ENTITIES.values() if entity.table.has("id")}
    for table, declared in sorted(tables.items()):
        ids = [record["id"] for record in await conn.fetch(f"select id from {table} order by id desc limit 3")]
        for column, kind, is_nullable in await _columns(conn, table):
            if declared.converter(column) is not None:
                continue  # of an enumeration
            values = [*_EXTREMES.get(kind, ()), *(["null"] if is_nullable else [])]
            chance.shuffle(values)
            for value in values if len(ids) > 1 else ():
                written += await _write(
                    conn, f"update {table} set {column} = {value} where id = $1", chance.choice(ids)
                )
    return written


async def _columns(conn: Connection, table: str) -> list[tuple[str, str, bool]]:
    records = await conn.fetch(
        """
        select quote_ident(a.attname) as name, format_type(a.atttypid, null) as type, not a.attnotnull as is_nullable
        from pg_attribute a
        where a.attrelid = $1::text::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
          and a.attname !~ '(^|_)id$' 
          and a.attname not in ('owner_type', 'digest', 'payload_digest', 'currency', 'deleted_at')
          and not exists (select from pg_constraint c where c.conrelid = a.attrelid and a.attnum = any(c.conkey)
                          and c.contype in ('p', 'f'))
        order by a.attnum
        """,
        table,
    )
    return [(record["name"], record["type"], record["is_nullable"]) for record in records]


async def _write(conn: Connection, sql: str, row_id: int) -> int:
    try:
        async with conn.transaction():
            await conn.execute(sql, row_id)
    except (asyncpg.IntegrityConstraintViolationError, asyncpg.RaiseError, asyncpg.DataError):
        return 0
    return 1
