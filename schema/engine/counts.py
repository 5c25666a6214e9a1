"""`totalCount` of a root list: exact as far as counting stays cheap, an estimate beyond."""

import orjson

from app.auth.viewers import Viewer
from app.db.table import Table
from schema.engine.reader import Reader
from schema.engine.statements import listed_count, listed_values
from schema.entities.declarations import ListQuery

#: Rows that are counted at most: some milliseconds. Counting all rows of a list takes as long as reading them.
MAX_COUNTED = 10_000
#: The greatest Int of GraphQL.
_MAX_INT = 2**31 - 1


async def count_rows(reader: Reader, table: Table[object], viewer: Viewer, asked: ListQuery) -> int:
    """Return the number of rows up to MAX_COUNTED, and of more rows PostgreSQL's estimate, which reads none of them."""
    counted = listed_count(table, viewer, asked, most=MAX_COUNTED + 1)
    number: int = (await reader.fetch(counted.sql, *counted.args))[0]["n"]
    if number <= MAX_COUNTED:
        return number
    listed = listed_values(table, viewer, asked, "id")
    plan = orjson.loads((await reader.fetch(f"explain (format json) {listed.sql}", *listed.args))[0][0])
    estimated: int = plan[0]["Plan"]["Plan Rows"]
    return min(max(estimated, number), _MAX_INT)
