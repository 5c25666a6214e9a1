"""Events of an entity that is deleted, changed, restored and deleted again."""

import asyncio

import asyncpg
import pytest

from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.services.deduplication import NEVER_SENT, TOLD_ALREADY
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher
from tests.support.waiting import LOCK_IS_AWAITED, until
from workers.publish.job import publish_all, publish_steps
from workers.publish.step import Step

VARIANT = WebhookKlass.VARIANT


async def told(publisher: Publisher) -> None:
    await publisher.publish()
    await publisher.deliver()


async def test_what_was_changed_while_it_was_deleted_is_told_when_it_is_restored(publisher: Publisher) -> None:
    for options in ({}, {"every_change": True}, {"allow_skip": False}, {"triggers": ["notes"]}):
        await publisher.subscribe("sku notes", klass=VARIANT, **options)
    await create_variant(publisher.conn)
    await told(publisher)

    async with publisher.conn.transaction():
        await publisher.conn.execute("update variants set deleted_at = now()")
        await publisher.conn.execute("update variants set notes = 'changed'")
        await publisher.conn.execute("update variants set deleted_at = null")

    made = [one for one in await publisher.publish() if one.event_name == "update"]
    assert [(one.state, one.response["data"]["node"]["notes"]) for one in made] == [("PENDING", "changed")] * 4


async def test_a_destroy_is_told_once(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=VARIANT)
    await publisher.subscribe("sku", klass=VARIANT, every_change=True)
    await create_variant(publisher.conn)
    await told(publisher)
    await publisher.conn.execute("update variants set deleted_at = now()")
    await told(publisher)

    await publisher.conn.execute("delete from variants")
    made = await publisher.publish()

    assert [one.event_name for one in made] == ["create", "create", "destroy", "destroy"]


async def test_a_destroy_is_told_once_where_nobody_looked_in_between(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=VARIANT, every_change=True)
    await create_variant(publisher.conn)
    await told(publisher)

    await publisher.conn.execute("update variants set deleted_at = now()")
    await publisher.conn.execute("delete from variants")
    made = await publisher.publish()

    assert [one.event_name for one in made] == ["create", "destroy"]


async def test_who_is_not_told_of_creations_is_told_of_one_destroy(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=VARIANT, event_names=[WebhookEventName.UPDATE, WebhookEventName.DESTROY])
    await create_variant(publisher.conn)
    await told(publisher)
    for deleted_at in ("now()", "null", "now()"):
        await publisher.conn.execute(f"update variants set deleted_at = {deleted_at}")
        await told(publisher)

    *_, last = await publisher.publish()

    assert (last.outcome, last.reason) == (("destroy", "SKIPPED"), TOLD_ALREADY)


@pytest.mark.parametrize("every_change", [False, True])
async def test_what_came_and_went_before_a_publisher_looks_has_no_end(publisher: Publisher, every_change: bool) -> None:
    await publisher.subscribe("sku", klass=VARIANT, every_change=every_change)
    await create_variant(publisher.conn)
    await publisher.conn.execute("update variants set sku = 'B'")
    await publisher.conn.execute("delete from variants")

    made = await publisher.publish()

    expected = [(("destroy", "SKIPPED"), NEVER_SENT)] if every_change else []
    assert [(one.outcome, one.reason) for one in made] == expected


async def test_what_went_came_and_went_before_a_publisher_looks_has_one_end(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=VARIANT, every_change=True)
    await create_variant(publisher.conn)
    await told(publisher)
    for deleted_at in ("now()", "null"):
        await publisher.conn.execute(f"update variants set deleted_at = {deleted_at}")
    await publisher.conn.execute("delete from variants")

    made = await publisher.publish()

    assert [one.event_name for one in made] == ["create", "destroy"]


async def test_what_is_restored_before_its_destroy_was_sent_is_no_second_creation(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=VARIANT)
    await create_variant(publisher.conn, sku="A")
    await told(publisher)
    await publisher.conn.execute("update variants set deleted_at = now()")
    await publisher.publish()

    await publisher.conn.execute("update variants set deleted_at = null, sku = 'B'")
    *_, destroy, last = await publisher.publish()

    assert (destroy.outcome, last.outcome) == (("destroy", "SUPERSEDED"), ("update", "PENDING"))


async def test_what_is_gone_when_it_is_rendered_is_left_to_its_destroy(publisher: Publisher, database_url: str) -> None:
    writer = await asyncpg.connect(database_url)
    await publisher.subscribe("sku", klass=VARIANT)
    kept = await create_variant(publisher.conn)
    await told(publisher)
    await create_variant(publisher.conn)
    await publisher.conn.execute("update variants set sku = 'B' where id = $1", kept.id)

    # A publisher that has claimed waits until both are gone.
    async with writer.transaction():
        await writer.execute("lock table variants in access exclusive mode")
        publishing = asyncio.create_task(publish_all(publisher.resources))
        await until(lambda: publisher.conn.fetchval(LOCK_IS_AWAITED))
        await writer.execute("delete from variants")
    await publishing
    await publish_all(publisher.resources)
    await writer.close()

    made = await publisher.made()
    assert [(one.entity[1], one.outcome) for one in made[1:]] == [(kept.id, ("destroy", "PENDING"))]


async def test_who_comes_to_have_what_is_gone_by_then_is_told_nothing(publisher: Publisher, database_url: str) -> None:
    writer = await asyncpg.connect(database_url)
    former, latter = [int((await create_seller(publisher.conn)).id) for _ in range(2)]
    former_webhook, _ = [await publisher.subscribe("sku", klass=VARIANT, seller_id=one) for one in (former, latter)]
    await create_variant(publisher.conn, seller_id=former)
    await told(publisher)
    await publisher.conn.execute("update variants set seller_id = $1", latter)

    # A publisher has claimed the move, and not looked yet whose the variant is.
    async with writer.transaction():
        await writer.execute("lock table variants in access exclusive mode")
        publishing = asyncio.create_task(_list_steps(publisher))
        await until(lambda: publisher.conn.fetchval(LOCK_IS_AWAITED))
        await writer.execute("delete from variants")
    steps = await publishing
    await writer.close()

    made = await publisher.made()
    assert [(one.webhook_id, one.event_name) for one in made[1:]] == [(former_webhook, "destroy")]
    # The move waits once, and is published with the destroy.
    assert [step.published for step in steps] == [1, 2, 1]


async def _list_steps(publisher: Publisher) -> list[Step]:
    return [step async for step in publish_steps(publisher.resources)]
