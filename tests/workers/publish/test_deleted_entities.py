"""A destroy is an entity's last event: changes of its parts after that are no updates."""

import asyncio

import asyncpg

from app.auth.viewers import Viewer
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.services.webhook_backfills import start_backfill
from app.webhooks.services.webhook_events import replay_event
from tests.builders.owned import create_image
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher
from tests.support.waiting import LOCK_IS_AWAITED, until
from workers.publish.deleted_entities import GONE
from workers.upkeep.backfill import backfill_batch
from workers.upkeep.replay import NOT_VISIBLE, render_again


async def test_a_part_of_what_was_deleted_softly_is_no_update_of_it(publisher: Publisher) -> None:
    await publisher.subscribe("title variants { nodes { countOnHand } }", klass=WebhookKlass.ADVERT)
    await create_variant(publisher.conn)
    await publisher.conn.execute("update adverts set deleted_at = now()")
    await publisher.publish()
    await publisher.deliver()

    await publisher.conn.execute("update variants set count_on_hand = 77")
    *_, last = await publisher.publish()

    assert (last.outcome, last.reason) == (("update", "SKIPPED"), GONE)


async def test_a_part_of_what_was_deleted_for_good_is_no_update_of_it(publisher: Publisher) -> None:
    await publisher.subscribe("images { totalCount }", klass=WebhookKlass.VARIANT)
    variant = await create_variant(publisher.conn)
    await create_image(publisher.conn, "Variant", variant.id)
    await publisher.publish()
    await publisher.deliver()
    await publisher.conn.execute("delete from variants")
    await publisher.publish()
    await publisher.deliver()

    await publisher.conn.execute("delete from images")
    *_, destroyed, last = await publisher.publish()

    assert destroyed.outcome == ("destroy", "DELIVERED")
    assert (last.outcome, last.reason) == (("update", "SKIPPED"), GONE)


async def test_what_is_restored_is_told_again(publisher: Publisher) -> None:
    await publisher.subscribe("sku images { totalCount }", klass=WebhookKlass.VARIANT)
    variant = await create_variant(publisher.conn)
    await publisher.conn.execute("update variants set deleted_at = now()")
    await create_image(publisher.conn, "Variant", variant.id)
    await publisher.publish()

    await publisher.conn.execute("update variants set deleted_at = null")
    await create_image(publisher.conn, "Variant", variant.id)
    *_, last = await publisher.publish()

    assert (last.outcome, last.response["data"]["node"]["images"]) == (("create", "PENDING"), {"totalCount": 2})


async def test_who_asks_for_every_change_is_told_of_those_before_the_destroy(publisher: Publisher) -> None:
    await publisher.subscribe("images { totalCount }", klass=WebhookKlass.VARIANT, every_change=True)
    variant = await create_variant(publisher.conn)
    await create_image(publisher.conn, "Variant", variant.id)
    await publisher.conn.execute("update variants set deleted_at = now()")
    await create_image(publisher.conn, "Variant", variant.id)

    made = await publisher.publish()

    assert sorted(one.outcome for one in made) == [
        ("create", "PENDING"),
        ("destroy", "PENDING"),
        ("update", "PENDING"),
        ("update", "SKIPPED"),
    ]


async def test_what_is_deleted_while_a_backfill_waits_for_its_publisher_is_not_told_as_being_there(
    publisher: Publisher, database_url: str
) -> None:
    blocker = await asyncpg.connect(database_url)
    webhook_id = await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, event_names=[WebhookEventName.DESTROY])
    variant = await create_variant(publisher.conn)
    await publisher.publish()
    await start_backfill(
        publisher.resources.database,
        Viewer(None),
        webhook_id=WebhookId(webhook_id),
        updated_since=None,
        updated_until=None,
        rate_per_second=500,
        is_forced=True,
    )
    async with blocker.transaction():
        await blocker.execute("select lock_entities('Variant', array[$1::bigint])", variant.id)
        filling = asyncio.create_task(backfill_batch(publisher.resources))
        await until(lambda: publisher.conn.fetchval(LOCK_IS_AWAITED))
        await publisher.conn.execute("update variants set deleted_at = now()")
    await filling

    made = await publisher.publish()

    assert [(one.outcome, one.reason) for one in made] == [
        (("update", "SKIPPED"), GONE),
        (("destroy", "PENDING"), None),
    ]
    await blocker.close()


async def test_what_could_not_be_rendered_is_not_told_after_its_destroy(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)
    query = await publisher.conn.fetchval("select query_string from webhooks")
    await publisher.conn.execute("update webhooks set query_string = replace(query_string, 'sku', 'gone')")
    await create_variant(publisher.conn)
    (failed,) = await publisher.publish()
    await publisher.conn.execute("update webhooks set query_string = $1", query)
    await publisher.conn.execute("update variants set deleted_at = now()")
    await publisher.publish()

    await replay_event(publisher.resources.database, Viewer(None), event_id=WebhookEventId(failed.id))
    await render_again(publisher.resources)
    first, second = await publisher.made()

    assert (first.outcome, first.reason) == (("create", "RENDER_FAILED"), NOT_VISIBLE)
    assert second.outcome == ("destroy", "PENDING")
