"""Work that goes on to its end although whoever waits for it is cancelled."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def unbroken(work: Awaitable[T]) -> T:
    """Return the work's result. Cancelled meanwhile, this waits for its end first: it holds a database connection."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    finally:
        while not task.done():
            # Cancelled again, it waits all the same.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
