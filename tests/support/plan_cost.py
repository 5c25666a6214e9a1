"""Count what statements cost: the rows that they look at, also inside functions and triggers.

Rows and not pages: transition tables, arrays and the results of other steps have no pages that would be counted, and
what was deleted a moment ago has some until it is vacuumed. Rows depend on nothing but the plan.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson

#: Every plan is sent to the client as a notice. Times are left out: they would only slow it down.
_SETTINGS = {
    "log_analyze": "on",
    "log_timing": "off",
    "log_nested_statements": "on",
    "log_format": "json",
    "log_level": "notice",
}
#: From PostgreSQL 16 on. Without it, plans come with the statements' arguments.
_WITHOUT_PARAMETERS = {"log_parameter_max_length": "0"}
#: A check of a foreign key: PostgreSQL makes its plan and keeps it, and no setting of a function changes it.
_FOREIGN_KEY = "SELECT 1 FROM ONLY "
_REMOVED = ("Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck")


@dataclass(slots=True)
class CostMeter:
    """Counts what one connection's statements cost while it is switched on.

    Attributes:
        is_of_triggers: Whether it counts only the statements that triggers run, without checks of foreign keys.
    """

    conn: asyncpg.Connection
    is_of_triggers: bool = False
    plans: list[dict[str, Any]] = field(default_factory=list)

    @asynccontextmanager
    async def counting(self) -> AsyncIterator[None]:
        self.plans.clear()
        await self.conn.execute("set auto_explain.log_min_duration = 0")
        try:
            yield
        finally:
            await self.conn.execute("set auto_explain.log_min_duration = -1")
            # asyncpg hands notices over in the loop's next turn.
            await asyncio.sleep(0)

    @property
    def cost(self) -> int:
        return round(sum(rows_of(plan) for plan in self.plans))

    def note(self, _: object, message: Any) -> None:
        """Take a plan from a notice."""
        _, is_plan, text = message.message.partition("plan:\n")
        if not is_plan:
            return
        explained = orjson.loads(text)
        # What a trigger runs has a context: the function and its line.
        if not self.is_of_triggers or (message.context and not explained["Query Text"].startswith(_FOREIGN_KEY)):
            self.plans.append(explained["Plan"])


@asynccontextmanager
async def metered(database_url: str, **settings: str) -> AsyncIterator[CostMeter]:
    """Connect with these settings of the server; its plans are its own."""
    conn = await asyncpg.connect(database_url, server_settings=settings)
    meter = CostMeter(conn)
    conn.add_log_listener(meter.note)
    try:
        await conn.execute("load 'auto_explain'")
        knows_more = conn.get_server_version().major >= 16
        for name, value in (_SETTINGS | (_WITHOUT_PARAMETERS if knows_more else {})).items():
            await conn.execute(f"set auto_explain.{name} = {value}")
        yield meter
    finally:
        await conn.close()


def rows_of(plan: Mapping[str, Any]) -> float:
    """Return how many rows the nodes of a plan have given or thrown away, each as often as it was run."""
    own: float = plan["Actual Rows"] + sum(plan.get(name, 0) for name in _REMOVED)
    # It counts dead rows, too; the heap scan above it tells the others.
    counted = 0 if plan["Node Type"] == "Bitmap Index Scan" else own * plan["Actual Loops"]
    return counted + sum(rows_of(below) for below in plan.get("Plans", ()))
