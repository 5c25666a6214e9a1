"""Cancel tasks for certain."""

import asyncio
from typing import Final

#: Seconds after which a task that goes on is cancelled once more.
_AGAIN_S: Final = 2.0


async def cancel_tasks(*tasks: asyncio.Task[object]) -> None:
    """Cancel tasks and wait for their end; what they raise is left out.

    Each is cancelled until it ends. A library may swallow a cancellation that comes when what it waits for is done,
    as `asyncio.wait_for` does before Python 3.12; its caller would then go on for ever.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
