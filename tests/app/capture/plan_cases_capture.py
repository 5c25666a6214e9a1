"""The capture triggers of each table, as cases of tests/support/plan_histories.py."""

from typing import Any

from app.capture.captured import CAPTURED
from tests.builders.whole_sales import create_whole_sale
from tests.support.plan_histories import PLAIN, Case, Conn

#: What must differ from row to row, beside the id.
_UNIQUE = {
    "orders": "token",
    "external_ids": "key",
    "metadata": "key",
    "option_types": "name",
    "option_values": "name",
}
_COPIES = """
insert into {table} overriding system value
select r.* from (select t from {table} t {which} order by id limit 1) first cross join generate_series(1, $1::int) n
-- By n, or it would be one for all rows.
cross join lateral (select nextval(pg_get_serial_sequence('{table}', 'id')) + 0 * n as id) next
cross join lateral jsonb_populate_record(first.t, jsonb_build_object('id', next.id{unique})) r
returning id
"""


def _copies(table: str) -> str:
    unique = _UNIQUE.get(table)
    return _COPIES.format(
        table=table,
        # An owner has one logo.
        which="where kind = 'GALLERY'" if table == "images" else "",
        unique=f", '{unique}', gen_random_uuid()::text" if unique else "",
    )


def _case(table: str) -> Case:
    async def given(conn: Conn, present: int, taken: int) -> tuple[int, str]:
        """Rows beside those taken, and a column that can be written."""
        await conn.fetch(_copies(table), present)
        await conn.execute("delete from change_events")
        column: str = await conn.fetchval(
            "select attname from pg_attribute where attrelid = $1::text::regclass and attnum > 1 and not attisdropped"
            " order by attnum limit 1",
            table,
        )
        return taken, column

    async def act(conn: Conn, given: tuple[int, str]) -> None:
        taken, column = given
        rows = await conn.fetch(_copies(table), taken)
        ids: list[Any] = [row["id"] for row in rows]
        await conn.execute(f"update {table} set {column} = {column} where id = any($1::bigint[])", ids)
        await conn.execute(f"delete from {table} where id = any($1::bigint[])", ids)

    # Statements of triggers have no parameters: their first plans are kept.
    return Case(name=table, given=given, act=act, settings=PLAIN, until_kept=1)


CASES = tuple(_case(captured.table) for captured in CAPTURED if not captured.is_log)
create_rows = create_whole_sale
