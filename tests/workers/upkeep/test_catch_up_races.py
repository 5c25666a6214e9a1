"""Catching up beside publishers and deliverers, and over the death of a worker."""

import asyncio

import asyncpg
import pytest

from app.auth.viewers import Viewer
from app.capture.missed_changes import MAX_HELD
from app.db.pool import DATABASE_ERRORS
from app.webhooks.db.webhooks import WebhookId, find_webhook
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.services.webhooks import update_webhook
from tests.builders.deliveries import create_due_events
from tests.builders.invoices import create_invoice
from tests.builders.variants import create_variant
from tests.support.held import held
from tests.support.outbox import Publisher
from workers.publish.job import publish_all
from workers.upkeep.catch_up import catch_up_all, catch_up_step

#: Against whoever writes to it; reading goes on.
_NO_MISSED = "lock table missed_changes in share mode"
_NO_EVENTS = "lock table webhook_events in share mode"


async def is_behind(publisher: Publisher) -> bool:
    return bool(await publisher.conn.fetchval("select bool_or(missed_since is not null) from webhooks"))


async def set_enabled(publisher: Publisher, *, is_enabled: bool) -> None:
    await publisher.conn.execute("update webhooks set is_enabled = $1", is_enabled)


async def test_what_a_publisher_records_while_the_webhook_is_enabled_is_told(
    publisher: Publisher, database_url: str
) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, is_enabled=False)
    variant = await create_variant(publisher.conn)
    async with held(database_url, _NO_MISSED) as lock:
        publishing = asyncio.create_task(publish_all(publisher.resources))
        await lock.reached("insert into missed_changes")

        await set_enabled(publisher, is_enabled=True)
        for _ in range(3):
            assert await catch_up_step(publisher.resources) == 0
        was_behind, early = await is_behind(publisher), await publisher.made()
    await publishing
    await catch_up_all(publisher.resources)

    assert (was_behind, early) == (True, [])
    (made,) = await publisher.made()
    assert (made.entity, made.outcome) == (("Variant", variant.id), ("create", "PENDING"))
    assert not await is_behind(publisher)


async def test_a_worker_that_dies_in_the_middle_of_a_step_leaves_nothing_of_it_and_loses_nothing(
    publisher: Publisher, database_url: str
) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, is_enabled=False)
    variants = [await create_variant(publisher.conn) for _ in range(5)]
    await publisher.publish()
    await set_enabled(publisher, is_enabled=True)
    while not (first := await publisher.made()):
        assert await catch_up_step(publisher.resources) is not None
    async with held(database_url, _NO_EVENTS) as lock:
        dying = asyncio.create_task(catch_up_all(publisher.resources))
        await lock.reached("nextval('webhook_events_id_seq')")
        await lock.end_waiting()
        with pytest.raises(DATABASE_ERRORS):
            await dying
    after = await publisher.made()

    await catch_up_all(publisher.resources)

    assert after == first
    made = await publisher.made()
    assert sorted(one.entity[1] for one in made) == [variant.id for variant in variants]
    assert {one.outcome for one in made} == {("create", "PENDING")}


async def test_it_is_disabled_again_without_waiting_for_a_step(publisher: Publisher, database_url: str) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, is_enabled=False)
    await create_variant(publisher.conn)
    await publisher.publish()
    await set_enabled(publisher, is_enabled=True)
    async with held(database_url, _NO_EVENTS) as lock:
        catching_up = asyncio.create_task(catch_up_all(publisher.resources))
        await lock.reached("nextval('webhook_events_id_seq')")

        await asyncio.wait_for(set_enabled(publisher, is_enabled=False), 5)
    await catching_up

    assert await is_behind(publisher)
    await set_enabled(publisher, is_enabled=True)
    await catch_up_all(publisher.resources)
    assert [one.event_name for one in await publisher.made()] == ["create"]
    assert not await is_behind(publisher)


async def test_one_that_is_disabled_at_its_last_step_goes_on_missing_changes(
    publisher: Publisher, database_url: str
) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, is_enabled=False)
    await set_enabled(publisher, is_enabled=True)
    # Its first step finds that nothing was missed; the last one is to note that.
    assert await catch_up_step(publisher.resources) == 0
    async with held(database_url, "update webhooks set is_enabled = false") as disabling:
        finishing = asyncio.create_task(catch_up_step(publisher.resources))
        await disabling.reached("for no key update")
        await disabling.conn.execute("commit")
        await finishing
        await disabling.conn.execute("begin")

    variant = await create_variant(publisher.conn)
    await publisher.publish()
    await set_enabled(publisher, is_enabled=True)
    await catch_up_all(publisher.resources)

    assert [(one.entity[1], one.event_name) for one in await publisher.made()] == [(variant.id, "create")]


async def test_live_changes_are_published_while_it_catches_up(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)
    variant = await create_variant(publisher.conn)
    await publisher.publish()
    await publisher.deliver()
    await set_enabled(publisher, is_enabled=False)
    await publisher.conn.execute("update variants set sku = 'missed'")
    await publisher.publish()
    await set_enabled(publisher, is_enabled=True)

    await publisher.conn.execute("update variants set sku = 'live'")
    *_, live = await publisher.publish()
    await catch_up_all(publisher.resources)
    *_, last = await publisher.made()

    assert (live.entity[1], live.outcome) == (variant.id, ("update", "PENDING"))
    assert live.response["data"]["node"]["sku"] == "live"
    assert last.outcome == ("update", "SKIPPED")


async def test_a_live_change_of_what_it_has_not_heard_of_is_a_creation(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, is_enabled=False)
    await create_variant(publisher.conn)
    await publisher.publish()
    await set_enabled(publisher, is_enabled=True)

    await publisher.conn.execute("update variants set sku = 'live'")
    (live,) = await publisher.publish()
    await catch_up_all(publisher.resources)

    assert live.outcome == ("create", "PENDING")
    assert [one.outcome for one in (await publisher.made())[1:]] == [("create", "SKIPPED")]


async def test_two_workers_tell_each_entity_once(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, is_enabled=False)
    variants = [await create_variant(publisher.conn) for _ in range(20)]
    await publisher.publish()
    await set_enabled(publisher, is_enabled=True)

    await asyncio.gather(*(catch_up_all(publisher.resources) for _ in range(2)))
    await catch_up_all(publisher.resources)

    assert sorted(one.entity[1] for one in await publisher.made()) == [variant.id for variant in variants]
    assert not await is_behind(publisher)


async def test_who_asks_for_every_change_holds_so_many_and_then_misses_them(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents", every_change=True, is_enabled=False)
    webhook = await find_webhook(publisher.conn, WebhookId(webhook_id))
    assert webhook is not None
    invoice = await create_invoice(publisher.conn, total_cents=1)
    await publisher.conn.execute("update change_events set published_at = now() where published_at is null")
    await create_due_events(publisher.conn, webhook, MAX_HELD - 1, first_entity=10**6, state="HELD")

    for cents in (2, 3, 4):
        await publisher.conn.execute("update invoices set total_cents = $1", cents)
        await publish_all(publisher.resources)
    made = "select count(*) from webhook_events where entity_id = $1"
    held_of_it = await publisher.conn.fetchval(made, invoice.id)
    missed = await publisher.conn.fetchval("select count(*) from missed_changes where entity_id = $1", invoice.id)
    await update_webhook(
        publisher.resources.database,
        Viewer(None),
        publisher.resources.settings,
        webhook_id=WebhookId(webhook_id),
        attributes={"is_enabled": True},
    )
    await catch_up_all(publisher.resources)

    assert (held_of_it, missed) == (1, 1)
    shown = [
        one.response["data"]["node"]["totalCents"] for one in await publisher.made() if one.entity[1] == invoice.id
    ]
    assert shown == [2, 4]
    assert not await is_behind(publisher)
    states = await publisher.conn.fetch("select distinct state from webhook_events")
    assert [row["state"] for row in states] == ["PENDING"]


async def test_who_asks_for_every_change_and_holds_few_misses_nothing(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, every_change=True, is_enabled=False)
    # Its changes are recorded for another's sake.
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, is_enabled=False)
    await create_variant(publisher.conn)
    await publisher.publish()

    await publisher.conn.execute("update webhooks set is_enabled = true where every_change")
    await catch_up_all(publisher.resources)

    assert [one.outcome for one in await publisher.made()] == [("create", "HELD")]


async def test_a_frozen_publisher_keeps_nobody_from_the_other_shards(
    publisher: Publisher, conn: asyncpg.Connection, database_url: str
) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, is_enabled=False)
    variants = [await create_variant(publisher.conn) for _ in range(6)]
    await publisher.publish()
    await set_enabled(publisher, is_enabled=True)
    shard = await conn.fetchval("select shard from missed_changes where entity_id = $1", variants[0].id)
    others = await conn.fetch("select entity_id from missed_changes where shard <> $1 order by entity_id", shard)

    async with held(database_url, f"select pg_advisory_xact_lock(7201, {shard})"):
        while len(made := await publisher.made()) < len(others):
            assert await catch_up_step(publisher.resources) is not None
        behind = await is_behind(publisher)
    await catch_up_all(publisher.resources)

    assert sorted(one.entity[1] for one in made) == [row["entity_id"] for row in others]
    assert behind
    assert len(await publisher.made()) == len(variants)
    assert {one.event_name for one in made} == {WebhookEventName.CREATE.lower()}
