"""Large bodies are told, or refused by size, and keep nobody waiting. TELLGRAPH_LONG_FAULTS=1 runs the whole amounts.

The canary is another seller's webhook of another type; see tests/support/canary.py.
"""

from collections import Counter

import asyncpg
import pytest

from tests.builders.crowds import create_variants, create_webhooks
from tests.builders.sellers import create_seller
from tests.support.canary import Scene, running_scene
from tests.support.load import IS_LONG
from tests.support.receiver import Receiver
from tests.support.sink import Sink, running_sink

pytestmark = pytest.mark.faults


async def create_load(database_url: str, sink: Sink, *, variants: int, notes_bytes: int, queries: int) -> list[int]:
    """Create one seller's variants with large notes, and its webhooks with a query each. Returns the webhooks."""
    conn = await asyncpg.connect(database_url)
    try:
        seller = await create_seller(conn)
        await create_variants(conn, variants, seller_id=seller.id, notes_bytes=notes_bytes)
        selections = [f"sku text{number}: notes" for number in range(queries)]
        return await create_webhooks(conn, sink.url(), selections, seller_id=seller.id)
    finally:
        await conn.close()


async def check_all_told(scene: Scene, *, webhooks: int, variants: int, least_bytes: int) -> None:
    """Fail unless each webhook's endpoint was sent each variant once, whole."""
    assert await scene.states() == {"DELIVERED": webhooks * variants}
    posts = scene.sink.posts()
    assert Counter(Counter((one.path, one.entity) for one in posts).values()) == {1: webhooks * variants}
    assert min(one.size_bytes for one in posts) >= least_bytes
    assert scene.failures() == []


async def test_a_seller_with_many_bodies_of_a_megabyte_keeps_nobody_waiting(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    variants, size = (60, 1_250_000) if IS_LONG else (25, 1_250_000)
    with running_sink() as sink:
        webhooks = await create_load(database_url, sink, variants=variants, notes_bytes=size, queries=11)
        async with running_scene(database_url, redis_url, receiver, sink, max_payload_bytes=2 * 2**20) as scene:
            async with scene.storm(f"11 webhooks x {variants} bodies of 1.25 MB") as figures:
                await scene.conn.execute("update variants set sku = 'new'")
                await scene.settle()

            await check_all_told(scene, webhooks=len(webhooks), variants=variants, least_bytes=size)
            scene.check(figures)


async def test_many_queries_about_many_variants_keep_nobody_waiting(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    queries, variants, size = (60, 500, 40_000) if IS_LONG else (60, 100, 60_000)
    with running_sink() as sink:
        await create_load(database_url, sink, variants=variants, notes_bytes=size, queries=queries)
        async with running_scene(database_url, redis_url, receiver, sink) as scene:
            async with scene.storm(f"{queries} queries x {variants} bodies of {size // 1000} KB") as figures:
                await scene.conn.execute("update variants set sku = 'new'")
                await scene.settle()

            await check_all_told(scene, webhooks=queries, variants=variants, least_bytes=size)
            scene.check(figures)


async def test_bodies_above_the_limit_are_refused_with_their_size_and_keep_nobody_waiting(
    database_url: str, redis_url: str, receiver: Receiver
) -> None:
    variants, size = (280, 4_000_000) if IS_LONG else (40, 4_000_000)
    with running_sink() as sink:
        await create_load(database_url, sink, variants=variants, notes_bytes=size, queries=1)
        async with running_scene(database_url, redis_url, receiver, sink, max_payload_bytes=2**20) as scene:
            async with scene.storm(f"{variants} bodies of 4 MB above a limit of 1 MiB") as figures:
                await scene.conn.execute("update variants set sku = 'new'")
                await scene.settle()

            assert await scene.states() == {"RENDER_FAILED": variants}
            reasons = await scene.conn.fetch("select distinct reason from webhook_events where state = 'RENDER_FAILED'")
            # In bytes or in megabytes, with or without separators.
            assert all(
                any(
                    digits in row["reason"].replace(",", "").replace("_", "")
                    for digits in ("40000", "4.0", "3.8", "4 M")
                )
                for row in reasons
            ), reasons
            assert sink.posts() == []
            scene.check(figures)
