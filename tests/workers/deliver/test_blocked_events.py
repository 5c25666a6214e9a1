"""Events that wait behind an older one are set aside, and whoever ends the older one makes the next one due.

Above 300 lines: one case for each way in which the older event may end.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import asyncpg
import pytest

from app.db.pool import SERVER_SETTINGS, Connection
from app.webhooks.db import deliveries, webhook_event_changes, webhook_events
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.db.ordering.blocked_events import PER_WEBHOOK, Place, release_forgotten, set_aside_blocked
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.domain.webhook_event import WebhookEventState
from tests.builders.deliveries import create_due_events, create_pulled_subscription, create_subscription, result_of
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher
from tests.support.plan_cost import metered
from tests.support.waiting import until
from tests.workers.deliver.test_deliver import claim, failed
from workers.upkeep.sweep import sweep_all

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"
ASIDE = "select count(*) from webhook_events_open where state in ('PENDING', 'RETRYING') and due_at is null"
#: Whether another connection waits for this one.
IS_BLOCKED = "select exists (select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid)))"


async def set_aside(conn: Connection, *, blocked_s: float = 0) -> int:
    """All that is blocked, in steps; their number."""
    total = 0
    while in_round := await _set_aside_once(conn, blocked_s):
        total += in_round
    return total


async def _set_aside_once(conn: Connection, blocked_s: float) -> int:
    place: Place | None = Place()
    total = 0
    while place is not None:
        async with conn.transaction():
            step = await set_aside_blocked(conn, place, blocked_s=blocked_s)
        place, total = step.place, total + step.set_aside
    return total


async def create_blocked(conn: Connection, webhook: Webhook, *, behind: int, entities: int = 1) -> list[list[int]]:
    """Of each entity, an event that waits for its retry, and so many behind it. The ids of each round of entities."""
    heads = await create_due_events(conn, webhook, entities, state="RETRYING")
    await conn.execute(
        "update webhook_events set due_at = now() + interval '1 h', attempt_count = 1 where id = any($1::bigint[])",
        heads,
    )
    return [heads, *[await create_due_events(conn, webhook, entities) for _ in range(behind)]]


async def make_due(conn: Conn, ids: Sequence[int]) -> None:
    await conn.execute("update webhook_events_open set due_at = now() where id = any($1::bigint[])", ids)


async def due_ids(conn: Conn) -> list[int]:
    rows = await conn.fetch("select id from webhook_events_open where due_at <= clock_timestamp() order by id")
    return [row["id"] for row in rows]


@pytest.fixture
async def webhook(conn: Conn) -> Webhook:
    return await create_subscription(conn, URL, every_change=True, concurrent_send_limit=100)


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Conn]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_a_claim_reads_nothing_of_what_is_set_aside(conn: Conn, database_url: str, webhook: Webhook) -> None:
    """With seven times as many behind the retries, a claim costs the same as before."""
    await create_blocked(conn, webhook, behind=1, entities=300)
    costs = []
    async with metered(database_url, **SERVER_SETTINGS) as session:
        for _ in range(2):
            await set_aside(conn)
            await conn.execute("vacuum analyze webhook_events_open")
            async with session.counting():
                assert await claim(session.conn) == []
            costs.append(session.cost)
            for _ in range(6):
                await create_due_events(conn, webhook, 300)
        async with session.counting():
            assert await claim(session.conn) == []
        assert session.cost > 1_800

    assert costs[1] <= costs[0] + 10 < 100


async def test_all_are_sent_in_their_order(conn: Conn, webhook: Webhook) -> None:
    rounds = await create_blocked(conn, webhook, behind=4, entities=20)
    assert await set_aside(conn) == 80
    await make_due(conn, rounds[0])

    sent = []
    while claimed := await claim(conn):
        sent.append([due.id for due in claimed])
        await deliveries.record_results(conn, [result_of(due) for due in claimed])

    assert sent == rounds
    assert await release_forgotten(conn) == 0


End = Callable[[Conn, DueEvent], Awaitable[object]]


async def deliver(conn: Conn, due: DueEvent) -> object:
    return await deliveries.record_results(conn, [result_of(due)])


async def give_up(conn: Conn, due: DueEvent) -> object:
    return await deliveries.record_results(conn, [failed(due, state=WebhookEventState.FAILED, delay_s=None)])


async def cancel(conn: Conn, due: DueEvent) -> object:
    await deliveries.record_results(conn, [failed(due)])
    async with conn.transaction():
        return await webhook_event_changes.cancel_webhook_event(conn, due.id, "not wanted")


@pytest.mark.parametrize("end", [deliver, give_up, cancel])
async def test_the_end_of_an_event_makes_the_next_one_due(conn: Conn, webhook: Webhook, end: End) -> None:
    heads, second, third = await create_blocked(conn, webhook, behind=2)
    assert await set_aside(conn) == 2
    await make_due(conn, heads)
    (due,) = await claim(conn)

    await end(conn, due)

    assert await due_ids(conn) == second
    (due,) = await claim(conn)
    await end(conn, due)
    assert [due.id for due in await claim(conn)] == third


async def test_a_failed_attempt_frees_nothing(conn: Conn, webhook: Webhook) -> None:
    heads, *_ = await create_blocked(conn, webhook, behind=2)
    await set_aside(conn)
    await make_due(conn, heads)

    await deliveries.record_results(conn, [failed(due) for due in await claim(conn)])

    assert await due_ids(conn) == []
    assert await conn.fetchval(ASIDE) == 2


async def test_newer_state_in_the_place_of_all_is_due(publisher: Publisher) -> None:
    """Told of every change until now; then the webhook wants the last state alone."""
    webhook = await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, every_change=True)
    await create_variant(publisher.conn, sku="A")
    await publisher.publish()
    await deliveries.record_results(publisher.conn, [failed(due, delay_s=600.0) for due in await claim(publisher.conn)])
    for sku in "BC":
        await publisher.conn.execute("update variants set sku = $1", sku)
        await publisher.publish()
    assert await set_aside(publisher.conn) == 2
    await publisher.conn.execute("update webhooks set every_change = false where id = $1", webhook)

    await publisher.conn.execute("update variants set sku = 'D'")
    await publisher.publish()

    assert [one.state for one in await publisher.made()] == ["SUPERSEDED"] * 3 + ["PENDING"]
    assert len(await claim(publisher.conn)) == 1


async def test_what_was_due_for_a_moment_is_left_alone(conn: Conn, webhook: Webhook) -> None:
    await create_blocked(conn, webhook, behind=2)

    assert await set_aside(conn, blocked_s=60) == 0
    assert await conn.fetchval(ASIDE) == 0


async def test_a_test_neither_waits_nor_blocks(conn: Conn, webhook: Webhook) -> None:
    await create_blocked(conn, webhook, behind=1)
    await conn.execute("update webhook_events set event_name = 'test'")

    assert await set_aside(conn) == 0


async def test_events_of_a_paused_or_disabled_webhook_are_left_alone(conn: Conn, webhook: Webhook) -> None:
    """No claim looks at them."""
    other = await create_subscription(conn, URL, every_change=True)
    for one in (webhook, other):
        await create_blocked(conn, one, behind=2)
    await conn.execute("update webhooks set paused_until = now() + interval '1 h' where id = $1", webhook.id)
    await conn.execute("update webhooks set is_enabled = false where id = $1", other.id)

    assert await set_aside(conn) == 0


async def test_every_webhook_has_its_turn(conn: Conn) -> None:
    """A step of one webhook with thousands is followed by a step of those behind it."""
    webhooks = [await create_subscription(conn, URL, every_change=True) for _ in range(6)]
    for webhook in webhooks:
        await create_blocked(conn, webhook, behind=1, entities=PER_WEBHOOK + 100)

    async with conn.transaction():
        step = await set_aside_blocked(conn, Place(), blocked_s=0)
    assert step.place is not None
    assert (step.set_aside, step.place) == (4 * PER_WEBHOOK, Place(is_pulled=False, webhook_id=webhooks[3].id))
    async with conn.transaction():
        step = await set_aside_blocked(conn, step.place, blocked_s=0)
    assert (step.set_aside, step.place) == (2 * PER_WEBHOOK, Place(is_pulled=False, webhook_id=webhooks[5].id))
    assert await set_aside(conn) == 600


async def test_messages_that_are_taken_are_set_aside_behind_each_other(conn: Conn) -> None:
    webhook = await create_pulled_subscription(conn, every_change=True)
    rounds = [await create_due_events(conn, webhook, 3) for _ in range(3)]

    async def take() -> list[DueEvent]:
        return await deliveries.claim_due(
            conn, limit=10, per_webhook=10, after=0, failing_share=10, lease_s=60, pulled=webhook.id
        )

    claimed = await take()
    assert [due.id for due in claimed] == rounds[0]

    assert await set_aside(conn) == 6
    await deliveries.record_results(conn, [result_of(due) for due in claimed])

    assert [due.id for due in await take()] == rounds[1]


async def test_an_event_that_is_ending_is_left_alone(conn: Conn, other: Conn, webhook: Webhook) -> None:
    """Whoever ends it has looked for its mark already."""
    heads, second = await create_blocked(conn, webhook, behind=1)
    await make_due(conn, heads)
    (due,) = await claim(conn)

    async with other.transaction():
        await deliveries.record_results(other, [result_of(due)])
        assert await set_aside(conn) == 0

    assert [due.id for due in await claim(conn)] == second


async def test_the_end_waits_for_the_mark(conn: Conn, other: Conn, webhook: Webhook) -> None:
    heads, second = await create_blocked(conn, webhook, behind=1)
    await make_due(conn, heads)
    (due,) = await claim(conn)

    async with conn.transaction():
        assert (await set_aside_blocked(conn, Place(), blocked_s=0)).set_aside == 1
        ending = asyncio.create_task(deliveries.record_results(other, [result_of(due)]))
        await until(lambda: conn.fetchval(IS_BLOCKED))
    await ending

    assert [due.id for due in await claim(conn)] == second


async def test_what_a_dead_process_has_forgotten_is_released(publisher: Publisher, webhook: Webhook) -> None:
    conn = publisher.conn
    heads, second, third = await create_blocked(conn, webhook, behind=2)
    await set_aside(conn)
    await conn.execute("update webhook_events set state = 'CANCELLED' where id = any($1::bigint[])", heads)
    assert await claim(conn) == []

    await sweep_all(publisher.resources)

    assert [due.id for due in await claim(conn)] == second
    await conn.execute("delete from webhook_events where id = any($1::bigint[])", second)
    await sweep_all(publisher.resources)
    assert [due.id for due in await claim(conn)] == third


async def test_the_sweep_sets_ten_thousand_aside(publisher: Publisher, webhook: Webhook) -> None:
    await create_blocked(publisher.conn, webhook, behind=5, entities=2_000)
    await publisher.conn.execute("update webhook_events set due_at = due_at - interval '1 min' where state = 'PENDING'")

    await sweep_all(publisher.resources)

    assert await publisher.conn.fetchval(ASIDE) == 10_000


async def test_an_older_event_that_is_sent_again_goes_first(conn: Conn, webhook: Webhook) -> None:
    """It was delivered long ago, and is not marked; those that were set aside before still have their turn."""
    old = await create_due_events(conn, webhook, state="DELIVERED")
    heads, second, third = await create_blocked(conn, webhook, behind=2)
    await set_aside(conn)
    await webhook_event_changes.replay_webhook_events(conn, [WebhookEventId(old[0])], is_enabled=True)
    await make_due(conn, heads)

    sent = []
    while claimed := await claim(conn):
        sent += [due.id for due in claimed]
        await deliveries.record_results(conn, [result_of(due) for due in claimed])

    assert sent == [*old, *heads, *second, *third]


async def test_disabled_and_enabled_again_all_is_sent(conn: Conn, webhook: Webhook) -> None:
    rounds = await create_blocked(conn, webhook, behind=2, entities=2)
    await set_aside(conn)

    async with conn.transaction():
        await webhook_events.hold_open(conn, WebhookId(webhook.id))
        assert await conn.fetchval("select count(*) from webhook_events_open where state = 'HELD'") == 6
    async with conn.transaction():
        await webhook_events.release_held(conn, WebhookId(webhook.id))

    sent = []
    while claimed := await claim(conn):
        sent.append([due.id for due in claimed])
        await deliveries.record_results(conn, [result_of(due) for due in claimed])
    assert sent == rounds
