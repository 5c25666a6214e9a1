"""Rows that PostgreSQL handles to run statements, by its own plans: unlike time, the same on a busy machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from app.db.pool import Connection

#: Plans of all statements, also of those within functions, with what they did, as notices.
_EXPLAIN = """
load 'auto_explain';
set auto_explain.log_min_duration = 0;
set auto_explain.log_analyze = on;
set auto_explain.log_timing = off;
set auto_explain.log_nested_statements = on;
set auto_explain.log_format = json;
set auto_explain.log_level = notice;
"""


@dataclass(slots=True)
class PlanWork:
    """rows: what all nodes of all plans have read, joined, kept or removed. heaviest: the node with most of them."""

    rows: float = 0
    heaviest: str = ""
    most: float = 0

    def add(self, node: dict[str, Any]) -> None:
        removed = sum(value for name, value in node.items() if name.startswith("Rows Removed by"))
        rows = node["Actual Loops"] * (node["Actual Rows"] + removed)
        self.rows += rows
        if rows > self.most:
            names = ("Node Type", "CTE Name", "Index Name", "Alias", "Subplan Name", "Join Filter")
            self.most, self.heaviest = rows, f"{rows:.0f}: {[node[name] for name in names if name in node]}"
        for child in node.get("Plans", ()):
            self.add(child)


async def explain_plans(conn: Connection) -> None:
    """Have a session tell the plans of what it runs from now on; `count_plan_work` reads them."""
    await conn.execute(_EXPLAIN)


@contextmanager
def count_plan_work(conn: Connection) -> Iterator[PlanWork]:
    """Count the rows that the statements of this block handle."""
    work = PlanWork()

    def read(_: object, message: Any) -> None:
        _, found, plan = message.message.partition("plan:\n")
        if found:
            work.add(orjson.loads(plan)["Plan"])

    conn.add_log_listener(read)
    try:
        yield work
    finally:
        conn.remove_log_listener(read)
