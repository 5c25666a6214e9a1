"""A worker that is frozen for longer than its lease sends nothing that it has lost. TELLGRAPH_LONG_FAULTS=1: 200 times.

As a suspended virtual machine is, or one whose disk does not answer.
"""

import asyncio
from collections import Counter
from itertools import pairwise

import asyncpg
import pytest
from aiohttp import web

from tests.builders.deliveries import create_subscription
from tests.builders.variants import create_variant
from tests.support.frozen import frozen_after_claim
from tests.support.load import IS_LONG, QUERY, tell
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process

pytestmark = pytest.mark.faults

FREEZES = 200 if IS_LONG else 2
VARIANTS = 10
LEASE_S = 1.5
# The lease is at least two seconds longer than the webhook's own time limit of one second.
THREE_LEASES_S = 3 * 3


class Order:
    """Answers after a moment. It notes POSTs that came after a newer one, or while another was in flight."""

    def __init__(self) -> None:
        self.came: list[tuple[str, int]] = []
        self.overlaps: list[tuple[str, int]] = []
        self._in_flight: Counter[str] = Counter()

    async def answer(self, delivery: Delivery) -> web.StreamResponse:
        body = delivery.json
        entity, sequence = body["entity"]["id"], body["sequence"]
        self.came.append((entity, sequence))
        if self._in_flight[entity]:
            self.overlaps.append((entity, sequence))
        self._in_flight[entity] += 1
        await asyncio.sleep(0.02)
        self._in_flight[entity] -= 1
        return web.Response()

    def older_after_newer(self) -> list[tuple[str, int, int]]:
        found = []
        for entity in {entity for entity, _ in self.came}:
            sequences = [sequence for one, sequence in self.came if one == entity]
            found += [(entity, first, then) for first, then in pairwise(sequences) if then < first]
        return found


async def test_frozen_between_claim_and_post_it_sends_nothing_old(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    order = Order()
    receiver.answering = order.answer
    conn = await asyncpg.connect(database_url)
    await create_subscription(conn, receiver.url(), type="VARIANT", query_string=QUERY, timeout_s=1)
    for _ in range(VARIANTS):
        await create_variant(conn)
    await conn.execute("update change_events set published_at = now()")
    counts = 0

    async def change() -> None:
        nonlocal counts
        counts += 1
        await conn.execute("update variants set count_on_hand = $1", 100 + counts)

    async def is_told() -> bool:
        """Return whether the endpoint has the present state of all variants, and nothing is open."""
        return bool(
            await conn.fetchval(
                "select not exists (select from change_events where published_at is null and entity_type = 'Variant')"
                " and not exists (select from webhook_events where state in ('PENDING', 'SENDING', 'RETRYING'))"
            )
        )

    with (
        worker_process(database_url, redis_url, deliver_lease_s=LEASE_S) as one,
        worker_process(database_url, redis_url, deliver_lease_s=LEASE_S) as other,
    ):
        await asyncio.gather(started(one), started(other))
        for _ in range(FREEZES):
            async with frozen_after_claim(database_url, [one, other], change) as frozen:
                frozen_at = asyncio.get_running_loop().time()
                awake = other if frozen is one else one
                # The other one takes over what the frozen one has claimed, and then tells what is newer.
                await until(is_told)
                await change()
                await until(is_told)
                await asyncio.sleep(max(0.0, frozen_at + THREE_LEASES_S - asyncio.get_running_loop().time()))
            # Alone, the thawed one tells what comes then: before that, it has had to do with what it had lost.
            awake.freeze()
            await change()
            await until(is_told)
            awake.thaw()

    older, overlaps = order.older_after_newer(), order.overlaps
    tell("frozen after the claim", freezes=FREEZES, posts=len(order.came), older=len(older), overlaps=len(overlaps))
    assert (older, overlaps) == ([], [])
    assert len({sequence for _, sequence in order.came}) == 3 * FREEZES * VARIANTS
    await conn.close()
