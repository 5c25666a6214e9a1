"""An endpoint that refuses one state of an entity is told the next one as soon as there is one."""

import asyncio

from aiohttp import web

from tests.builders.variants import create_variant
from tests.support.platform import Platform
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until

QUERY = "query($id: ID!) { node(id: $id) { ... on Variant { sku } } }"


async def test_next_state_goes_out_when_the_poisonous_one_has_failed(platform: Platform, receiver: Receiver) -> None:
    conn = platform.conn
    published = asyncio.Event()

    async def answer(delivery: Delivery) -> web.StreamResponse:
        if delivery.data["node"]["sku"] != "POISON":
            return web.Response()
        # In flight until the next state waits behind it.
        await published.wait()
        return web.Response(status=500)

    receiver.answering = answer
    await platform.create_webhook(receiver.url(), QUERY, type="VARIANT")
    await create_variant(conn, sku="A")
    await receiver.wait_for()
    await until(lambda: conn.fetchval("select bool_and(state = 'DELIVERED') from webhook_events"))

    await conn.execute("update variants set sku = 'POISON'")
    await receiver.wait_for(count=2)
    await conn.execute("update variants set sku = 'C'")
    await until(lambda: conn.fetchval("select count(*) = 1 from webhook_events where state = 'PENDING'"))
    published.set()
    _, poisonous, following = await receiver.wait_for(count=3)
    await until(lambda: conn.fetchval("select count(*) = 2 from webhook_events where state = 'DELIVERED'"))

    assert (poisonous.data["node"]["sku"], following.data["node"]["sku"]) == ("POISON", "C")
    assert len(receiver.deliveries) == 3
    rows = await conn.fetch("select state, attempt_count, superseded_by is not null from webhook_events order by id")
    assert [tuple(row) for row in rows] == [("DELIVERED", 1, False), ("SUPERSEDED", 1, True), ("DELIVERED", 1, False)]
