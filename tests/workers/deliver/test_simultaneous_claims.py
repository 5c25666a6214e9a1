"""Claims of many workers at once: each locks the webhooks that it claims from, and no other's promise is broken."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.pool import SERVER_SETTINGS
from app.webhooks.db import deliveries
from app.webhooks.db.deliveries import DueEvent
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.support.load import IS_LONG
from tests.support.plan_cost import metered
from tests.support.waiting import LOCK_IS_AWAITED, until
from tests.workers.deliver.test_fairness import claim as claim_in_turn
from workers.deliver.fairness import FairTurns, find_claim_budget

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"
WORKERS = 8
#: So many due events are walked over, in the place of being listed.
MANY = 500


async def claim(conn: Conn, *, limit: int = 20, per_webhook: int = 20, after: int = 0) -> list[DueEvent]:
    return await deliveries.claim_due(
        conn, limit=limit, per_webhook=per_webhook, after=after, failing_share=10, lease_s=60
    )


def webhooks_of(claimed: Sequence[DueEvent]) -> set[int]:
    return {due.webhook_id for due in claimed}


async def deliver(database_url: str, seed: int) -> None:
    """Claim as a worker does, and end the attempts in an order of chance, until nothing waits for anybody."""
    conn = await asyncpg.connect(database_url, server_settings=SERVER_SETTINGS)
    chance, turns = random.Random(seed), FairTurns()
    in_flight: list[DueEvent] = []
    while True:
        budget = find_claim_budget(places=100, in_flight=[due.size for due in in_flight], mean_bytes=100)
        if budget:
            claimed, _ = await claim_in_turn(conn, turns, budget)
            in_flight += claimed
        chance.shuffle(in_flight)
        ended = [in_flight.pop() for _ in range(chance.randint(0, len(in_flight)))]
        if ended:
            await deliveries.record_results(conn, [result_of(due) for due in ended])
        elif not in_flight and not await conn.fetchval("select exists (select from webhook_events_open)"):
            await conn.close()
            return


async def attempts_of(conn: Conn) -> dict[int, list[asyncpg.Record]]:
    """The attempts of each webhook, as they began."""
    found: dict[int, list[asyncpg.Record]] = defaultdict(list)
    for row in await conn.fetch(
        "select a.webhook_id, e.id, e.entity_id, a.started_at, a.finished_at, e.first_attempted_at as claimed_at"
        " from delivery_attempts a join webhook_events e on e.id = a.webhook_event_id order by a.started_at"
    ):
        found[row["webhook_id"]].append(row)
    return found


def most_at_once(attempts: Sequence[asyncpg.Record]) -> int:
    moments = sorted(
        [(one["started_at"], 1) for one in attempts] + [(one["finished_at"], -1) for one in attempts],
        key=lambda moment: (moment[0], moment[1]),
    )
    number = most = 0
    for _, change in moments:
        number += change
        most = max(most, number)
    return most


@pytest.mark.parametrize("seed", range(10 if IS_LONG else 1))
async def test_limits_rates_and_order_hold_under_eight_workers(conn: Conn, database_url: str, seed: int) -> None:
    chance = random.Random(seed)
    limits, rates = {}, {}
    for _ in range(25):
        limit, rate = chance.choice([1, 2, 5, 20]), chance.choice([None, None, 40])
        webhook = await create_subscription(conn, URL, concurrent_send_limit=limit, rate_limit=rate)
        limits[webhook.id], rates[webhook.id] = limit, rate
        for _ in range(3):
            await create_due_events(conn, webhook, chance.randint(1, 20))

    await asyncio.gather(*(deliver(database_url, 100 * seed + number) for number in range(WORKERS)))

    attempts = await attempts_of(conn)
    assert attempts.keys() == limits.keys()
    assert [one for one in limits if most_at_once(attempts[one]) > limits[one]] == []
    for of_webhook in attempts.values():
        assert len({one["id"] for one in of_webhook}) == len(of_webhook)
        for entity in {one["entity_id"] for one in of_webhook}:
            for earlier, later in pairwise(one for one in of_webhook if one["entity_id"] == entity):
                assert earlier["id"] < later["id"]
                assert earlier["finished_at"] <= later["started_at"]
    for webhook_id, rate in rates.items():
        if rate:
            claimed = sorted(one["claimed_at"] for one in attempts[webhook_id])
            seconds = [(at - claimed[0]).total_seconds() for at in claimed]
            assert [n for n, at in enumerate(seconds, start=1) if n > rate + rate * at + 1e-3] == []


async def test_a_backlog_delays_nobody_under_eight_workers(conn: Conn, database_url: str) -> None:
    backlog = await create_subscription(conn, URL, concurrent_send_limit=100)
    await create_due_events(conn, backlog, 3000)
    small = [await create_subscription(conn, URL) for _ in range(30)]
    for webhook in small:
        await create_due_events(conn, webhook, 5)

    await asyncio.gather(*(deliver(database_url, number) for number in range(WORKERS)))

    attempts = await attempts_of(conn)
    last = max(one["started_at"] for webhook in small for one in attempts[webhook.id])
    # Each worker gives the backlog a tenth of its places in each of some claims, and the others their turns between.
    assert len([one for one in attempts[backlog.id] if one["started_at"] < last]) <= 10 * WORKERS * 10


@pytest.mark.parametrize("backlog", [40, MANY])
async def test_a_claim_leaves_out_webhooks_that_another_holds(conn: Conn, database_url: str, backlog: int) -> None:
    for _ in range(3):
        webhook = await create_subscription(conn, URL, concurrent_send_limit=100)
        await create_due_events(conn, webhook, backlog)
    other = await asyncpg.connect(database_url)

    async with conn.transaction():
        first = await claim(conn)
        second = await claim(other, limit=40)
        third = await claim(other, limit=60, per_webhook=60)
    fourth = await claim(other, limit=60)
    await other.close()

    # The first needs one webhook alone, and leaves the others to the second.
    assert (webhooks_of(first), first[0].next_after) == ({1}, 1)
    assert (webhooks_of(second), second[0].next_after) == ({2}, 2)
    # What was left out is known, and is there once the first has ended.
    assert (webhooks_of(third), third[0].next_after) == ({2}, 2)
    assert 1 in webhooks_of(fourth)


async def test_a_claim_waits_where_others_hold_all_that_is_due(conn: Conn, database_url: str) -> None:
    webhook = await create_subscription(conn, URL, concurrent_send_limit=30)
    await create_due_events(conn, webhook, 60)
    waiting, watching = await asyncpg.connect(database_url), await asyncpg.connect(database_url)

    async with conn.transaction():
        first = await claim(conn)
        second = asyncio.create_task(claim(waiting))
        await until(lambda: watching.fetchval(LOCK_IS_AWAITED))
    rest = await second
    await waiting.close()
    await watching.close()

    # Counted once the other's are known: 30 places, of which 20 were taken.
    assert (len(first), len(rest)) == (20, 10)


async def test_two_claims_that_hold_what_the_other_wants_end(conn: Conn, database_url: str) -> None:
    """None of them waits while it holds a lock, or PostgreSQL would have to end one of them."""
    first, second = [await create_subscription(conn, URL) for _ in range(2)]
    for webhook in (first, second):
        await create_due_events(conn, webhook, 10)
        # All places are taken: nothing can be claimed, and every webhook is looked at.
        await conn.execute("update webhooks set concurrent_send_limit = 1 where id = $1", webhook.id)
        await claim(conn, limit=1, per_webhook=1, after=webhook.id - 1)

    async def claim_many() -> int:
        session = await asyncpg.connect(database_url)
        found = sum([len(await claim(session)) for _ in range(100)])
        await session.close()
        return found

    assert await asyncio.gather(*(claim_many() for _ in range(WORKERS))) == [0] * WORKERS


@pytest.mark.parametrize("backlog", [1, 3])
async def test_a_small_claim_passes_over_many_webhooks_without_a_place(
    conn: Conn, database_url: str, backlog: int
) -> None:
    """By lists of what is due, and by walking where that is long; each look is one statement."""
    for _ in range(200):
        webhook = await create_subscription(conn, URL, concurrent_send_limit=1)
        await create_due_events(conn, webhook, 1 + backlog)
    while await claim(conn, limit=200):
        pass
    free = await create_subscription(conn, URL)
    (event,) = await create_due_events(conn, free)

    async with metered(database_url, **SERVER_SETTINGS) as meter, meter.counting():
        claimed = await claim(meter.conn, limit=1)
        plans = meter.plans

    assert [due.id for due in claimed] == [event]
    assert len(plans) < 30


@pytest.mark.parametrize("backlog", [1, 10])
async def test_claims_that_stop_early_come_to_every_webhook(conn: Conn, backlog: int) -> None:
    """A claim locks no more webhooks than it needs by their due events, and gets less from them."""
    webhooks = [await create_subscription(conn, URL, concurrent_send_limit=100) for _ in range(150)]
    for webhook in webhooks:
        await create_due_events(conn, webhook, backlog)
        # They wait for the first one.
        for _ in range(2):
            await create_due_events(conn, webhook, 1)
    turns, claims = FairTurns(), 0
    budget = find_claim_budget(places=50, in_flight=(), mean_bytes=100)
    assert budget is not None

    found: set[int] = set()
    is_more = True
    while is_more:
        claimed, is_more = await claim_in_turn(conn, turns, budget)
        found |= webhooks_of(claimed)
        claims += 1

    assert found == {webhook.id for webhook in webhooks}
    assert await conn.fetchval("select count(*) from webhook_events where state = 'SENDING'") == 150 * backlog
    # Each may take 45 events.
    assert claims <= 15 + 150 * backlog // 30


@given(
    claimed=st.lists(st.integers(1, 9), max_size=20),
    next_after=st.none() | st.integers(0, 9),
    after=st.integers(0, 9),
)
def test_a_round_goes_on_until_every_webhook_has_had_its_turn(
    claimed: list[int], next_after: int | None, after: int
) -> None:
    turns = FairTurns()
    turns.after = after
    budget = find_claim_budget(places=1000, in_flight=(), mean_bytes=100)
    assert budget is not None
    events = [_due(webhook_id, next_after) for webhook_id in claimed]

    is_more = turns.note_claim(budget, events)

    if events and next_after is not None:
        assert is_more
        assert turns.after == next_after
    elif after != 0:
        assert is_more
        assert turns.after == 0


def _due(webhook_id: int, next_after: int | None) -> DueEvent:
    values = dict.fromkeys(DueEvent._fields) | {"webhook_id": webhook_id, "body": b"", "next_after": next_after}
    return DueEvent(**values)  # type: ignore[arg-type]
