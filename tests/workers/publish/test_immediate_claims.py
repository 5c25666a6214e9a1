"""A publishing step claims the events that it makes, as far as their webhooks and the process have places for them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiohttp import web

from app.capture import change_events
from app.db.pool import Connection
from app.webhooks.db import deliveries
from app.webhooks.domain.webhook import WebhookKlass
from tests.builders.deliveries import make_retries_due
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher, recorded
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from workers.deliver import handover
from workers.deliver.job import Deliverer
from workers.deliver.lease import elapsed_s
from workers.publish.job import publish_all
from workers.publish.step import publish_step

LEASE = "pg_try_advisory_xact_lock(7202, $1)"


@asynccontextmanager
async def delivering(publisher: Publisher) -> AsyncIterator[Deliverer]:
    """Deliver what is handed over. No job of this process claims."""
    async with Deliverer(publisher.resources).recording() as deliverer:
        yield deliverer


async def subscribe(publisher: Publisher, receiver: Receiver, **given: Any) -> int:
    return await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT, url=receiver.url(), **given)


async def create_variants(conn: Connection, number: int = 1) -> None:
    """Variants whose changes are published already."""
    for _ in range(number):
        await create_variant(conn)
    await recorded(conn)


async def change(conn: Connection) -> None:
    await conn.execute("update variants set count_on_hand = count_on_hand + 1")


def limit_places(publisher: Publisher, number: int) -> None:
    settings = publisher.resources.settings.model_copy(update={"deliver_max_in_flight": number})
    publisher.resources.settings = settings


async def states(conn: Connection) -> list[str]:
    return [row["state"] for row in await conn.fetch("select state from webhook_events order by id")]


async def wait_for_states(conn: Connection, expected: Sequence[str]) -> None:
    async def are_there() -> bool:
        return await states(conn) == list(expected)

    await until(are_there)


async def test_event_is_sent_without_a_claim_and_recorded_as_any_other(
    publisher: Publisher, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    conn = publisher.conn
    await create_variants(conn)
    await subscribe(publisher, receiver, headers={"X-Own": "yes"})
    monkeypatch.setattr(deliveries, "claim_due", None)

    async with delivering(publisher) as deliverer:
        for number in (1, 2):
            await change(conn)
            await publish_all(publisher.resources, deliverer)
            await wait_for_states(conn, ["DELIVERED"] * number)

    attempts = await conn.fetch(
        "select a.*, e.attempted_at, e.webhook_id as of_webhook from delivery_attempts a"
        " join webhook_events e on e.id = a.webhook_event_id order by e.id"
    )
    given = await conn.fetchval("select webhook_event_id from webhook_given")
    assert [one.data["node"]["countOnHand"] for one in receiver.deliveries] == [
        made.response["data"]["node"]["countOnHand"] for made in await publisher.made()
    ]
    assert {one.headers["x-own"] for one in receiver.deliveries} == {"yes"}
    assert [(one["number"], one["status"], one["webhook_id"], one["started_at"]) for one in attempts] == [
        (1, 200, one["of_webhook"], one["attempted_at"]) for one in attempts
    ]
    assert given == attempts[-1]["webhook_event_id"]
    assert await conn.fetchval("select count(*) from webhook_events_open") == 0


@pytest.mark.parametrize(
    ("given", "state"),
    [
        ("is_failing = true, failing_since = now()", "PENDING"),
        ("paused_until = now() + interval '1 h'", "PENDING"),
        ("rate_limit = 5", "PENDING"),
        ("include_previous = true", "PENDING"),
        ("is_enabled = false", None),
    ],
)
async def test_webhook_whose_claims_decide_more_is_left_to_them(
    publisher: Publisher, receiver: Receiver, given: str, state: str | None
) -> None:
    await create_variants(publisher.conn)
    await subscribe(publisher, receiver)
    await publisher.conn.execute(f"update webhooks set {given}")
    await change(publisher.conn)

    async with delivering(publisher) as deliverer:
        step = await publish_step(publisher.resources, limit=10, deliverer=deliverer)

    assert step is not None
    assert step.is_due is (state is not None)
    assert await states(publisher.conn) == ([] if state is None else [state])
    assert receiver.deliveries == []


async def test_pulled_event_waits_for_its_taker(publisher: Publisher) -> None:
    await create_variants(publisher.conn)
    await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT)
    await publisher.conn.execute("update webhooks set delivery = 'PULL', url = null")
    await change(publisher.conn)

    async with delivering(publisher) as deliverer:
        await publish_all(publisher.resources, deliverer)

    assert await states(publisher.conn) == ["PENDING"]


async def test_no_more_are_claimed_than_the_webhook_has_places(publisher: Publisher, receiver: Receiver) -> None:
    conn, gate = publisher.conn, asyncio.Event()
    receiver.answering = _answer_after(gate, receiver)
    await create_variants(conn, 5)
    await subscribe(publisher, receiver, concurrent_send_limit=2)
    await change(conn)

    async with delivering(publisher) as deliverer:
        step = await publish_step(publisher.resources, limit=99, deliverer=deliverer)
        assert step is not None
        assert step.is_due
        assert sorted(await states(conn)) == ["PENDING"] * 3 + ["SENDING"] * 2
        await receiver.wait_for(count=2)
        gate.set()
        # The places are free again; but what waits is older, and a claim has its turn.
        await wait_for_states(conn, ["DELIVERED"] * 2 + ["PENDING"] * 3)
        await create_variants(conn)
        await change(conn)
        await publish_all(publisher.resources, deliverer)
        assert (await states(conn)).count("SENDING") == 0
    assert len(receiver.deliveries) == 2


async def test_event_waits_behind_an_open_one_of_its_entity(publisher: Publisher, receiver: Receiver) -> None:
    conn, gate = publisher.conn, asyncio.Event()
    receiver.answering = _answer_after(gate, receiver)
    await create_variants(conn)
    await subscribe(publisher, receiver)

    async with delivering(publisher) as deliverer:
        for _ in range(2):
            await change(conn)
            await publish_all(publisher.resources, deliverer)
        assert await states(conn) == ["SENDING", "PENDING"]
        gate.set()
        await wait_for_states(conn, ["DELIVERED", "PENDING"])


async def test_event_waits_behind_an_older_one_that_is_sent_again(publisher: Publisher, receiver: Receiver) -> None:
    conn = publisher.conn
    await create_variants(conn)
    await subscribe(publisher, receiver)
    async with delivering(publisher) as deliverer:
        await change(conn)
        await publish_all(publisher.resources, deliverer)
        await wait_for_states(conn, ["DELIVERED"])
        # Due at a later time, so that the webhook itself has nothing that is due.
        await conn.execute(
            "update webhook_events set state = 'RETRYING', due_at = now() + interval '1 h', finished_at = null,"
            " replayed_at = now()"
        )
        await change(conn)
        await publish_all(publisher.resources, deliverer)

    assert await states(conn) == ["RETRYING", "PENDING"]


async def test_of_several_events_of_one_entity_the_first_is_claimed(publisher: Publisher, receiver: Receiver) -> None:
    conn, gate = publisher.conn, asyncio.Event()
    receiver.answering = _answer_after(gate, receiver)
    await create_variants(conn)
    await subscribe(publisher, receiver, every_change=True)
    for _ in range(3):
        await change(conn)

    async with delivering(publisher) as deliverer:
        await publish_all(publisher.resources, deliverer)
        assert await states(conn) == ["SENDING", "PENDING", "PENDING"]
        gate.set()


async def test_webhook_that_a_claim_holds_is_left_to_claims(
    publisher: Publisher, receiver: Receiver, database_url: str
) -> None:
    await create_variants(publisher.conn)
    webhook_id = await subscribe(publisher, receiver)
    await change(publisher.conn)
    other = await asyncpg.connect(database_url)

    async with delivering(publisher) as deliverer, other.transaction():
        assert await other.fetchval(f"select {LEASE}", webhook_id)
        await publish_all(publisher.resources, deliverer)

    await other.close()
    assert await states(publisher.conn) == ["PENDING"]


async def test_claims_leave_a_webhook_out_until_the_step_is_committed(
    publisher: Publisher, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its places would be given twice."""
    conn = publisher.conn
    await create_variants(conn)
    webhook_id = await subscribe(publisher, receiver)
    await change(conn)
    free: list[bool] = []
    mark = change_events.mark_published

    async def look(of_step: Connection, ids: Sequence[int], **given: int) -> bool:
        free.append(await conn.fetchval(f"select {LEASE}", webhook_id))
        return await mark(of_step, ids, **given)

    monkeypatch.setattr(change_events, "mark_published", look)
    async with delivering(publisher) as deliverer:
        await publish_all(publisher.resources, deliverer)
        await wait_for_states(conn, ["DELIVERED"])

    assert free == [False]
    assert await conn.fetchval(f"select {LEASE}", webhook_id)


async def test_step_that_fails_sends_nothing_and_gives_its_places_back(
    publisher: Publisher, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    conn = publisher.conn
    await create_variants(conn)
    await subscribe(publisher, receiver)
    await change(conn)
    limit_places(publisher, 10)

    async def fail(*_: object, **__: object) -> bool:
        raise ValueError("no")

    async with delivering(publisher) as deliverer:
        with monkeypatch.context() as patched:
            patched.setattr(change_events, "mark_published", fail)
            for _ in range(20):
                with pytest.raises(ValueError, match="no"):
                    await publish_step(publisher.resources, limit=10, deliverer=deliverer)
        assert await states(conn) == []
        assert deliverer.in_flight == 0
        await publish_all(publisher.resources, deliverer)
        await wait_for_states(conn, ["DELIVERED"])

    assert len(receiver.deliveries) == 1


async def test_process_without_places_leaves_all_to_claims(publisher: Publisher, receiver: Receiver) -> None:
    conn, gate = publisher.conn, asyncio.Event()
    receiver.answering = _answer_after(gate, receiver)
    await create_variants(conn, 30)
    await subscribe(publisher, receiver, concurrent_send_limit=200)
    await change(conn)
    limit_places(publisher, 20)

    async with delivering(publisher) as deliverer:
        await publish_all(publisher.resources, deliverer)
        # A tenth of the places is kept for webhooks with nothing in flight, and a webhook gets a tenth of a claim.
        assert (await states(conn)).count("SENDING") == 1
        gate.set()
        await until(lambda: _is_idle(deliverer))


async def test_nothing_is_handed_over_while_the_process_stops(publisher: Publisher, receiver: Receiver) -> None:
    await create_variants(publisher.conn)
    await subscribe(publisher, receiver)
    await change(publisher.conn)

    async with delivering(publisher) as deliverer:
        publisher.resources.stopping.set()
        await publish_step(publisher.resources, limit=10, deliverer=deliverer)

    assert await states(publisher.conn) == ["PENDING"]


async def test_event_of_a_process_that_died_after_the_commit_is_sent_by_another(
    publisher: Publisher, receiver: Receiver
) -> None:
    conn = publisher.conn
    await create_variants(conn)
    await subscribe(publisher, receiver)
    await change(conn)
    # Nobody sends: it has died before it could.
    dead = Deliverer(publisher.resources)
    dead._send_all = lambda *_: None  # type: ignore[method-assign]
    await publish_all(publisher.resources, dead)
    assert await states(conn) == ["SENDING"]

    await conn.execute("update webhook_events_open set lease_until = now() - interval '1 s'")
    await deliveries.release_expired(conn)
    async with delivering(publisher) as deliverer:
        await deliverer.deliver_all()
        await wait_for_states(conn, ["DELIVERED"])

    assert [one.headers["tellgraph-attempt"] for one in receiver.deliveries] == ["2"]


async def test_nothing_is_sent_once_the_lease_may_be_over(
    publisher: Publisher, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step has taken too long, or the process has stood still: another one may send the event by now."""
    await create_variants(publisher.conn)
    await subscribe(publisher, receiver)
    await change(publisher.conn)
    lease_s = publisher.resources.settings.deliver_lease_s
    monkeypatch.setattr(handover, "elapsed_s", lambda: elapsed_s() - lease_s)

    async with delivering(publisher) as deliverer:
        await publish_all(publisher.resources, deliverer)
        await until(lambda: _is_idle(deliverer))

    assert await states(publisher.conn) == ["SENDING"]
    assert receiver.deliveries == []


async def test_retry_has_the_same_bytes(publisher: Publisher, receiver: Receiver) -> None:
    """The first attempt has what publishing has in memory, and the second one what is stored."""
    conn = publisher.conn
    await create_variants(conn)
    await subscribe(publisher, receiver)
    bodies: list[bytes] = []

    async def fail_first(delivery: Delivery) -> web.StreamResponse:
        bodies.append(delivery.body)
        return web.Response(status=500 if len(bodies) == 1 else 200)

    receiver.answering = fail_first
    async with delivering(publisher) as deliverer:
        await change(conn)
        await publish_all(publisher.resources, deliverer)
        await wait_for_states(conn, ["RETRYING"])
        await make_retries_due(conn)
        await deliverer.deliver_all()
        await wait_for_states(conn, ["DELIVERED"])

    assert len(bodies) == 2
    assert bodies[0] == bodies[1]


async def test_claim_finds_what_a_step_has_left(publisher: Publisher, receiver: Receiver) -> None:
    """The events of both ways are alike: the same columns, whichever way they came."""
    conn = publisher.conn
    await create_variants(conn, 2)
    await subscribe(publisher, receiver, concurrent_send_limit=1)
    await change(conn)

    async with delivering(publisher) as deliverer:
        await publish_all(publisher.resources, deliverer)
        await wait_for_states(conn, ["DELIVERED", "PENDING"])
        await deliverer.deliver_all()
        await wait_for_states(conn, ["DELIVERED", "DELIVERED"])

    first, second = await conn.fetch("select * from webhook_events order by id")
    differing = {name for name, value in first.items() if value != second[name]}
    assert differing <= {
        "id",
        "entity_id",
        "payload_digest",
        "changed_at",
        "due_at",
        "attempted_at",
        "first_attempted_at",
        "created_at",
        "finished_at",
    }


def _answer_after(gate: asyncio.Event, receiver: Receiver) -> Callable[[Delivery], Awaitable[web.StreamResponse]]:
    answer = receiver.answering

    async def answering(delivery: Delivery) -> web.StreamResponse:
        await gate.wait()
        return await answer(delivery)

    return answering


async def _is_idle(deliverer: Deliverer) -> bool:
    return deliverer.in_flight == 0
