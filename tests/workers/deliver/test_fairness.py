"""Places are shared fairly among webhooks: the bounds of the next claim, and whose turn it is, with a real database."""

import asyncio
from collections import Counter
from dataclasses import replace

import asyncpg
import pytest

from app.webhooks.db import deliveries
from app.webhooks.db.deliveries import DueEvent
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.support.receiver import Receiver
from tests.support.waiting import until
from tests.workers.deliver.test_deliver import delivering, holding
from workers.deliver.fairness import CLAIM_SIZE, MAX_BYTES_IN_FLIGHT, ClaimBudget, FairTurns, find_claim_budget

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"
BUDGET = ClaimBudget(limit=50, max_bytes=MAX_BYTES_IN_FLIGHT, failing_share=10, only_idle=False)
MIB = 1024 * 1024


async def claim(conn: Conn, turns: FairTurns, budget: ClaimBudget = BUDGET) -> tuple[list[DueEvent], bool]:
    """Claim as a Deliverer does. Return the events, and whether there may be more."""
    claimed = await deliveries.claim_due(
        conn,
        limit=budget.limit,
        per_webhook=turns.per_webhook(budget),
        after=turns.after,
        failing_share=budget.failing_share,
        lease_s=60,
        max_bytes=budget.max_bytes,
        only_idle=budget.only_idle,
    )
    return claimed, turns.note_claim(budget, claimed)


def by_webhook(claimed: list[DueEvent]) -> dict[int, int]:
    return dict(Counter(due.webhook_id for due in claimed))


def budget(count: int, *, places: int = 1000, each: int = 1000, mean: int = 1000) -> ClaimBudget | None:
    return find_claim_budget(places=places, in_flight=[each] * count, mean_bytes=mean)


def test_a_claim_is_bounded_by_size_places_and_bytes() -> None:
    assert (budget(0) or BUDGET).limit == CLAIM_SIZE
    assert (budget(850) or BUDGET).limit == 50
    # 60 of 64 MiB are taken but for the tenth: none of the common ones is left, 4 MiB of the kept ones.
    assert budget(30, each=2 * MIB, mean=2 * MIB) == ClaimBudget(
        limit=3, max_bytes=4 * MIB, failing_share=10, only_idle=True
    )
    assert budget(28, each=2 * MIB, mean=MIB) == ClaimBudget(
        limit=2, max_bytes=1677722, failing_share=10, only_idle=False
    )
    assert budget(1, each=2 * MAX_BYTES_IN_FLIGHT) is None


def test_the_last_tenth_is_for_idle_webhooks() -> None:
    assert [(budget(count) or BUDGET).only_idle for count in (0, 899, 900, 999)] == [False, False, True, True]
    assert [(budget(count) or BUDGET).limit for count in (899, 900, 999)] == [1, 100, 1]
    assert budget(1000) is None
    # Of fewer than ten places there is no tenth.
    assert [budget(count, places=3) is None for count in (2, 3)] == [False, True]


def test_failing_webhooks_get_one_place_each_when_half_are_taken() -> None:
    assert [(budget(count) or BUDGET).failing_share for count in (0, 499, 500, 900)] == [10, 10, 1, 1]


async def test_a_webhook_gets_a_tenth_of_a_claim_while_others_fill_it(conn: Conn) -> None:
    for _ in range(11):
        await create_due_events(conn, await create_subscription(conn, URL), 60)
    turns = FairTurns()

    (first, _), (second, _), (third, _) = [await claim(conn, turns) for _ in range(3)]

    assert by_webhook(first) == dict.fromkeys(range(1, 11), 5)
    # The eleventh's turn, and then, since that has filled nothing, everybody's again.
    assert by_webhook(second) == {11: 2}
    assert by_webhook(third) == dict.fromkeys(range(1, 12), 2)


async def test_the_more_wait_at_once_the_less_each_gets(conn: Conn) -> None:
    for _ in range(60):
        await create_due_events(conn, await create_subscription(conn, URL), 6)
    turns = FairTurns()

    claimed = [by_webhook((await claim(conn, turns))[0]) for _ in range(3)]

    assert claimed == [
        dict.fromkeys(range(1, 11), 5),
        dict.fromkeys(range(11, 36), 2),
        dict.fromkeys(range(36, 61), 1),
    ]


async def test_what_nobody_else_wants_is_a_backlogs(conn: Conn) -> None:
    await create_due_events(conn, await create_subscription(conn, URL), 80)
    await create_due_events(conn, await create_subscription(conn, URL), 2)
    turns = FairTurns()

    (first, more), (second, _) = await claim(conn, turns), await claim(conn, turns)

    assert (by_webhook(first), more, by_webhook(second)) == ({1: 5, 2: 2}, True, {1: 50})


async def test_a_small_claim_goes_round_too(conn: Conn) -> None:
    for _ in range(5):
        await create_due_events(conn, await create_subscription(conn, URL), 20)
    turns, small = FairTurns(), replace(BUDGET, limit=2)

    served = [sorted(by_webhook((await claim(conn, turns, small))[0])) for _ in range(4)]

    assert served == [[1, 2], [3, 4], [5], [1, 2]]


async def test_kept_places_take_one_event_of_each_webhook_that_is_well_and_has_nothing_in_flight(conn: Conn) -> None:
    idle, busy = await create_subscription(conn, URL), await create_subscription(conn, URL)
    failing = await create_subscription(conn, URL, is_failing=True)
    await create_due_events(conn, busy)
    turns = FairTurns()
    await claim(conn, turns)
    for webhook in (idle, busy, failing):
        await create_due_events(conn, webhook, 3, first_entity=100)

    kept = replace(BUDGET, only_idle=True)
    (first, _), (second, more) = await claim(conn, turns, kept), await claim(conn, turns, kept)
    await deliveries.record_results(conn, [result_of(first[0])])
    third, _ = await claim(conn, turns, kept)

    assert (by_webhook(first), by_webhook(second), more) == ({idle.id: 1}, {}, False)
    assert by_webhook(third) == {idle.id: 1}


@pytest.mark.parametrize(("max_bytes", "count"), [(1, 1), (100, 1), (101, 2), (250, 3), (10_000, 5)])
async def test_the_payload_that_reaches_the_bound_is_the_last(conn: Conn, max_bytes: int, count: int) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook, 5)
    await conn.execute("update payloads set body = repeat('x', 100)::bytea")

    claimed, _ = await claim(conn, FairTurns(), replace(BUDGET, max_bytes=max_bytes))
    in_flight = await conn.fetchval("select count(*) from webhook_events where state = 'SENDING'")
    rest, _ = await claim(conn, FairTurns())

    assert (len(claimed), in_flight, len(rest)) == (count, count, 5 - count)
    assert {due.body for due in claimed + rest} == {b"x" * 100}


async def test_bytes_in_flight_are_bounded_from_the_first_claim_on(
    conn: Conn, database_url: str, receiver: Receiver
) -> None:
    gate = asyncio.Event()
    receiver.answering = holding(gate)
    large, small = (
        await create_subscription(conn, receiver.url("/large")),
        await create_subscription(conn, receiver.url()),
    )
    await create_due_events(conn, large, 90)
    await conn.execute("update webhook_events set payload_digest = 'large'")
    body = b'{"data": "%s"}' % (b"x" * 999_988)
    await conn.execute("insert into payloads (digest, body) values ('large', $1)", body)

    async with delivering(database_url) as deliverer:
        job = asyncio.create_task(deliverer.deliver_all())
        # Sixty fit into the nine tenths of 64 MiB that are anybody's, and the next one reaches their end.
        await receiver.wait_for(count=61)
        await create_due_events(conn, small)
        deliverer.wake()
        await receiver.wait_for(lambda one: one.path == "/hook")
        in_flight = await conn.fetchval(
            "select count(*) from webhook_events where state = 'SENDING' and webhook_id = $1", large.id
        )
        gate.set()
        await until(lambda: conn.fetchval("select count(*) = 91 from webhook_events where state = 'DELIVERED'"))
        await job

    assert (len(body), in_flight) == (1_000_000, 61)
