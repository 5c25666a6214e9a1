"""One owner's heavy changes wait in steps of their own, and a failing change fails alone.

Above 300 lines: every bound of a step, over the same few owners and their backlogs.
"""

import asyncio
from contextlib import AsyncExitStack, suppress

import asyncpg
import pytest

from app.auth.viewers import Viewer
from app.capture.change_events import Lane
from app.db.pool import Connection
from app.webhooks.db import payloads
from app.webhooks.db.payloads import Payload
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.services.change_events import retry_set_aside
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher, recorded
from tests.support.platform import settings_for
from workers.publish import job as publish
from workers.publish.budget import Budget
from workers.publish.job import publish_all
from workers.publish.selection import HEAVY_MATCHES
from workers.publish.step import Step, publish_step
from workers.resources import open_resources

VARIANT = WebhookKlass.VARIANT


async def left(publisher: Publisher) -> list[tuple[int, int, list[int] | None]]:
    """Entity, lane and webhooks of what still waits."""
    rows = await publisher.conn.fetch(
        "select entity_id, lane, webhook_ids from change_events_open where entity_type = 'Variant' order by id"
    )
    return [(row["entity_id"], row["lane"], row["webhook_ids"]) for row in rows]


async def test_what_a_step_has_no_room_for_is_told_by_the_next_ones_once_and_in_order(publisher: Publisher) -> None:
    variant = await create_variant(publisher.conn, sku="A")
    await recorded(publisher.conn)
    webhooks = [await publisher.subscribe("sku", klass=VARIANT) for _ in range(5)]
    await publisher.conn.execute("update variants set sku = 'B'")

    steps = 0
    while await publish_step(publisher.resources, limit=500, budget=Budget(matches=2)):
        steps += 1
        if steps == 1:
            assert await left(publisher) == [(variant.id, Lane.BULK, webhooks[2:])]
            assert publisher.resources.floors.has_left_over
            # A change that comes while some webhooks have been told of the former, and others have not.
            await publisher.conn.execute("update variants set sku = 'C'")

    made = await publisher.made()
    told = {
        id_: [(one.state, one.response["data"]["node"]["sku"]) for one in made if one.webhook_id == id_]
        for id_ in webhooks
    }
    assert all(of_one[-1] == ("PENDING", "C") for of_one in told.values())
    assert [len(told[id_]) for id_ in webhooks] == [2, 2, 1, 1, 1]
    assert await left(publisher) == []


async def test_an_entity_of_many_webhooks_waits_for_the_others(publisher: Publisher) -> None:
    many, few = await create_variant(publisher.conn), await create_variant(publisher.conn)
    await recorded(publisher.conn)
    await publisher.conn.execute(
        "insert into webhooks (seller_id, type, event_names, url, query_string, secrets)"
        " select $1, 'VARIANT', '{UPDATE}', 'https://a.example', $3, '' from generate_series(1, $2)",
        many.seller_id,
        HEAVY_MATCHES + 1,
        "query($id: ID!) { node(id: $id) { ... on Variant { sku } } }",
    )
    operators = await publisher.subscribe("sku", klass=VARIANT)
    await publisher.conn.execute("update variants set sku = 'x'")
    await publisher.conn.execute("delete from change_events where entity_type <> 'Variant'")

    await publish_step(publisher.resources, limit=500)

    assert [(one.webhook_id, one.entity[1]) for one in await publisher.made()] == [(operators, few.id)]
    assert await left(publisher) == [(many.id, Lane.HEAVY, None)]
    await publish_all(publisher.resources)
    assert len(await publisher.made()) == HEAVY_MATCHES + 3
    assert await left(publisher) == []


async def test_heavy_steps_are_one_publisher_s_at_a_time_and_ordinary_ones_go_on(
    publisher: Publisher, database_url: str
) -> None:
    await create_variant(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("sku", klass=VARIANT)
    await publisher.conn.execute("update variants set sku = 'x'")
    await publisher.conn.execute("update change_events_open set lane = 2 where entity_type = 'Variant'")

    async with publisher.conn.transaction():
        await publisher.conn.execute("select pg_advisory_xact_lock(7204, 0)")
        assert await publish_step(publisher.resources, limit=500, first_lane=Lane.HEAVY) is not None  # the advert's
        assert await publish_step(publisher.resources, limit=500) is None
        assert await publisher.made() == []

    assert len(await publisher.publish()) == 1


async def test_a_payload_above_the_bound_is_not_sent_and_says_why(publisher: Publisher, database_url: str) -> None:
    await create_variant(publisher.conn, notes="x" * 5000)
    await recorded(publisher.conn)
    await publisher.subscribe("sku notes", klass=VARIANT)
    fits = await publisher.subscribe("sku", klass=VARIANT)
    await publisher.conn.execute("update variants set sku = 'B'")

    async with open_resources(settings_for(database_url, max_payload_bytes=2000), stopping=asyncio.Event()) as bounded:
        await publish_all(bounded)

    made = {one.webhook_id: one for one in await publisher.made()}
    (refused,) = [one for id_, one in made.items() if id_ != fits]
    assert made[fits].outcome == ("update", "PENDING")
    assert (refused.outcome, refused.response) == (("update", "RENDER_FAILED"), None)
    assert "at most 2,000" in (refused.reason or "")
    assert await publisher.conn.fetchval("select max(length(body)) from payloads") < 2000


async def test_what_the_database_refuses_of_one_webhook_is_render_failed_and_all_others_are_told(
    publisher: Publisher,
) -> None:
    for _ in range(20):
        await create_variant(publisher.conn)
    await recorded(publisher.conn)
    refused, *told = [await publisher.subscribe("sku", klass=VARIANT) for _ in range(3)]
    await publisher.conn.execute(
        f"""
        create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
        create trigger refuse before insert on webhook_events_open for each row
          when (new.webhook_id = {refused}) execute function refuse();
        """
    )

    await publisher.conn.execute("update variants set sku = 'B'")
    made = await publisher.publish()

    assert {(one.webhook_id, one.state) for one in made} == {
        (refused, "RENDER_FAILED"),
        *((id_, "PENDING") for id_ in told),
    }
    assert len(made) == 60
    assert {one.reason for one in made if one.webhook_id == refused} == {
        "The query failed with an internal error (RaiseError). Replay the event once that is fixed."
    }


async def test_what_can_not_be_published_at_all_is_set_aside_told_and_published_by_hand(publisher: Publisher) -> None:
    one, other = [await create_variant(publisher.conn) for _ in range(2)]
    await recorded(publisher.conn)
    webhook_id = await publisher.subscribe("sku", klass=VARIANT)
    await publisher.subscribe(
        "kind reason", klass=WebhookKlass.OPERATIONAL_EVENT, event_names=[WebhookEventName.CREATE]
    )
    await publisher.conn.execute(
        f"""
        create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
        create trigger refuse before insert on webhook_events for each row
          when (new.entity_id = {one.id} and new.entity_type = 'Variant') execute function refuse();
        """
    )

    await publisher.conn.execute("update variants set sku = 'B'")
    made = await publisher.publish()

    assert [made_of.entity for made_of in made if made_of.webhook_id == webhook_id] == [("Variant", other.id)]
    (told,) = [made_of for made_of in made if made_of.webhook_id != webhook_id]
    assert told.response["data"]["node"]["kind"] == "PUBLISH_FAILED"
    assert f"Variant {one.id}" in told.response["data"]["node"]["reason"]
    assert [(entity, lane) for entity, lane, _ in await left(publisher)] == [(one.id, Lane.SET_ASIDE)]
    await publisher.conn.execute("drop trigger refuse on webhook_events")
    assert await retry_set_aside(publisher.resources.database, Viewer(None)) == 1
    assert [made_of.entity[1] for made_of in await publisher.publish() if made_of.webhook_id == webhook_id] == [
        other.id,
        one.id,
    ]


async def test_a_webhook_is_known_as_soon_as_it_is_committed_and_no_longer_than_it_is(publisher: Publisher) -> None:
    seller = await create_seller(publisher.conn)
    await create_variant(publisher.conn, seller_id=seller.id)
    await publisher.publish()
    webhook_id = await publisher.subscribe("sku", klass=VARIANT, seller_id=seller.id)

    await publisher.conn.execute("update variants set sku = 'B'")
    first = await publisher.publish()
    await publisher.conn.execute("update webhooks set deleted_at = now(), is_enabled = false where id = $1", webhook_id)
    await publisher.conn.execute("update variants set sku = 'C'")
    second = await publisher.publish()

    assert [one.webhook_id for one in first] == [webhook_id]
    assert second == first


@pytest.mark.parametrize("beside_an_old_transaction", [False, True])
async def test_a_step_that_fails_takes_no_webhook_from_another_step_of_the_process(
    publisher: Publisher, database_url: str, beside_an_old_transaction: bool
) -> None:
    async with AsyncExitStack() as stack:
        if beside_an_old_transaction:
            # As of a backup, or of a user of another database of the same server.
            old = await asyncpg.connect(database_url)
            stack.push_async_callback(old.close)
            await stack.enter_async_context(old.transaction())
            await old.execute("select pg_current_xact_id()")
        await _delete_a_known_webhook(publisher)


async def _delete_a_known_webhook(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("sku", klass=VARIANT)
    gone = await publisher.subscribe("sku label", klass=VARIANT)
    await publisher.publish()
    await create_variant(publisher.conn)
    await publisher.publish()
    subscriptions = publisher.resources.subscriptions

    subscriptions.read_all_next()
    meanwhile = await subscriptions.audience("Variant", None)
    assert meanwhile is not None
    assert {id_ for group in meanwhile.groups for id_ in group.webhooks} == {webhook_id, gone}
    await publisher.conn.execute("delete from webhook_events")
    await publisher.conn.execute("delete from webhooks where id = $1", gone)
    await publisher.conn.execute("update variants set sku = 'B'")

    assert [one.webhook_id for one in await publisher.publish()] == [webhook_id]


async def test_a_step_stores_all_its_bodies_at_once_so_that_two_of_them_never_wait_in_a_circle(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[list[bytes]] = []
    insert = payloads.insert_payloads

    async def note(conn: Connection, payloads: list[Payload], *, older: set[bytes]) -> None:
        stored.append([payload.digest for payload in payloads])
        await insert(conn, payloads, older=older)

    monkeypatch.setattr(payloads, "insert_payloads", note)
    for _ in range(6):
        await create_variant(publisher.conn, notes="x" * 1_000_000)
    await recorded(publisher.conn)
    for query in ("id notes sku", "sku notes"):
        await publisher.subscribe(query, klass=VARIANT)
    await publisher.conn.execute("update variants set sku = 'B'")

    await publish_step(publisher.resources, limit=500, budget=Budget(seconds=60))

    # Those that say nothing of the variant itself are all the same.
    assert [len(digests) for digests in stored] == [6 + 1]


async def test_a_deadlock_is_nobodys_fault_the_step_is_done_again_and_nothing_is_set_aside(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_variant(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("sku", klass=VARIANT)
    await publisher.conn.execute("update variants set sku = 'B'")
    failures = [asyncpg.DeadlockDetectedError("deadlock detected") for _ in range(5)]

    async def fail_first(*args: object, **options: object) -> Step | None:
        if failures:
            raise failures.pop()
        return await publish_step(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(publish, "publish_step", fail_first)

    assert len(await publisher.publish()) == 1
    assert await left(publisher) == []


async def test_whoever_ends_the_connection_again_and_again_has_nothing_set_aside(publisher: Publisher) -> None:
    await create_variant(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("sku", klass=VARIANT)
    await publisher.conn.execute(
        """
        create function end_it() returns trigger language plpgsql as
          $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
        create trigger end_it after insert on webhook_events for each statement execute function end_it();
        update variants set sku = 'B';
        """
    )

    for _ in range(20):
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await publish_all(publisher.resources)
    await publisher.conn.execute("drop trigger end_it on webhook_events")

    assert len(await publisher.publish()) == 1
    assert await left(publisher) == []


@pytest.mark.parametrize(("lost", "is_set_aside"), [(8, False), (40, True)])
async def test_what_loses_the_connection_each_time_is_set_aside_later(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch, lost: int, is_set_aside: bool
) -> None:
    """As a statement does that makes PostgreSQL crash; a few losses may have any other cause."""
    await create_variant(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("sku", klass=VARIANT)
    await publisher.conn.execute("update variants set sku = 'B'")
    losses = [asyncpg.InterfaceError("connection is closed") for _ in range(lost)]

    async def lose_first(*args: object, **options: object) -> Step | None:
        if losses:
            raise losses.pop()
        return await publish_step(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(publish, "publish_step", lose_first)
    for _ in range(lost):
        with suppress(asyncpg.InterfaceError):
            await publisher.publish()

    assert any(lane == Lane.SET_ASIDE for _, lane, _ in await left(publisher)) == is_set_aside


async def test_a_trigger_that_raises_the_error_of_a_conflict_each_time_stops_its_own_entity_alone(
    publisher: Publisher,
) -> None:
    one, other = [await create_variant(publisher.conn) for _ in range(2)]
    await recorded(publisher.conn)
    webhook_id = await publisher.subscribe("sku", klass=VARIANT)
    await publisher.conn.execute(
        f"""
        create function refuse() returns trigger language plpgsql as
          $$ begin raise exception 'no' using errcode = 'serialization_failure'; end $$;
        create trigger refuse before insert on webhook_events for each row
          when (new.entity_id = {one.id} and new.entity_type = 'Variant') execute function refuse();
        """
    )

    await publisher.conn.execute("update variants set sku = 'B'")
    made = await publisher.publish()

    assert [event.entity for event in made if event.webhook_id == webhook_id] == [("Variant", other.id)]
    assert [(entity, lane) for entity, lane, _ in await left(publisher)] == [(one.id, Lane.SET_ASIDE)]
