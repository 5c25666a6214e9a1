"""Hundreds of webhooks about the same changes: they keep nobody waiting. TELLGRAPH_LONG_FAULTS=1: whole amounts."""

from collections import Counter

import asyncpg
import pytest

from schema.entities import global_ids
from tests.builders.crowds import create_variants, create_webhooks
from tests.builders.sellers import create_seller
from tests.support.canary import Scene, running_scene
from tests.support.load import IS_LONG
from tests.support.receiver import Receiver
from tests.support.sink import Sink, running_sink
from tests.support.waiting import DEADLINE_S, until

pytestmark = pytest.mark.faults


async def create_crowd(
    database_url: str, sink: Sink, *, webhooks: int, variants: int, is_enabled: bool
) -> tuple[int, list[int]]:
    """Create one seller with so many webhooks of one query, and variants. Returns the seller and the webhooks."""
    conn = await asyncpg.connect(database_url)
    try:
        seller = await create_seller(conn)
        await create_variants(conn, variants, seller_id=seller.id)
        queries = ["sku countOnHand"] * webhooks
        ids = await create_webhooks(conn, sink.url(), queries, seller_id=seller.id, is_enabled=is_enabled)
        return int(seller.id), ids
    finally:
        await conn.close()


async def present(scene: Scene) -> dict[str, tuple[str, int]]:
    """Return what each variant shows, by its global id."""
    rows = await scene.conn.fetch("select id, sku, count_on_hand from variants")
    return {global_ids.encode("Variant", row["id"]): (row["sku"], row["count_on_hand"]) for row in rows}


def shown(scene: Scene) -> Counter[tuple[str, tuple[str, int]]]:
    """Count what the endpoint was told, whichever webhook told it."""
    nodes = [(one.entity, one.body["payload"]["data"]["node"]) for one in scene.sink.posts()]
    return Counter((entity, (node["sku"], node["countOnHand"])) for entity, node in nodes)


async def test_a_crowd_of_webhooks_is_told_of_a_bulk_change_and_keeps_nobody_waiting(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    webhooks, variants = (900, 3000) if IS_LONG else (300, 20)
    with running_sink() as sink:
        await create_crowd(database_url, sink, webhooks=webhooks, variants=variants, is_enabled=True)
        async with running_scene(database_url, redis_url, receiver, sink) as scene:
            async with scene.storm(f"{webhooks} webhooks x {variants} changes") as figures:
                await scene.conn.execute("update variants set sku = 'new', count_on_hand = 7")
                await scene.settle()

            assert await scene.states() == {"DELIVERED": webhooks * variants}
            told = shown(scene)
            assert told == dict.fromkeys((await present(scene)).items(), webhooks)
            assert scene.failures() == []
            scene.check(figures)


async def enable(scene: Scene, webhook_id: int) -> None:
    """Enable it by SQL, as an operator's script does: workers see it by themselves."""
    await scene.conn.execute(
        "update webhooks set is_enabled = true, disabled_reason = null, updated_at = now() where id = $1", webhook_id
    )


async def test_a_crowd_of_disabled_webhooks_keeps_nobody_waiting_and_is_told_the_present_when_enabled(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    webhooks, variants = (900, 3000) if IS_LONG else (300, 300)
    with running_sink() as sink:
        _, ids = await create_crowd(database_url, sink, webhooks=webhooks, variants=variants, is_enabled=False)
        async with running_scene(database_url, redis_url, receiver, sink) as scene:
            async with scene.storm(f"{webhooks} disabled webhooks x {variants} changes") as figures:
                await scene.conn.execute("update variants set sku = 'old', count_on_hand = 6")
                await scene.settle()
                await scene.conn.execute("update variants set sku = 'new', count_on_hand = 7")
                await scene.settle()
            assert sink.posts() == []
            await enable(scene, ids[0])
            await settle_enabled(scene, variants)

            assert shown(scene) == dict.fromkeys((await present(scene)).items(), 1)
            assert {one.path for one in sink.posts()} == {"/sink/1"}
            assert scene.failures() == []
            scene.check(figures)


async def settle_enabled(scene: Scene, expected: int) -> None:
    """Wait until so many POSTs have come, and nothing more is open."""

    async def have_come() -> bool:
        return len(scene.sink.posts()) >= expected

    await until(have_come, deadline_s=3600 if IS_LONG else DEADLINE_S)
    await scene.settle()


async def test_a_crowd_of_disabled_webhooks_survives_a_bulk_insert(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    webhooks, inserted = (2000, 50_000) if IS_LONG else (300, 1000)
    with running_sink() as sink:
        seller, ids = await create_crowd(database_url, sink, webhooks=webhooks, variants=1, is_enabled=False)
        async with running_scene(database_url, redis_url, receiver, sink) as scene:
            async with scene.storm(f"{webhooks} disabled webhooks x {inserted} inserts") as figures:
                new = await create_variants(scene.conn, inserted, seller_id=seller)
                await scene.settle()
            assert sink.posts() == []
            await scene.conn.execute("update variants set count_on_hand = 7 where id = $1", new[0])
            await enable(scene, ids[-1])
            await settle_enabled(scene, inserted)

            wanted = await present(scene)
            assert shown(scene) == dict.fromkeys(
                ((entity, wanted[entity]) for entity in (global_ids.encode("Variant", one) for one in new)), 1
            )
            assert {one.name for one in sink.posts()} == {"create"}
            assert scene.failures() == []
            scene.check(figures)
