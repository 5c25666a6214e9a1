"""`previous` of a body: the payload that the receiver last confirmed, and the same bytes at every attempt.

Above 300 lines: what may become of an event between two claims, case by case, by the same few steps.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson
import pytest

from app.db.pool import Connection
from app.webhooks.db import deliveries
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.domain.attempt import NEVER_LEFT
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.domain.webhook_event import WebhookEventState
from schema.stored.envelope import build_body
from tests.builders.deliveries import result_of
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher, recorded
from tests.workers.deliver.test_deliver import claim, failed
from workers.upkeep.retention import apply_retention


async def subscribe(publisher: Publisher, **given: Any) -> int:
    return await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, **{"include_previous": True, **given})


async def change(publisher: Publisher, sku: str) -> None:
    await publisher.conn.execute("update variants set sku = $1, deleted_at = null", sku)
    await publisher.publish()


async def take(conn: Connection) -> DueEvent:
    (due,) = await claim(conn)
    return due


async def deliver(conn: Connection, *dues: DueEvent) -> None:
    await deliveries.record_results(conn, [result_of(due) for due in dues])


def body_of(due: DueEvent) -> bytes:
    return build_body(due, "id")


def skus_of(dues: Sequence[DueEvent]) -> list[tuple[str, str | None, str]]:
    """Event, SKU before and after."""
    bodies = [orjson.loads(body_of(due)) for due in dues]
    return [(one["event_name"], _sku(one["previous"]), _sku(one["payload"])) for one in bodies]


def _sku(payload: Any) -> Any:
    return payload and payload["data"]["node"]["sku"]


@pytest.fixture
async def known(publisher: Publisher) -> Publisher:
    """A webhook that asks for `previous` and has confirmed the variant's state A."""
    await subscribe(publisher)
    await create_variant(publisher.conn, sku="A")
    await publisher.publish()
    await deliver(publisher.conn, *await claim(publisher.conn))
    return publisher


async def test_each_body_shows_what_was_confirmed_before_it(publisher: Publisher) -> None:
    conn = publisher.conn
    await subscribe(publisher)
    await create_variant(conn, sku="A")
    taken = []
    for change_it in (None, "B", "C", "gone", "D", "E"):
        if change_it == "gone":
            await conn.execute("update variants set deleted_at = now()")
            await publisher.publish()
        elif change_it is None:
            await publisher.publish()
        else:
            await change(publisher, change_it)
        taken.append(await take(conn))
        await deliver(conn, taken[-1])

    assert skus_of(taken) == [
        ("create", None, "A"),
        ("update", "A", "B"),
        ("update", "B", "C"),
        ("destroy", "C", "C"),
        ("create", None, "D"),
        ("update", "D", "E"),
    ]


async def test_a_webhook_that_does_not_ask_for_it_has_none(publisher: Publisher) -> None:
    await subscribe(publisher, include_previous=None)
    await create_variant(publisher.conn, sku="A")
    await publisher.publish()
    await deliver(publisher.conn, await take(publisher.conn))
    await change(publisher, "B")

    assert "previous" not in orjson.loads(body_of(await take(publisher.conn)))


async def test_a_newer_state_that_takes_the_place_of_one_never_sent_shows_what_was_confirmed(known: Publisher) -> None:
    await change(known, "B")
    await change(known, "C")

    assert skus_of([await take(known.conn)]) == [("update", "A", "C")]


async def test_what_is_published_while_its_forerunner_is_in_flight_shows_that_one(known: Publisher) -> None:
    await change(known, "B")
    in_flight = await take(known.conn)
    await change(known, "C")
    await change(known, "D")

    await deliver(known.conn, in_flight)

    assert skus_of([await take(known.conn)]) == [("update", "B", "D")]


async def test_each_of_every_change_shows_the_one_before(publisher: Publisher) -> None:
    conn = publisher.conn
    await create_variant(conn, sku="A")
    await recorded(conn)
    await subscribe(publisher, every_change=True)
    for sku in ("B", "C", "D"):
        await change(publisher, sku)

    taken = []
    for _ in range(3):
        taken.append(await take(conn))
        await deliver(conn, taken[-1])

    assert skus_of(taken) == [("update", None, "B"), ("update", "B", "C"), ("update", "C", "D")]


@pytest.mark.parametrize("ends", ["answered badly", "lease is over"])
async def test_after_an_attempt_with_an_unknown_outcome_nothing_is_known(known: Publisher, ends: str) -> None:
    conn = known.conn
    await change(known, "B")
    due = await take(conn)
    await change(known, "C")

    if ends == "lease is over":
        await conn.execute("update webhook_events set lease_until = now() - interval '1 s' where state = 'SENDING'")
        await deliveries.release_expired(conn)
        due = await take(conn)
    await deliveries.record_results(conn, [failed(due, state=WebhookEventState.FAILED, delay_s=None)])

    assert skus_of([await take(conn)]) == [("update", None, "C")]


async def test_an_attempt_that_never_left_says_nothing_against_what_was_confirmed(known: Publisher) -> None:
    await change(known, "B")
    unsent = failed(await take(known.conn), state=WebhookEventState.FAILED, delay_s=None)
    await deliveries.record_results(known.conn, [unsent._replace(status=None, error_kind=NEVER_LEFT[0])])
    await change(known, "C")

    assert skus_of([await take(known.conn)]) == [("update", "A", "C")]


@pytest.mark.parametrize("asks", [True, False])
async def test_the_bytes_stay_whatever_the_webhook_asks_for_later(publisher: Publisher, asks: bool) -> None:
    conn = publisher.conn
    await subscribe(publisher, include_previous=asks)
    await create_variant(conn, sku="A")
    await publisher.publish()
    await deliver(conn, await take(conn))
    await change(publisher, "B")
    first = await take(conn)
    await deliveries.record_results(conn, [failed(first, delay_s=0.0)])
    await conn.execute("update webhooks set include_previous = not include_previous")

    again = await take(conn)

    assert (again.attempt, body_of(again)) == (2, body_of(first))
    assert ("previous" in orjson.loads(body_of(first))) is asks


async def test_a_replay_has_the_same_bytes_although_the_receiver_knows_more(known: Publisher) -> None:
    conn = known.conn
    taken = []
    for sku in ("B", "C"):
        await change(known, sku)
        taken.append(await take(conn))
        await deliver(conn, taken[-1])
    await conn.execute(
        "update webhook_events set state = 'PENDING', due_at = now(), finished_at = null, replayed_at = now()"
        " where id = $1",
        taken[0].id,
    )

    replayed = await take(conn)

    assert (replayed.id, body_of(replayed)) == (taken[0].id, body_of(taken[0]))


async def test_what_is_first_sent_after_a_newer_state_shows_nothing_as_its_past(known: Publisher) -> None:
    conn = known.conn
    await change(known, "B")
    await conn.execute("update webhook_events set state = 'CANCELLED', due_at = null where state = 'PENDING'")
    await change(known, "C")
    await deliver(conn, await take(conn))
    await conn.execute(
        "update webhook_events set state = 'PENDING', due_at = now(), replayed_at = now() where state = 'CANCELLED'"
    )

    assert skus_of([await take(conn)]) == [("update", None, "B")]


async def test_an_older_payload_is_kept_for_as_long_as_the_event_that_shows_it(known: Publisher, today: date) -> None:
    conn = known.conn
    await conn.execute("update payloads set day = day - 40")
    await conn.execute(
        "update webhook_events set created_at = now() - interval '40 d', finished_at = now() - interval '40 d'"
    )
    await change(known, "B")
    first = await take(conn)
    await deliveries.record_results(conn, [failed(first, delay_s=0.0)])

    await apply_retention(known.resources)

    again = await take(conn)
    days = [row["day"] for row in await conn.fetch("select distinct day from payloads")]
    assert days == [today]
    assert skus_of([again]) == [("update", "A", "B")]
    assert body_of(again) == body_of(first)


async def test_a_payload_that_is_not_kept_any_more_is_null(known: Publisher) -> None:
    await known.conn.execute("delete from payloads")
    await change(known, "B")

    first = await take(known.conn)

    assert skus_of([first]) == [("update", None, "B")]
    # Although there is such a payload again.
    await deliveries.record_results(known.conn, [failed(first, delay_s=0.0)])
    await known.conn.execute("insert into payloads (digest, body) values (sha256($1), $1)", sku_payload("A"))
    assert body_of(await take(known.conn)) == body_of(first)


def sku_payload(sku: str) -> bytes:
    return orjson.dumps({"data": {"node": {"sku": sku}}})


async def test_an_event_is_not_sent_again_with_other_bytes_when_its_previous_payload_was_deleted(
    known: Publisher,
) -> None:
    await change(known, "B")
    first = await take(known.conn)
    await deliveries.record_results(known.conn, [failed(first, delay_s=0.0)])

    deleted = await known.conn.execute("delete from payloads where digest = sha256($1)", sku_payload("A"))

    # As when its own payload is gone: the attempt is recorded as PAYLOAD_GONE.
    assert (deleted, (await take(known.conn)).body) == ("DELETE 1", b"")


async def test_a_test_shows_null(known: Publisher) -> None:
    await known.conn.execute(
        "insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, payload_digest, changed,"
        " changed_at, due_at) select webhook_id, entity_type, entity_id, 'test', 'PENDING', payload_digest, '{}',"
        " now(), now() from webhook_events"
    )

    assert skus_of([await take(known.conn)]) == [("test", None, "A")]


async def test_a_claim_counts_the_bytes_of_both_payloads(publisher: Publisher) -> None:
    conn = publisher.conn
    await subscribe(publisher)
    variants = [await create_variant(conn, sku="A") for _ in range(3)]
    await publisher.publish()
    await deliver(conn, *await claim(conn))
    await change(publisher, "B")
    size = len(sku_payload("A")) + len(sku_payload("B"))

    claimed = await deliveries.claim_due(
        conn, limit=9, per_webhook=9, after=0, failing_share=9, lease_s=60, max_bytes=size + 1
    )

    assert [one.size for one in claimed] == [size] * 2
    assert len(variants) == 3


async def test_who_does_not_ask_costs_no_look_at_what_was_confirmed(publisher: Publisher) -> None:
    conn = publisher.conn
    await subscribe(publisher, include_previous=False)
    await create_variant(conn, sku="A")
    await publisher.publish()
    await deliver(conn, await take(conn))
    await change(publisher, "B")
    scans = "pg_stat_get_xact_numscans('webhook_given'::regclass) + sum(pg_stat_get_xact_numscans(indexrelid))"
    looks = f"select ({scans})::int from pg_index where indrelid = 'webhook_given'::regclass"

    counts = []
    for asks in (False, True):
        await conn.execute("update webhooks set include_previous = $1", asks)
        async with conn.transaction():
            before = await conn.fetchval(looks)
            due = await take(conn)
            counts.append(await conn.fetchval(looks) - before)
        await deliver(conn, due)
        await change(publisher, "C")

    assert counts == [0, 1]
