"""Connect to that one of several servers that takes writes: after a failover it is another one.

asyncpg tries a URL's hosts one after the other within one time limit, so a first host that is silent uses up the time
of the others.
"""

import asyncio
from typing import Any
from urllib.parse import SplitResult, urlsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from app.kernel.cancellation import cancel_tasks
from app.kernel.error_reason import reason_of

#: Errors of a connection that can't be made at the moment; a later try may succeed.
UNREACHABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)

#: Seconds after which the next host is tried, too, while the one before has not answered.
_NEXT_AFTER_S = 0.5


class Hosts:
    """The servers of one URL. The one that took writes last is tried first.

    Args:
        url: `postgresql://user:password@first:5432,second:5432/database?…`. With one host, it is connected to as it is.
    """

    def __init__(self, url: str) -> None:
        self._urls = _urls_of_hosts(url)

    async def connect(self, *_url: str, **options: object) -> asyncpg.Connection:
        """Open a connection with asyncpg's options, as `asyncpg.connect` does; `timeout` is that of each host.

        Raises:
            ConnectionError: No host takes writes. A later try may succeed.
            PostgresError, InterfaceError, OSError: Of asyncpg, when there is one host, or no host will ever accept.
        """
        if len(self._urls) == 1:
            return await _connect(self._urls[0], options)
        waiting = [*self._urls]
        tasks: dict[asyncio.Task[asyncpg.Connection], str] = {}
        errors: dict[str, BaseException] = {}
        try:
            while waiting or tasks:
                if waiting:
                    url = waiting.pop(0)
                    tasks[asyncio.create_task(_connect(url, options, SessionAttribute.read_write))] = url
                done, _ = await asyncio.wait(
                    tasks, timeout=_NEXT_AFTER_S if waiting else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    url = tasks[task]
                    error = task.exception()
                    del tasks[task]
                    if error is None:
                        self._urls.remove(url)
                        self._urls.insert(0, url)
                        return task.result()
                    errors[url] = error
        finally:
            await _discard(*tasks)
        raise _error_of_all(errors)


def _urls_of_hosts(url: str) -> list[str]:
    """Return a URL for each host, in their order. Hosts in the query (`?host=…`) are left to asyncpg."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    return [SplitResult(parts.scheme, f"{user}{at}{host}", *parts[2:]).geturl() for host in hosts.split(",")]


async def _connect(url: str, options: dict[str, Any], wanted: SessionAttribute | None = None) -> asyncpg.Connection:
    return await asyncpg.connect(url, **options, target_session_attrs=wanted)


async def _discard(*tasks: "asyncio.Task[asyncpg.Connection]") -> None:
    """End what is still connecting, and close what has connected meanwhile."""
    await cancel_tasks(*tasks)
    for task in tasks:
        if not task.cancelled() and task.exception() is None:
            task.result().terminate()


def _error_of_all(errors: dict[str, BaseException]) -> BaseException:
    """Return the hosts' errors as one, which says for each why it can't be used."""
    reasons = [f"{urlsplit(url).netloc.rpartition('@')[2]}: {_reason(error)}" for url, error in errors.items()]
    # Whoever is a standby may take writes later, too.
    if any(isinstance(error, (*UNREACHABLE, asyncpg.TargetServerAttributeNotMatched)) for error in errors.values()):
        return ConnectionError("; ".join(reasons))
    return next(iter(errors.values()))


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "it takes no writes now, because it is a standby or read-only"
    return reason_of(error)
