"""A state whose attempt has failed gives way to a newer one that waits, by the rules that publishing has."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from app.db.pool import transaction
from app.webhooks.db import deliveries
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.services.succession import LOOK_AGAIN_S, supersede_failed, supersede_recent
from tests.builders.deliveries import result_of
from tests.builders.variants import create_variant
from tests.support.outbox import MadeEvent, Publisher
from tests.support.waiting import until
from tests.workers.deliver.test_deliver import claim, failed
from workers.deliver.record import record
from workers.publish.job import publish_all
from workers.upkeep.sweep import sweep_all

QUERY = "sku label countOnHand"
#: Whether a transaction that waits for a lock has lasted for so many seconds.
IS_SLOW = (
    "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    " and xact_start < clock_timestamp() - make_interval(secs => $1))"
)


async def publish(publisher: Publisher, change: str) -> MadeEvent:
    await publisher.conn.execute(f"update variants set {change}")
    *_, last = await publisher.publish()
    return last


async def subscribe_told(publisher: Publisher, **given: Any) -> None:
    """A webhook that has been given a variant's present state."""
    await publisher.subscribe(QUERY, klass=WebhookKlass.VARIANT, **given)
    await create_variant(publisher.conn, sku="A")
    await publisher.publish()
    await publisher.deliver()


async def store(publisher: Publisher, claimed: Sequence[DueEvent], **outcome: Any) -> list[MadeEvent]:
    await record([failed(due, **{"delay_s": 600.0, **outcome}) for due in claimed], publisher.resources.database)
    return await publisher.made()


async def test_newer_state_goes_out_next_and_tells_what_the_failed_one_would_have(publisher: Publisher) -> None:
    await subscribe_told(publisher)
    await publish(publisher, "sku = 'B'")
    in_flight = await claim(publisher.conn)
    await publish(publisher, "count_on_hand = 77")

    *_, first, second = await store(publisher, in_flight)
    (due,) = await claim(publisher.conn)

    assert (first.outcome, first.superseded_by) == (("update", "SUPERSEDED"), second.id)
    assert (due.id, due.event_name, due.attempt) == (second.id, "update", 1)
    assert due.changed["updated"] == ["sku", "countOnHand"]


@pytest.mark.parametrize("kind", [None, ErrorKind.CONNECT, ErrorKind.TIMEOUT])
async def test_update_in_the_place_of_a_failed_creation_is_one(publisher: Publisher, kind: ErrorKind | None) -> None:
    await publisher.subscribe(QUERY, klass=WebhookKlass.VARIANT)
    await create_variant(publisher.conn, sku="A")
    await publisher.publish()
    in_flight = await claim(publisher.conn)
    await publish(publisher, "sku = 'B'")

    first, second = await store(publisher, in_flight, status=None if kind else 500, error_kind=kind)

    assert (first.outcome, second.outcome) == (("create", "SUPERSEDED"), ("create", "PENDING"))


async def test_destroy_behind_a_failed_creation_is_sent(publisher: Publisher) -> None:
    await publisher.subscribe(QUERY, klass=WebhookKlass.VARIANT)
    await create_variant(publisher.conn, sku="A")
    await publisher.publish()
    in_flight = await claim(publisher.conn)
    await publish(publisher, "deleted_at = now()")

    first, second = await store(publisher, in_flight)

    assert (first.outcome, second.outcome) == (("create", "SUPERSEDED"), ("destroy", "PENDING"))


async def test_every_change_waits_behind_the_failed_one(publisher: Publisher) -> None:
    await subscribe_told(publisher, every_change=True)
    await publish(publisher, "sku = 'B'")
    in_flight = await claim(publisher.conn)
    await publish(publisher, "sku = 'C'")

    *_, first, second = await store(publisher, in_flight)

    assert (first.state, second.state) == ("RETRYING", "PENDING")
    assert await claim(publisher.conn) == []


async def test_what_was_asked_for_again_does_not_give_way(publisher: Publisher) -> None:
    await subscribe_told(publisher)
    first = await publish(publisher, "sku = 'B'")
    await publisher.conn.execute("update webhook_events set replayed_at = now() where id = $1", first.id)
    in_flight = await claim(publisher.conn)
    await publish(publisher, "sku = 'C'")

    *_, first, second = await store(publisher, in_flight)

    assert (first.state, second.state) == ("RETRYING", "PENDING")


async def test_success_leaves_the_newer_state_as_it_is(publisher: Publisher) -> None:
    await subscribe_told(publisher)
    await publish(publisher, "sku = 'B'")
    in_flight = await claim(publisher.conn)
    await publish(publisher, "count_on_hand = 77")

    await record([result_of(due) for due in in_flight], publisher.resources.database)

    *_, first, second = await publisher.made()
    assert (first.state, second.outcome) == ("DELIVERED", ("update", "PENDING"))
    assert second.changed["updated"] == ["countOnHand"]


async def test_expired_lease_gives_way_to_a_newer_state(publisher: Publisher) -> None:
    await subscribe_told(publisher)
    await publish(publisher, "sku = 'B'")
    await claim(publisher.conn)
    await publish(publisher, "sku = 'C'")
    await publisher.conn.execute("update webhook_events_open set lease_until = now() - interval '1 s'")

    await sweep_all(publisher.resources)

    *_, first, second = await publisher.made()
    assert (first.outcome, first.superseded_by) == (("update", "SUPERSEDED"), second.id)
    assert [due.id for due in await claim(publisher.conn)] == [second.id]


async def test_nothing_is_waited_for_and_a_later_look_finds_it(publisher: Publisher, database_url: str) -> None:
    await subscribe_told(publisher)
    await publish(publisher, "sku = 'B'")
    (in_flight,) = await claim(publisher.conn)
    newer = await publish(publisher, "sku = 'C'")
    other = await asyncpg.connect(database_url)

    async with other.transaction():
        await other.execute("select from webhook_events_open where id = $1 for update", newer.id)
        async with asyncio.timeout(60):
            *_, first, _ = await store(publisher, [in_flight])
        assert first.state == "RETRYING"
    async with transaction(publisher.resources.database) as conn:
        again = await supersede_failed(conn, [in_flight.id])

    *_, first, second = await publisher.made()
    assert (again, first.state, first.superseded_by) == (1, "SUPERSEDED", second.id)
    await other.close()


async def test_sweep_finds_what_was_published_while_the_failure_was_stored(publisher: Publisher) -> None:
    await subscribe_told(publisher)
    await publish(publisher, "sku = 'B'")
    in_flight = await claim(publisher.conn)
    await publish(publisher, "sku = 'C'")
    # As a transaction does that can't see the newer event yet.
    await deliveries.record_results(publisher.conn, [failed(due, delay_s=600.0) for due in in_flight])

    async with transaction(publisher.resources.database) as conn:
        found = [await supersede_recent(conn) for _ in range(2)]

    *_, first, second = await publisher.made()
    assert (found, first.state, second.state) == ([1, 0], "SUPERSEDED", "PENDING")


async def test_what_fails_during_a_slow_step_gives_way_after_it(publisher: Publisher, database_url: str) -> None:
    await subscribe_told(publisher)
    await publish(publisher, "sku = 'B'")
    in_flight = await claim(publisher.conn)
    await publisher.conn.execute("update variants set sku = 'C'")
    blocker = await asyncpg.connect(database_url)

    async with blocker.transaction():
        # The publisher has judged, and not stored yet what it has made.
        await blocker.execute("lock table payloads in share mode")
        publishing = asyncio.create_task(publish_all(publisher.resources))
        await until(lambda: publisher.conn.fetchval(IS_SLOW, LOOK_AGAIN_S))
        *_, failed_one = await store(publisher, in_flight)
    await publishing
    await blocker.close()

    *_, first, second = await publisher.made()
    assert failed_one.state == "RETRYING"
    assert (first.outcome, first.superseded_by) == (("update", "SUPERSEDED"), second.id)
