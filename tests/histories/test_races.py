"""Changes between two statements of a publisher. A lock places them there, because random histories rarely do."""

import asyncio

import asyncpg

from app.webhooks.domain.webhook import WebhookKlass
from tests.builders.variants import create_variant
from tests.support.outbox import running_publisher
from tests.support.receiver import Receiver
from tests.support.waiting import DEADLINE_S, LOCK_IS_AWAITED, until
from workers.deliver.job import Deliverer


async def test_a_creation_that_leaves_while_its_destroy_is_judged_is_followed_by_the_destroy(
    database_url: str, receiver: Receiver
) -> None:
    conn, blocker = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    async with running_publisher(conn, database_url) as publisher, Deliverer(publisher.resources).recording() as out:
        late = await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, url=receiver.url("/late"))
        await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, url=receiver.url("/known"))
        await create_variant(conn)
        await publisher.publish()
        await conn.execute("update webhooks set paused_until = now() + interval '1 h' where id = $1", late)
        await out.deliver_all()
        await conn.execute("update webhooks set paused_until = null")
        await conn.execute("delete from variants")
        async with blocker.transaction():
            # The publisher has judged: one is to be told of the destroy, the other never heard of the variant.
            await blocker.execute("lock table payloads in share mode")
            publishing = asyncio.create_task(publisher.publish())
            await until(lambda: conn.fetchval(LOCK_IS_AWAITED))
            delivering = asyncio.create_task(out.deliver_all())
            # It passes over what the publisher has locked; were that not locked, it would leave now.
            await asyncio.wait_for(delivering, DEADLINE_S)
        await publishing
        await out.deliver_all()

    told = [(one.path, one.json["event_name"]) for one in receiver.deliveries]
    assert told.count(("/known", "destroy")) == 1
    assert [name for path, name in told if path == "/late"] in ([], ["create", "destroy"])
    await conn.close()
    await blocker.close()


async def test_a_creation_that_leaves_while_an_update_of_it_is_judged_is_not_followed_by_another(
    database_url: str, receiver: Receiver
) -> None:
    conn, blocker = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    async with running_publisher(conn, database_url) as publisher, Deliverer(publisher.resources).recording() as out:
        await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, url=receiver.url("/"))
        await create_variant(conn, sku="A")
        await publisher.publish()
        await conn.execute("update variants set sku = 'B'")
        async with blocker.transaction():
            # The publisher has judged, and has not stored yet what takes the creation's place.
            await blocker.execute("lock table payloads in share mode")
            publishing = asyncio.create_task(publisher.publish())
            await until(lambda: conn.fetchval(LOCK_IS_AWAITED))
            await asyncio.wait_for(asyncio.create_task(out.deliver_all()), DEADLINE_S)
        await publishing
        await out.deliver_all()

    told = [(one.json["event_name"], one.json["payload"]["data"]["node"]["sku"]) for one in receiver.deliveries]
    assert told == [("create", "B")]
    await conn.close()
    await blocker.close()
