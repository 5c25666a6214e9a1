"""A worker that is frozen between its claim and its first POST, and thawed when others have gone on without it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import psutil

from tests.support.held import held
from tests.support.worker_process import WorkerProcess

#: In the beginning of the statement that claims.
CLAIMING = "claim_webhook_events"
#: Only claims wait for this. A webhook with a rate is left to them: see BY_CLAIMS.
CLAIM_LOCK = "lock table webhook_tokens in share mode"
#: Events of all webhooks are claimed by claims alone, and not as they are made.
BY_CLAIMS = "update webhooks set rate_limit = 1000"


@asynccontextmanager
async def frozen_after_claim(
    database_url: str, workers: Sequence[WorkerProcess], change: Callable[[], Awaitable[object]]
) -> AsyncIterator[WorkerProcess]:
    """Make a change, and freeze the worker that claims what comes of it: the claim commits, and nothing is sent.

    Gives the frozen worker; it is thawed at the end. Something must be due after the change.
    """
    async with held(database_url, CLAIM_LOCK) as lock:
        await lock.execute(BY_CLAIMS)
        await change()
        await lock.reached(CLAIMING)
        ports = await lock.find_ports()
        # The other one may wait for the first one's lock.
        claiming = next(worker for worker in workers if ports & _ports(worker))
        claiming.freeze()
    try:
        yield claiming
    finally:
        claiming.thaw()


def _ports(worker: WorkerProcess) -> set[int]:
    assert worker.process is not None
    return {one.laddr.port for one in psutil.Process(worker.process.pid).net_connections("inet") if one.laddr}
