"""A POST that might not end within its lease is not begun, wherever the time went."""

import time

import httpx
import pytest

from app.errors import AttemptError
from app.webhooks.domain.attempt import ErrorKind
from tests.support.hostile import OK, answering, hostile_server
from tests.support.posting import BODY
from workers.deliver.lease import Lease, LeaseOver, elapsed_s
from workers.http.transport import Answer, post


class SlowStart(httpx.AsyncBaseTransport):
    """Stops the whole process for a while between the beginning of a POST and its connection."""

    def __init__(self, transport: httpx.AsyncBaseTransport, *, stopped_s: float = 0.0) -> None:
        self.transport = transport
        self.stopped_s = stopped_s
        self.suspended_s = 0.0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        time.sleep(self.stopped_s)  # noqa: ASYNC251  # no timer of this process may run meanwhile
        # A machine that is suspended: time goes on by the clock of leases alone.
        self.suspended_s = 100.0
        return await self.transport.handle_async_request(request)

    def clock(self) -> float:
        return elapsed_s() + self.suspended_s


async def send(transport: httpx.AsyncBaseTransport, url: str, lease: Lease, *, timeout_s: float = 5.0) -> Answer:
    return await post(
        transport,
        url=httpx.URL(url),
        headers=(("Content-Type", "application/json"),),
        body=BODY,
        timeout_s=timeout_s,
        lease=lease,
    )


@pytest.mark.parametrize(("left_s", "is_sent"), [(5.5, True), (4.9, False), (-60, False)])
async def test_post_begins_only_while_all_of_it_fits_into_the_lease(
    transport: httpx.AsyncBaseTransport, left_s: float, is_sent: bool
) -> None:
    async with hostile_server(answering(OK)) as server:
        if is_sent:
            assert (await send(transport, server.url, Lease(elapsed_s() + left_s))).status == 200
        else:
            with pytest.raises(LeaseOver):
                await send(transport, server.url, Lease(elapsed_s() + left_s))

    assert server.connections == len(server.requests) == int(is_sent)


async def test_nothing_is_written_when_the_lease_went_by_while_it_connected(
    transport: httpx.AsyncBaseTransport,
) -> None:
    slow = SlowStart(transport)

    async with hostile_server(answering(OK)) as server:
        with pytest.raises(LeaseOver):
            await send(slow, server.url, Lease(elapsed_s() + 60, clock=slow.clock))
        allowed = await send(slow, server.url, Lease(elapsed_s() + 160, clock=slow.clock))

    assert allowed.status == 200
    assert len(server.requests) == 1


async def test_nothing_is_written_after_the_time_limit_when_the_process_was_stopped(
    transport: httpx.AsyncBaseTransport,
) -> None:
    slow = SlowStart(transport, stopped_s=0.3)

    async with hostile_server(answering(OK)) as server:
        with pytest.raises(AttemptError) as caught:
            await send(slow, server.url, Lease(elapsed_s() + 600), timeout_s=0.2)

    assert caught.value.kind is ErrorKind.TIMEOUT
    assert server.requests == []


@pytest.mark.parametrize(("lease_s", "timeout_s", "granted_s"), [(60, 30, 60), (6, 3, 6), (1.5, 30, 32)])
def test_lease_is_what_the_claim_grants_from_when_it_was_sent(
    lease_s: float, timeout_s: float, granted_s: float
) -> None:
    lease = Lease.granted(1_000.0, lease_s=lease_s, timeout_s=timeout_s)

    assert lease.ends_at == 1_000.0 + granted_s
