"""Check the plans that PostgreSQL keeps: statements run with few rows first, then with many, and the reverse.

A plan is kept by a connection, for PL/pgSQL's statements without parameters from the first call, else from the sixth.
It was made for the rows of that time, by what ANALYZE had seen last: an empty queue, a full one, or nothing yet.
"""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from app.db.pool import SERVER_SETTINGS
from tests.support.database import cloned_database
from tests.support.plan_cost import CostMeter, metered
from tests.support.servers import DATABASE_VARIABLE, TEMPLATE_VARIABLE
from tests.support.watched import IS_LONG

#: Rows of a large set. At some numbers, two indexes cost the planner the same, and it takes the wrong one.
SIZES = (120, 300, 1000) if IS_LONG else (300,)
#: A medium set has so many times fewer.
_FEWER = 6
#: So often a call runs before its plans are kept: from the sixth execution on, PostgreSQL may keep one for whatever
#: arguments come.
_UNTIL_KEPT = 7
#: A history may cost so many times what the best one costs, and half the rows of a large set besides.
_RATIO = 3
STATES = ("never analyzed", "analyzed while empty", "analyzed while full")

Conn = asyncpg.Connection
#: As a worker's connections for the queue are; and as the API's, or any application's.
BY_INDEX = {**SERVER_SETTINGS, "enable_seqscan": "off"}
PLAIN = {"jit": "off"}

#: Webhooks stay: what refers to them goes.
_CLEAR = "".join(
    f"delete from {table};"
    for table in (
        "webhook_events",
        "delivery_attempts",
        "payloads",
        "webhook_given",
        "change_events",
        "operational_events",
        "webhook_tokens",
        "webhook_takers",
        "missed_changes",
        "webhook_skips",
        "delivery_minutes",
    )
)
#: By autovacuum, which would have plans made anew in the middle of a history.
_NOT_ANALYZED = """
do $$ declare name text; begin
  for name in select oid::regclass from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace loop
    execute format('alter table %s set (autovacuum_enabled = off)', name);
  end loop;
end $$
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One function or statement whose input varies in size.

    Attributes:
        world: Makes what all histories begin with.
        given: Makes so many rows, and returns the argument for a call that takes so many of them.
        act: The call; what it costs is counted.
        covers: Functions of app/db, `module.function`, whose statements take arrays, beside `act` itself.
        is_fixed: Whether it costs the same however much it takes.
        is_of_triggers: Whether only the statements of triggers are counted.
    """

    name: str
    world: Callable[[Conn], Awaitable[object]]
    given: Callable[[Conn, int, int], Awaitable[Any]]
    act: Callable[[Conn, Any], Awaitable[object]]
    covers: tuple[str, ...] = ()
    settings: dict[str, str] | None = None
    is_fixed: bool = False
    is_of_triggers: bool = False

    @property
    def function(self) -> str:
        """Name `act` as `covers` does."""
        return f"{self.act.__module__.rpartition('.')[2]}.{self.act.__name__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Of calls that take one of many rows, a medium number, and many. `small_first`: as the connection began."""

    state: str
    small_first: bool
    one: int
    medium: int
    large: int

    @property
    def history(self) -> str:
        return f"{self.state}, {'small' if self.small_first else 'large'} first"


async def measure(case: Case, size: int) -> list[Costs]:
    """Run the case through all histories, each on a connection of its own, each state on a database of its own.

    Args:
        size: Rows of a large set.
    """
    found = []
    for state in STATES:
        async with cloned_database(os.environ[DATABASE_VARIABLE], os.environ[TEMPLATE_VARIABLE]) as url:
            setup = await asyncpg.connect(url)
            try:
                await setup.execute(_NOT_ANALYZED)
                await case.world(setup)
                if state == "analyzed while full":
                    await case.given(setup, size, 1)
                if state != "never analyzed":
                    await setup.execute("analyze")
                for small_first in (True, False):
                    async with metered(url, **(case.settings or BY_INDEX)) as meter:
                        meter.is_of_triggers = case.is_of_triggers
                        found.append(await _costs(case, setup, meter, state, small_first, size))
            finally:
                await setup.close()
    return found


async def _costs(case: Case, setup: Conn, meter: CostMeter, state: str, small_first: bool, size: int) -> Costs:
    async def run(present: int, taken: int) -> int:
        await setup.execute(_CLEAR)
        given = await case.given(setup, present, taken)
        async with meter.counting():
            await case.act(meter.conn, given)
        return meter.cost

    first, fewer = 1 if small_first else size, size // _FEWER
    for _ in range(_UNTIL_KEPT):
        await run(first, first)
    large, medium, one = await run(size, size), await run(fewer, fewer), await run(size, 1)
    return Costs(state=state, small_first=small_first, one=one, medium=medium, large=large)


def problems(case: Case, found: list[Costs], size: int) -> list[str]:
    """Return the histories that cost much more than the best one, or more per row with many rows than with few."""
    best_one, best_large = min(costs.one for costs in found), min(costs.large for costs in found)
    told = []
    for costs in found:
        grown = costs.medium if case.is_fixed else costs.medium * _FEWER
        for what, cost, allowed in (
            ("one row", costs.one, best_one),
            ("many rows", costs.large, best_large),
            ("many rows, against a row of fewer", costs.large, grown),
        ):
            if cost > _RATIO * allowed + size // 2:
                told.append(f"{case.name}, {costs.history}: {what} cost {cost}, the best {allowed:.0f}")
    return told
