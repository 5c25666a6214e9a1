"""Waiting for a condition, with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

#: Nobody waits for so long but on a machine that is busy with other things.
DEADLINE_S = 100.0
#: The same for what a command of its own does, such as to end or to log a line: its imports alone may take a minute.
COMMAND_DEADLINE_S = 600.0
#: Seconds between looks. They grow, because each look takes CPU time from what is waited for.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.1

#: Whether somebody waits for a lock in this database. Tests of other processes share the server.
LOCK_IS_AWAITED = """
select exists (select from pg_locks waiting join pg_locks held using (pid) where not waiting.granted
  and held.database = (select oid from pg_database where datname = current_database()))
"""


async def until(check: Callable[[], Awaitable[T]], *, deadline_s: float = DEADLINE_S) -> T:
    """Ask again and again until the answer is true, and return it. Fails after the deadline, with the last answer."""
    ends_at, pause_s = time.monotonic() + deadline_s, _FIRST_PAUSE_S
    while not (answer := await check()):
        assert time.monotonic() < ends_at, f"not within {deadline_s:g} s; last answer: {answer!r}"
        await asyncio.sleep(pause_s)
        pause_s = min(1.5 * pause_s, _LONGEST_PAUSE_S)
    return answer
